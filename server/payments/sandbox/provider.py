"""Our side of the sandbox: it begins payments, believes only signed callbacks, asks for refunds."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import BadRequest, DomainError, NotAllowed
from server.payments.model import Answer, Checkout, Notice, Payment
from server.payments.sandbox.bill import Bill, BillState, new_bill
from server.payments.service import ProviderAway, TradeOver

NAME = "sandbox"
SIGNATURE_HEADER = "X-Sandbox-Signature"
SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
OLDEST_SECONDS = 300  # a callback that somebody recorded is worthless after this


class Bills(Protocol):
    """What the sandbox keeps."""

    async def add_once(self, bill: Bill) -> None: ...
    async def get(self, bill_id: str) -> Bill | None: ...
    async def close(self, bill_id: str) -> None: ...
    async def refund(self, bill_id: str) -> bool: ...


class CallbackBody(BaseModel):
    """What the sandbox calls back."""

    model_config = ConfigDict(strict=True, extra="forbid")

    event: Literal["paid", "waiting"]
    payment_id: str = Field(min_length=1, max_length=64)
    amount_fen: int = Field(ge=0)
    reference: str = Field(min_length=1, max_length=64)


class Sandbox:
    """A provider as `Payments` wants it."""

    name = NAME
    signature_headers = (SIGNATURE_HEADER,)

    def __init__(self, bills: Bills, secret: str) -> None:
        self._bills = bills
        self._secret = secret

    async def begin(self, payment: Payment) -> Checkout:
        """Where the buyer pays. Raises TradeOver."""
        await self._bills.add_once(new_bill(payment))
        bill = await self._bills.get(payment.id)
        if bill is None or bill.state is not BillState.OPEN:
            raise TradeOver
        return Checkout(f"/sandbox/payments/{payment.id}")

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """A callback's content. Raises NotAllowed (`bad_signature`, `callback_too_old`), BadRequest."""
        check_signature(self._secret, headers.get(SIGNATURE_HEADER, ""), body, now)
        try:
            told = CallbackBody.model_validate_json(body)
        except ValidationError as error:
            raise BadRequest(f"the callback has {error.error_count()} wrong fields") from None
        return Notice(told.payment_id, told.amount_fen, told.reference, is_paid=told.event == "paid")

    def answer(self, refused: DomainError | None) -> Answer:
        """Whether it has to send its callback again."""
        if refused is None:
            return Answer(204)
        return Answer(refused.status, json.dumps({"code": refused.code}), "application/json")

    async def look(self, payment: Payment) -> Notice | None:
        """That the payment is paid, if it is."""
        bill = await self._bills.get(payment.id)
        if bill is None or bill.state not in {BillState.PAID, BillState.REFUNDED}:
            return None
        return Notice(bill.id, bill.amount_fen, bill.reference)

    async def close(self, payment: Payment) -> Notice | None:
        """See to it that nobody can pay any more; that somebody already has, if so."""
        await self._bills.close(payment.id)
        return await self.look(payment)

    async def refund(self, payment: Payment) -> bool:
        """Give the money back. Raises ProviderAway."""
        if not await self._bills.refund(payment.id):
            raise ProviderAway("the sandbox knows of no payment to give back")
        return True


def sign(secret: str, body: bytes, now: datetime) -> str:
    """The signature header of a body."""
    at = int(now.timestamp())
    return f"t={at},v1={_digest(secret, str(at), body)}"


def check_signature(secret: str, header: str, body: bytes, now: datetime) -> None:
    """Whether a body comes from somebody who knows the secret, and just now.

    Raises:
        NotAllowed (`bad_signature`, `callback_too_old`)
    """
    match = SIGNATURE.fullmatch(header)
    if match is None or not hmac.compare_digest(_digest(secret, match[1], body), match[2]):
        raise NotAllowed("the signature is missing or wrong", code="bad_signature")
    if abs(now.timestamp() - int(match[1])) > OLDEST_SECONDS:
        raise NotAllowed("the callback was signed too long ago", code="callback_too_old")


def _digest(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
