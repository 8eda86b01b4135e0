"""A payment: the money for one order at one provider, and what providers tell us about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.errors import Conflict, NotFound


class PaymentState(StrEnum):
    """Where the money is."""

    WAITING = "waiting"  # with the buyer
    PAID = "paid"  # with us
    REFUNDED = "refunded"  # with the buyer again


@dataclass(frozen=True, slots=True)
class Payment:
    """One per order, so that nobody can pay an order twice.

    `look_at`: when the sweep looks again whether order and money agree; None: they do.
    """

    id: str
    order_id: str
    order_number: str
    provider: str
    title: str
    amount_fen: int
    state: PaymentState
    created_at: datetime
    paid_at: datetime | None
    reference: str | None
    look_at: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's word, its signature checked: this payment is paid. `reference` is the provider's own number."""

    payment_id: str
    amount_fen: int
    reference: str


def check_notice(notice: Notice, payment: Payment | None, provider: str) -> Payment:
    """The payment that a notice is about. Raises NotFound (`unknown_payment`), Conflict (`wrong_amount`)."""
    if payment is None or payment.provider != provider:
        raise NotFound("there is no such payment", code="unknown_payment")
    if notice.amount_fen != payment.amount_fen:
        raise Conflict("this is not the payment's amount", code="wrong_amount")
    return payment
