"""A bill: what the sandbox itself knows of a payment, as a real provider has its own books."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.payments.model import Payment

CALLBACK_TRIES = 12
FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 300
LATE_SECONDS = 30


class BillState(StrEnum):
    """Whether the buyer has pressed the button."""

    OPEN = "open"
    CLOSED = "closed"  # by the shop: nobody can pay it any more
    PAID = "paid"
    REFUNDED = "refunded"


class Manner(StrEnum):
    """How the callback of a payment comes; the buyer at the till may choose."""

    PROMPT = "prompt"
    LATE = "late"
    TWICE = "twice"
    SHUFFLED = "shuffled"  # after it an older one, which says that the buyer has not paid yet
    NEVER = "never"


EVENTS: dict[Manner, tuple[str, ...]] = {
    Manner.PROMPT: ("paid",),
    Manner.LATE: ("paid",),
    Manner.TWICE: ("paid", "paid"),
    Manner.SHUFFLED: ("paid", "waiting"),
    Manner.NEVER: (),
}


@dataclass(frozen=True, slots=True)
class Bill:
    """`id` is the payment's. `send_at`: when the callback is tried again; None: it has arrived, or is given up."""

    id: str
    order_id: str
    order_number: str
    title: str
    amount_fen: int
    state: BillState
    created_at: datetime
    expires_at: datetime
    callback_url: str | None
    send_at: datetime | None
    tries: int
    manner: Manner = Manner.PROMPT

    @property
    def reference(self) -> str:
        """The sandbox's own number."""
        return f"SANDBOX-{self.id[:12].upper()}"

    @property
    def callbacks(self) -> list[bytes]:
        """What the sandbox tells the shop, in this order."""
        told = {"payment_id": self.id, "amount_fen": self.amount_fen, "reference": self.reference}
        return [json.dumps({"event": event, **told}).encode() for event in EVENTS[self.manner]]


def new_bill(payment: Payment) -> Bill:
    """The bill of a payment."""
    return Bill(
        id=payment.id,
        order_id=payment.order_id,
        order_number=payment.order_number,
        title=payment.title,
        amount_fen=payment.amount_fen,
        state=BillState.OPEN,
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        callback_url=None,
        send_at=None,
        tries=0,
    )


def first_try(manner: Manner, now: datetime) -> datetime | None:
    """When the sweep sends a callback that the till itself has not sent, or whose first try failed."""
    if manner is Manner.NEVER:
        return None
    return now + timedelta(seconds=LATE_SECONDS) if manner is Manner.LATE else next_try(1, now)


def next_try(tries: int, now: datetime) -> datetime | None:
    """When a callback that was tried so often is tried again; None: no more."""
    if tries >= CALLBACK_TRIES:
        return None
    return now + timedelta(seconds=min(FIRST_PAUSE_SECONDS**tries, LONGEST_PAUSE_SECONDS))


def yuan(amount_fen: int) -> str:
    """An amount for people: 123450 is `1,234.50`."""
    return f"{amount_fen // 100:,}.{amount_fen % 100:02}"
