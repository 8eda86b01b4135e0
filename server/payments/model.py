"""A payment: the money for one order at one provider, and what providers tell us about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.errors import Conflict, NotFound

FIRST_PAUSE_SECONDS = 10.0  # a refund, or a payment whose callback does not come, is looked at again after this
LONGEST_PAUSE_SECONDS = 3600.0
PAUSES_DOUBLED_AT_MOST = 9  # beyond this every pause is the longest
WAYS_AT_MOST = 10  # how often one order may be begun anew; each is a trade that a provider keeps
GIVEN_UP_DAYS = 8  # no provider lets a trade be paid for so long


class PaymentState(StrEnum):
    """Where the money is."""

    WAITING = "waiting"  # with the buyer, who has been sent to pay; an order has one such payment at most
    CLOSED = "closed"  # put aside; money that comes nevertheless is money
    PAID = "paid"  # with us
    REFUNDED = "refunded"  # with the buyer again


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, as far as providers ask: on a phone he is sent to an app, elsewhere he scans."""

    on_phone: bool
    address: str


@dataclass(frozen=True, slots=True)
class Payment:
    """An attempt to pay an order; an order has several if its buyer changes his way to pay.

    `wins`: its money was the first that came for its order; the money of all others goes back. `look_at`: when the
    sweep looks at it again; None: there is nothing more to do. `looks`: how often it has looked in vain.
    """

    id: str
    order_id: str
    order_number: str
    provider: str
    payer: Payer
    title: str
    amount_fen: int
    state: PaymentState
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None = None
    reference: str | None = None
    wins: bool = False
    look_at: datetime | None = None
    looks: int = 0

    def fits(self, provider: str, payer: Payer) -> bool:
        """Whether its trade at the provider serves who pays there like this."""
        return (self.provider, self.payer.on_phone) == (provider, payer.on_phone)


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the buyer pays: an address to open; `by_scanning`: one that his phone's app reads from the screen."""

    url: str
    by_scanning: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's word, its signature checked. `reference` is the provider's own number.

    `is_paid` False: a genuine notice about something else than money that came.
    """

    payment_id: str
    amount_fen: int
    reference: str
    is_paid: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider wants to hear after its callback."""

    status: int
    text: str = ""
    content_type: str = "text/plain"


def check_notice(notice: Notice, payment: Payment | None, provider: str) -> Payment:
    """The payment that a notice is about. Raises NotFound (`unknown_payment`), Conflict (`wrong_amount`)."""
    if payment is None or payment.provider != provider or payment.id != notice.payment_id:
        raise NotFound("there is no such payment", code="unknown_payment")
    if notice.amount_fen != payment.amount_fen:
        raise Conflict("this is not the payment's amount", code="wrong_amount")
    return payment


def next_look(looks: int, now: datetime) -> datetime:
    """When to look again at what has been looked at so often in vain."""
    pause = FIRST_PAUSE_SECONDS * 2 ** min(looks, PAUSES_DOUBLED_AT_MOST)
    return now + timedelta(seconds=min(pause, LONGEST_PAUSE_SECONDS))


def is_given_up(payment: Payment, now: datetime) -> bool:
    """Whether a provider has been asked in vain for so long that nobody asks any more."""
    return now - payment.expires_at > timedelta(days=GIVEN_UP_DAYS)
