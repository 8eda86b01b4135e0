"""Our side of the sandbox: it begins payments, believes only signed callbacks, asks for refunds."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import BadRequest, NotAllowed
from server.payments.model import Notice, Payment
from server.payments.sandbox.bill import Bill, new_bill
from server.payments.service import ProviderAway

NAME = "sandbox"
SIGNATURE_HEADER = "X-Sandbox-Signature"
SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
OLDEST_SECONDS = 300  # a callback that somebody recorded is worthless after this


class Bills(Protocol):
    """What the sandbox keeps."""

    async def add_once(self, bill: Bill) -> None: ...
    async def refund(self, bill_id: str) -> bool: ...


class CallbackBody(BaseModel):
    """What the sandbox calls back."""

    model_config = ConfigDict(strict=True, extra="forbid")

    event: Literal["paid"]
    payment_id: str = Field(min_length=1, max_length=64)
    amount_fen: int = Field(ge=0)
    reference: str = Field(min_length=1, max_length=64)


class Sandbox:
    """A provider as `Payments` wants it."""

    name = NAME
    signature_header = SIGNATURE_HEADER

    def __init__(self, bills: Bills, secret: str) -> None:
        self._bills = bills
        self._secret = secret

    async def begin(self, payment: Payment) -> str:
        """Where the buyer pays."""
        await self._bills.add_once(new_bill(payment))
        return f"/sandbox/payments/{payment.id}"

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """A callback's content. Raises NotAllowed (`bad_signature`, `callback_too_old`), BadRequest."""
        check_signature(self._secret, headers.get(SIGNATURE_HEADER, ""), body, now)
        try:
            told = CallbackBody.model_validate_json(body)
        except ValidationError as error:
            raise BadRequest(f"the callback has {error.error_count()} wrong fields") from None
        return Notice(told.payment_id, told.amount_fen, told.reference)

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
