"""A gateway that behaves like Alipay's: checks who asks, signs what it answers and calls back."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from server.payments.alipay.signing import AlipayKeys
from tests.harness.gateway import FakeGateway, Mood, Trade, private_pem, public_pem, rsa_key, signed

KEYS = AlipayKeys(
    app_id="2021000000000001",
    seller_id="2088000000000001",
    private_key=private_pem(rsa_key("alipay app")),
    public_key=public_pem(rsa_key("alipay")),
)
BEIJING = timezone(timedelta(hours=8))
TIME = "%Y-%m-%d %H:%M:%S"
CLOCKS_APART = timedelta(minutes=15)


class Refused(Exception):
    """Answered with code 40004 and this sub code."""


class AlipayGateway(FakeGateway):
    """As `https://openapi.alipay.com/gateway.do`."""

    def add_routes(self, app: web.Application) -> None:
        """Everything is asked at one address."""
        app.add_routes([web.post("/gateway.do", self._answer)])

    def open(self, url: str) -> Trade:
        """The buyer opens the address that he was sent to: only now there is a trade."""
        fields = self._checked(urlsplit(url).query)
        self.asked.append(fields["method"])
        wish = json.loads(fields["biz_content"])
        products = {"alipay.trade.wap.pay": "QUICK_WAP_WAY", "alipay.trade.page.pay": "FAST_INSTANT_TRADE_PAY"}
        assert wish["product_code"] == products[fields["method"]]
        assert fields["return_url"]
        expires_at = datetime.strptime(wish["time_expire"], TIME).replace(tzinfo=BEIJING)
        number = wish["out_trade_no"]
        return self.trades.setdefault(
            number, Trade(number, _fen(wish["total_amount"]), expires_at, fields["notify_url"])
        )

    def callback(
        self, trade: Trade, *, key: RSAPrivateKey | None = None, at: datetime | None = None, **changes: str
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a notice about a trade."""
        fields = {
            "app_id": KEYS.app_id,
            "seller_id": KEYS.seller_id,
            "charset": "utf-8",
            "version": "1.0",
            "notify_type": "trade_status_sync",
            "notify_id": "2026112200222",
            "notify_time": (at or self.clock.now()).astimezone(BEIJING).strftime(TIME),
            "out_trade_no": trade.number,
            "trade_no": f"20261122{trade.number[:20]}",
            "trade_status": self._status(trade),
            "total_amount": _yuan(trade.total_fen),
            "subject": "冰糖橙 × 1",
            "fund_bill_list": '[{"amount":"9.90","fundChannel":"PCREDIT"}]',
            **changes,
        }
        text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name != "sign_type")
        sign = signed(key or rsa_key("alipay"), text)
        return {}, urlencode({**fields, "sign_type": "RSA2", "sign": sign}).encode()

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            fields = self._checked(await request.text())
        except InvalidSignature:
            return web.json_response({"error_response": {"code": "40002", "sub_code": "isv.invalid-signature"}})
        method = fields["method"]
        self.asked.append(method)
        wish = json.loads(fields["biz_content"])
        try:
            content = {"code": "10000", "msg": "Success", **self._done(method, wish)}
        except Refused as refused:
            content = {"code": "40004", "msg": "Business Failed", "sub_code": str(refused), "sub_msg": '不行 {"}'}
        raw = json.dumps(content, ensure_ascii=False).replace("/", "\\/")
        key = rsa_key("a stranger" if self.mood is Mood.FORGED else "alipay")
        text = f'{{"{method.replace(".", "_")}_response":{raw},"sign":"{signed(key, raw)}"}}'
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    def _checked(self, query: str) -> dict[str, str]:
        fields = dict(parse_qsl(query, strict_parsing=True))
        sign = fields.pop("sign")
        text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
        rsa_key("alipay app").public_key().verify(b64decode(sign), text.encode(), PKCS1v15(), SHA256())
        assert (fields["app_id"], fields["charset"], fields["sign_type"]) == (KEYS.app_id, "utf-8", "RSA2")
        at = datetime.strptime(fields["timestamp"], TIME).replace(tzinfo=BEIJING)
        assert abs(at - self.clock.now()) < CLOCKS_APART
        return fields

    def _done(self, method: str, wish: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades.get(wish["out_trade_no"])
        if trade is None:
            raise Refused("ACQ.TRADE_NOT_EXIST")
        about = {"out_trade_no": trade.number, "trade_no": f"20261122{trade.number[:20]}"}
        match method:
            case "alipay.trade.query":
                return {**about, "trade_status": self._status(trade), "total_amount": _yuan(trade.total_fen)}
            case "alipay.trade.close":
                if trade.state != "open":
                    raise Refused("ACQ.REASON_TRADE_STATUS_INVALID")
                trade.state = "closed"
                return about
            case "alipay.trade.refund":
                return {**about, **self._refund(trade, wish)}
            case "alipay.trade.fastpay.refund.query":
                is_done = wish["out_request_no"] in trade.refunds and not self.refunds_are_slow
                return {**about, "refund_status": "REFUND_SUCCESS"} if is_done else about
        raise Refused("isv.invalid-method")

    def _refund(self, trade: Trade, wish: dict[str, Any]) -> dict[str, Any]:
        number, amount = wish["out_request_no"], _fen(wish["refund_amount"])
        if number in trade.refunds:
            return {"fund_change": "N", "refund_fee": wish["refund_amount"]}
        if trade.state != "paid" or sum(trade.refunds.values()) + amount > trade.total_fen:
            raise Refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        trade.refunds[number] = amount
        return {"fund_change": "N" if self.refunds_are_slow else "Y", "refund_fee": wish["refund_amount"]}

    def _status(self, trade: Trade) -> str:
        if trade.state == "paid":
            return "TRADE_CLOSED" if trade.refunds else "TRADE_SUCCESS"
        return "TRADE_CLOSED" if trade.state == "closed" else "WAIT_BUYER_PAY"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def _fen(yuan: str) -> int:
    whole, cents = yuan.split(".")
    assert len(cents) == 2
    return int(whole) * 100 + int(cents)
