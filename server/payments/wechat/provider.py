"""WeChat Pay as the shop wants it: begin, believe, look, close, refund."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from config.clock import Clock
from config.logs import logger
from server.errors import BadRequest, DomainError, NotAllowed
from server.payments.china import beijing, plain_title
from server.payments.gateway import Gateway, GatewayAnswer
from server.payments.model import Answer, Checkout, Notice, Payment
from server.payments.service import ProviderAway, TradeOver
from server.payments.wechat.messages import Begun, Callback, Message, Problem, Refund, Transaction
from server.payments.wechat.signing import SIGNATURE_HEADERS, Signer, WechatKeys

log = logger(__name__)

NAME = "wechat"
TITLE_CHARACTERS = 127
LATEST_BEGIN = timedelta(seconds=60)  # after an order's time: what was sent within it has come by then, or never will
PAID_STATES = frozenset({"SUCCESS", "REFUND"})  # REFUND: it was paid, and some of it went back
OVER_STATES = frozenset({"CLOSED", "REVOKED", "PAYERROR"})
OVER_CODES = frozenset({"ORDERPAID", "ORDER_PAID", "ORDER_CLOSED", "ORDERCLOSED", "OUT_TRADE_NO_USED"})
UNKNOWN_CODES = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
STUCK_REFUNDS = frozenset({"ABNORMAL", "CLOSED"})  # somebody has to give this money back in WeChat's own pages
M = TypeVar("M", bound=Message)


class Wechat:
    """A provider as `Payments` wants it. A payment's id is also the number of its trade and of its refund."""

    name = NAME
    signature_headers = SIGNATURE_HEADERS

    def __init__(self, keys: WechatKeys, gateway: Gateway, gateway_url: str, public_url: str, clock: Clock) -> None:
        self._keys = keys
        self._signer = Signer(keys)
        self._gateway = gateway
        self._gateway_url = gateway_url
        self._public_url = public_url
        self._clock = clock

    async def begin(self, payment: Payment) -> Checkout:
        """Where the buyer pays. The same again gets a fresh address. Raises ProviderAway, TradeOver."""
        on_phone = payment.payer.on_phone
        scene = {"payer_client_ip": payment.payer.address, **({"h5_info": {"type": "Wap"}} if on_phone else {})}
        wish = {
            "appid": self._keys.app_id,
            "mchid": self._keys.merchant_id,
            "description": plain_title(payment.title, TITLE_CHARACTERS),
            "out_trade_no": payment.id,
            "time_expire": beijing(payment.expires_at).isoformat(),
            "notify_url": f"{self._public_url}/api/payments/{NAME}/callback",
            "amount": {"total": payment.amount_fen, "currency": "CNY"},
            "scene_info": scene,
        }
        answer = await self._call("POST", f"/v3/pay/transactions/{'h5' if on_phone else 'native'}", wish)
        if self._code(answer) in OVER_CODES:
            raise TradeOver
        begun = self._read(Begun, answer)
        if on_phone and begun.h5_url.startswith("https://"):
            back = quote(f"{self._public_url}/orders/{payment.order_id}?paid=1", safe="")
            return Checkout(f"{begun.h5_url}&redirect_url={back}")
        if not on_phone and begun.code_url:
            return Checkout(begun.code_url, by_scanning=True)
        raise ProviderAway("the answer has no address")

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """A callback's content.

        Raises:
            NotAllowed (`bad_signature`, `callback_too_old`, `wrong_merchant`), BadRequest
        """
        text = self._signer.check(headers, body, now)
        try:
            callback = Callback.model_validate_json(text)
            if not callback.event_type.startswith("TRANSACTION."):
                raise BadRequest("this kind of callback was never asked for")
            sealed = callback.resource
            plain = self._signer.decrypt(sealed.nonce, sealed.ciphertext, sealed.associated_data)
            return self._notice(Transaction.model_validate_json(plain))
        except ValidationError as error:
            raise BadRequest(f"the callback has {error.error_count()} wrong fields") from None

    def answer(self, refused: DomainError | None) -> Answer:
        """Whether it has to send its callback again."""
        if refused is None:
            return Answer(204)
        told = {"code": "FAIL", "message": refused.detail}
        return Answer(refused.status, json.dumps(told), "application/json")

    async def look(self, payment: Payment) -> Notice | None:
        """That the payment is paid, if it is. Raises ProviderAway."""
        trade = await self._trade(payment)
        return self._paid(trade) if trade is not None else None

    async def close(self, payment: Payment) -> Notice | None:
        """See to it that nobody can pay any more; that somebody already has, if so. Raises ProviderAway."""
        path = f"/v3/pay/transactions/out-trade-no/{payment.id}/close"
        answer = await self._call("POST", path, {"mchid": self._keys.merchant_id})
        if answer.status < 300:
            return None
        trade = await self._trade(payment)
        if trade is None:
            if self._clock.now() > payment.expires_at + LATEST_BEGIN:
                return None  # only we could begin it, and we do so no more
            raise ProviderAway("not closed: what begins it may still be on its way")
        if trade.trade_state in OVER_STATES:
            return None
        paid = self._paid(trade)
        if paid is None:
            raise ProviderAway(f"not closed: {self._code(answer)}")
        return paid

    async def refund(self, payment: Payment) -> bool:
        """Give the money back; the same number again gives nothing more. Raises ProviderAway."""
        answer = await self._call("GET", f"/v3/refund/domestic/refunds/{payment.id}")
        if self._code(answer) in UNKNOWN_CODES:
            amount = {"refund": payment.amount_fen, "total": payment.amount_fen, "currency": "CNY"}
            wish = {"out_trade_no": payment.id, "out_refund_no": payment.id, "amount": amount}
            answer = await self._call("POST", "/v3/refund/domestic/refunds", wish)
        refund = self._read(Refund, answer)
        if refund.out_refund_no != payment.id:
            raise ProviderAway("the answer is about another refund")
        if refund.status in STUCK_REFUNDS:
            log.error("refund is stuck; give it back by hand", payment=payment.id, status=refund.status)
        return refund.status == "SUCCESS"

    async def _trade(self, payment: Payment) -> Transaction | None:
        path = f"/v3/pay/transactions/out-trade-no/{payment.id}?mchid={quote(self._keys.merchant_id)}"
        answer = await self._call("GET", path)
        return None if self._code(answer) in UNKNOWN_CODES else self._read(Transaction, answer)

    def _paid(self, trade: Transaction) -> Notice | None:
        try:
            notice = self._notice(trade)
        except DomainError as error:
            raise ProviderAway(error.detail) from error
        return notice if notice.is_paid else None

    def _notice(self, trade: Transaction) -> Notice:
        if (trade.appid, trade.mchid) != (self._keys.app_id, self._keys.merchant_id):
            raise NotAllowed("this is another merchant's trade", code="wrong_merchant")
        if trade.amount.currency != "CNY":
            raise BadRequest("this is not Chinese money")
        is_paid = trade.trade_state in PAID_STATES
        return Notice(trade.out_trade_no, trade.amount.total, trade.transaction_id, is_paid)

    async def _call(self, method: str, path: str, wish: object = None) -> GatewayAnswer:
        """An answer that may be a refusal; one that says that something was done is signed. Raises ProviderAway."""
        body = json.dumps(wish) if wish is not None else ""
        headers = self._signer.headers(method, path, body)
        answer = await self._gateway.call(method, self._gateway_url + path, headers, body)
        if answer.status < 300:
            try:
                self._signer.check(answer.headers, answer.body, self._clock.now())
            except NotAllowed as error:
                raise ProviderAway(f"the answer is not WeChat's: {error.code}") from error
        return answer

    def _code(self, answer: GatewayAnswer) -> str:
        if answer.status < 300:
            return ""
        try:
            return Problem.model_validate_json(answer.body).code or f"status {answer.status}"
        except ValidationError:
            return f"status {answer.status}"

    def _read(self, kind: type[M], answer: GatewayAnswer) -> M:
        if code := self._code(answer):
            raise ProviderAway(f"refused: {code}")
        try:
            return kind.model_validate_json(answer.body)
        except ValidationError as error:
            raise ProviderAway(f"the answer has {error.error_count()} wrong fields") from None
