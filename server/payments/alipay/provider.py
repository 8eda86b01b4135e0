"""Alipay as the shop wants it: begin, believe, look, close, refund."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from config.clock import Clock
from server.errors import BadRequest, DomainError, NotAllowed
from server.payments.alipay.money import to_fen, to_yuan
from server.payments.alipay.signing import TIME, AlipayKeys, Signer
from server.payments.china import BEIJING, beijing, plain_title
from server.payments.gateway import Gateway
from server.payments.model import Answer, Checkout, Notice, Payment
from server.payments.service import ProviderAway

NAME = "alipay"
TITLE_CHARACTERS = 128
DONE = "10000"
UNKNOWN_TRADE = "ACQ.TRADE_NOT_EXIST"
PAID_STATES = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
MOST_FIELDS = 100
# Alipay tells again for 25 hours; what is older is a recording.
OLDEST_SECONDS = 26 * 3600
CLOCKS_APART_SECONDS = 300
FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}


def _money(text: str) -> str:
    to_fen(text)
    return text


Yuan = Annotated[str, AfterValidator(_money)]


class Message(BaseModel):
    """What Alipay says; all its values are texts."""

    model_config = ConfigDict(strict=True, extra="ignore")


class TradeNotice(Message):
    """What it calls back."""

    app_id: str
    seller_id: str
    notify_time: str
    out_trade_no: str = Field(min_length=1, max_length=64)
    trade_no: str = Field(min_length=1, max_length=64)
    trade_status: str
    total_amount: Yuan


class Result(Message):
    """What it answers."""

    code: str
    sub_code: str = ""
    out_trade_no: str = ""
    trade_no: str = Field("", max_length=64)
    trade_status: str = ""
    total_amount: Yuan = "0.00"
    fund_change: str = ""
    refund_status: str = ""


class Alipay:
    """A provider as `Payments` wants it. A payment's id is also the number of its trade and of its refund."""

    name = NAME
    signature_headers = ()  # the signature is in the body

    def __init__(self, keys: AlipayKeys, gateway: Gateway, gateway_url: str, public_url: str, clock: Clock) -> None:
        self._keys = keys
        self._signer = Signer(keys)
        self._gateway = gateway
        self._gateway_url = gateway_url
        self._public_url = public_url
        self._clock = clock

    async def begin(self, payment: Payment) -> Checkout:
        """Where the buyer pays: a signed address; Alipay hears of the trade when he opens it."""
        order_url = f"{self._public_url}/orders/{payment.order_id}"
        wish = {
            "out_trade_no": payment.id,
            "total_amount": to_yuan(payment.amount_fen),
            "subject": plain_title(payment.title, TITLE_CHARACTERS),
            "time_expire": beijing(payment.expires_at).strftime(TIME),
        }
        if payment.payer.on_phone:
            method, wish = "alipay.trade.wap.pay", {**wish, "product_code": "QUICK_WAP_WAY", "quit_url": order_url}
        else:
            method, wish = "alipay.trade.page.pay", {**wish, "product_code": "FAST_INSTANT_TRADE_PAY"}
        callback_url = f"{self._public_url}/api/payments/{NAME}/callback"
        query = self._signer.request(
            method, wish, self._clock.now(), notify_url=callback_url, return_url=f"{order_url}?paid=1"
        )
        return Checkout(f"{self._gateway_url}?{query}")

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """A callback's content.

        Raises:
            NotAllowed (`bad_signature`, `callback_too_old`, `wrong_merchant`), BadRequest
        """
        fields = _form(body)
        if not self._signer.is_genuine_notice(fields):
            raise NotAllowed("the signature is missing or wrong", code="bad_signature")
        try:
            told = TradeNotice.model_validate(fields)
            at = datetime.strptime(told.notify_time, TIME).replace(tzinfo=BEIJING)
        except ValidationError as error:
            raise BadRequest(f"the callback has {error.error_count()} wrong fields") from None
        except ValueError:
            raise BadRequest("the callback has no time") from None
        if not timedelta(seconds=-CLOCKS_APART_SECONDS) <= now - at <= timedelta(seconds=OLDEST_SECONDS):
            raise NotAllowed("the callback was signed too long ago", code="callback_too_old")
        if (told.app_id, told.seller_id) != (self._keys.app_id, self._keys.seller_id):
            raise NotAllowed("this is another seller's trade", code="wrong_merchant")
        is_paid = told.trade_status in PAID_STATES  # it also tells of trades that wait, are closed or went back
        return Notice(told.out_trade_no, to_fen(told.total_amount), told.trade_no, is_paid)

    def answer(self, refused: DomainError | None) -> Answer:
        """Whether it has to send its callback again: only this one word says that it has not."""
        return Answer(200, "success") if refused is None else Answer(refused.status, "fail")

    async def look(self, payment: Payment) -> Notice | None:
        """That the payment is paid, if it is. Raises ProviderAway."""
        return _paid(await self._trade(payment))

    async def close(self, payment: Payment) -> Notice | None:
        """See to it that nobody can pay any more; that somebody already has, if so. Raises ProviderAway."""
        closed = await self._call("alipay.trade.close", {"out_trade_no": payment.id})
        if closed.code == DONE:
            return None
        trade = await self._trade(payment)
        paid = _paid(trade)
        if paid is not None or trade.trade_status == "TRADE_CLOSED":
            return paid
        if trade.sub_code == UNKNOWN_TRADE and self._clock.now() > payment.expires_at:
            return None
        # Until he opens the signed address there is nothing to close, and until its time is over he may.
        raise ProviderAway(f"not closed: {closed.sub_code or closed.code}")

    async def refund(self, payment: Payment) -> bool:
        """Give the money back; the same number again gives nothing more. Raises ProviderAway."""
        wish = {"out_trade_no": payment.id, "out_request_no": payment.id}
        done = await self._call("alipay.trade.refund", {**wish, "refund_amount": to_yuan(payment.amount_fen)})
        if done.code != DONE:
            raise ProviderAway(f"refused: {done.sub_code or done.code}")
        if done.fund_change == "Y":
            return True
        state = await self._call("alipay.trade.fastpay.refund.query", wish)
        return state.code == DONE and state.refund_status == "REFUND_SUCCESS"

    async def _trade(self, payment: Payment) -> Result:
        trade = await self._call("alipay.trade.query", {"out_trade_no": payment.id})
        if trade.code != DONE and trade.sub_code != UNKNOWN_TRADE:
            raise ProviderAway(f"refused: {trade.sub_code or trade.code}")
        if trade.code == DONE and trade.out_trade_no != payment.id:
            raise ProviderAway("the answer is about another trade")
        return trade

    async def _call(self, method: str, wish: Mapping[str, object]) -> Result:
        """A signed answer, which may be a refusal. Raises ProviderAway."""
        body = self._signer.request(method, wish, self._clock.now())
        answer = await self._gateway.call("POST", f"{self._gateway_url}?charset=utf-8", FORM, body)
        try:
            content = self._signer.read_answer(answer.text, method.replace(".", "_") + "_response")
            return Result.model_validate(content)
        except ValidationError as error:
            raise ProviderAway(f"the answer has {error.error_count()} wrong fields") from None
        except ValueError as error:
            raise ProviderAway(str(error)) from None


def _paid(trade: Result) -> Notice | None:
    if trade.trade_status not in PAID_STATES:
        return None
    return Notice(trade.out_trade_no, to_fen(trade.total_amount), trade.trade_no)


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), True, True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise BadRequest("the callback is no form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRequest("the callback says something twice")
    return fields
