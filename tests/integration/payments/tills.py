"""The buyer's and the provider's side of each provider, all used in the same way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from config.settings import ServerSettings
from server.payments.alipay.provider import Alipay
from server.payments.gateway import open_gateway
from server.payments.model import Checkout, Payment
from server.payments.sandbox.bill import BillState, Manner
from server.payments.sandbox.provider import SIGNATURE_HEADER, sign
from server.payments.sandbox.store import BillStore
from server.payments.service import Provider
from server.payments.wechat.provider import Wechat
from tests.harness.alipay_gateway import KEYS as ALIPAY_KEYS
from tests.harness.alipay_gateway import AlipayGateway
from tests.harness.gateway import NotPayable, rsa_key
from tests.harness.wechat_gateway import KEYS as WECHAT_KEYS
from tests.harness.wechat_gateway import WechatGateway
from tests.integration.commerce.rig import SECRET, MovedClock, Rig, open_rig

PUBLIC_URL = "https://live.example.cn"
TIMEOUT_SECONDS = 1.5  # a provider on this machine that other tests keep busy has answered by then
Callback = tuple[dict[str, str], bytes]


class Till(Protocol):
    """What a buyer and a provider do."""

    @property
    def name(self) -> str: ...

    async def pay(self, payment: Payment, checkout: Checkout) -> None:
        """The buyer pays. Raises NotPayable."""

    async def callback(self, payment: Payment, *, fen: int | None = None, at: datetime | None = None) -> Callback:
        """What the provider calls back, genuinely signed; `fen`: with this amount; `at`: signed then."""

    async def forged(self, payment: Payment) -> Callback:
        """The same by somebody who does not have the provider's key."""

    async def strange(self, payment: Payment) -> Callback:
        """Genuinely signed, about a payment that nobody has begun."""

    async def refunded_fen(self, payment: Payment) -> int:
        """How much the buyer has back."""


@dataclass
class SandboxTill:
    """The sandbox's own books."""

    bills: BillStore
    clock: MovedClock
    name: str = "sandbox"

    async def pay(self, payment: Payment, checkout: Checkout) -> None:
        assert checkout.url == f"/sandbox/payments/{payment.id}"
        if await self.bills.pay(payment.id, "", self.clock.now(), None, Manner.NEVER) is None:
            raise NotPayable

    async def callback(self, payment: Payment, *, fen: int | None = None, at: datetime | None = None) -> Callback:
        return self._signed(payment.id, payment.amount_fen if fen is None else fen, SECRET, at)

    async def forged(self, payment: Payment) -> Callback:
        return self._signed(payment.id, payment.amount_fen, SECRET[::-1], None)

    async def strange(self, payment: Payment) -> Callback:
        return self._signed("0" * 32, payment.amount_fen, SECRET, None)

    async def refunded_fen(self, payment: Payment) -> int:
        bill = await self.bills.get(payment.id)
        return bill.amount_fen if bill is not None and bill.state is BillState.REFUNDED else 0

    def _signed(self, number: str, fen: int, secret: str, at: datetime | None) -> Callback:
        told = {"event": "paid", "payment_id": number, "amount_fen": fen, "reference": "R"}
        body = json.dumps(told).encode()
        return {SIGNATURE_HEADER: sign(secret, body, at or self.clock.now())}, body


@dataclass
class WechatTill:
    """The gateway's books."""

    gateway: WechatGateway
    name: str = "wechat"

    async def pay(self, payment: Payment, checkout: Checkout) -> None:
        assert checkout.url.startswith("https://wx.tenpay.com/" if payment.payer.on_phone else "weixin://")
        self.gateway.pay(payment.id)

    async def callback(self, payment: Payment, *, fen: int | None = None, at: datetime | None = None) -> Callback:
        trade = self.gateway.trades[payment.id]
        changes: dict[str, Any] = (
            {} if fen is None else {"amount": {"total": fen, "payer_total": fen, "currency": "CNY"}}
        )
        return self.gateway.callback(trade, at=at, **changes)

    async def forged(self, payment: Payment) -> Callback:
        return self.gateway.callback(self.gateway.trades[payment.id], key=rsa_key("a stranger"))

    async def strange(self, payment: Payment) -> Callback:
        return self.gateway.callback(self.gateway.trades[payment.id], out_trade_no="0" * 32)

    async def refunded_fen(self, payment: Payment) -> int:
        return sum(self.gateway.trades[payment.id].refunds.values())


@dataclass
class AlipayTill:
    """The gateway's books."""

    gateway: AlipayGateway
    name: str = "alipay"

    async def pay(self, payment: Payment, checkout: Checkout) -> None:
        self.gateway.open(checkout.url)
        self.gateway.pay(payment.id)

    async def callback(self, payment: Payment, *, fen: int | None = None, at: datetime | None = None) -> Callback:
        trade = self.gateway.trades[payment.id]
        changes: dict[str, Any] = {} if fen is None else {"total_amount": f"{fen // 100}.{fen % 100:02}"}
        return self.gateway.callback(trade, at=at, **changes)

    async def forged(self, payment: Payment) -> Callback:
        return self.gateway.callback(self.gateway.trades[payment.id], key=rsa_key("a stranger"))

    async def strange(self, payment: Payment) -> Callback:
        return self.gateway.callback(self.gateway.trades[payment.id], out_trade_no="0" * 32)

    async def refunded_fen(self, payment: Payment) -> int:
        return sum(self.gateway.trades[payment.id].refunds.values())


@dataclass
class Market:
    """A shop in which one can pay in all ways."""

    rig: Rig
    wechat: WechatGateway
    alipay: AlipayGateway
    tills: dict[str, Till]


@asynccontextmanager
async def open_market(settings: ServerSettings) -> AsyncIterator[Market]:
    """The shop, and the gateways of its providers on free ports."""
    clock = MovedClock()
    async with (
        WechatGateway(clock) as wechat,
        AlipayGateway(clock) as alipay,
        open_gateway(TIMEOUT_SECONDS) as client,
    ):
        ways: list[Provider] = [
            Wechat(WECHAT_KEYS, client, wechat.url, PUBLIC_URL, clock),
            Alipay(ALIPAY_KEYS, client, f"{alipay.url}/gateway.do", PUBLIC_URL, clock),
        ]
        async with open_rig(settings, clock, ways) as rig:
            tills: list[Till] = [SandboxTill(rig.bill_store, clock), WechatTill(wechat), AlipayTill(alipay)]
            yield Market(rig, wechat, alipay, {till.name: till for till in tills})
