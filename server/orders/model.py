"""An order: its lines, its states and which step leads where, and where its pieces are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum

from server.addresses.model import Contact, check_contact
from server.catalog.model import check_line
from server.errors import BadRequest, Conflict

PRODUCT_HOLD_SECONDS = 900  # at the normal price there is time to look for the phone
ORDERS_LISTED = 50  # at once
LATE_SECONDS = 60  # a payment that came late is an order again by then, or on its way back
INVOICE_NOTE_LENGTH = range(121)  # a firm's full name and its tax number
CARRIER_LENGTH = range(1, 25)
SHIPMENT_NUMBER_LENGTH = range(4, 41)


class OrderState(StrEnum):
    """Where an order is."""

    HELD = "held"  # pieces are set aside, the payment is awaited
    PAID = "paid"
    PAID_LATE = "paid_late"  # the money came after the hold: pieces are looked for, else it goes back
    SHIPPED = "shipped"
    RECEIVED = "received"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDING = "refunding"  # the money is on its way back
    REFUNDED = "refunded"
    RETURN_ASKED = "return_asked"  # the buyer wants to send it back, and the merchant is to answer
    RETURN_REFUSED = "return_refused"
    RETURN_AGREED = "return_agreed"  # the buyer is to send it
    RETURN_SENT = "return_sent"  # its parcel is on the way back
    RETURN_DISPUTED = "return_disputed"  # the merchant says that it never came, or something else; operators decide
    WRITTEN_OFF = "written_off"  # it came back and is sold to nobody; the money is on its way back
    WRITTEN_OFF_REFUNDED = "written_off_refunded"


class Step(StrEnum):
    """What can happen to an order."""

    PAY = "pay"
    CANCEL = "cancel"
    EXPIRE = "expire"
    PAY_LATE = "pay_late"
    RETAKE = "retake"  # the payment came late, and there was stock again
    SHIP = "ship"
    RECEIVE = "receive"
    REFUND = "refund"
    REFUND_DONE = "refund_done"
    ASK_RETURN = "ask_return"
    AGREE = "agree"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"  # the buyer keeps it
    SEND_BACK = "send_back"
    RESTOCK = "restock"  # it came back, and is sold again
    WRITE_OFF = "write_off"  # it came back, and is not
    DISPUTE = "dispute"
    GRANT = "grant"  # an operator finds for the buyer
    REJECT = "reject"  # an operator finds for the merchant


STEPS: dict[tuple[OrderState, Step], OrderState] = {
    (OrderState.HELD, Step.PAY): OrderState.PAID,
    (OrderState.HELD, Step.CANCEL): OrderState.CANCELLED,
    (OrderState.HELD, Step.EXPIRE): OrderState.EXPIRED,
    (OrderState.EXPIRED, Step.PAY_LATE): OrderState.PAID_LATE,
    (OrderState.PAID_LATE, Step.RETAKE): OrderState.PAID,
    (OrderState.PAID_LATE, Step.REFUND): OrderState.REFUNDING,
    (OrderState.PAID, Step.SHIP): OrderState.SHIPPED,
    (OrderState.SHIPPED, Step.RECEIVE): OrderState.RECEIVED,
    (OrderState.CANCELLED, Step.REFUND): OrderState.REFUNDING,  # he cancelled here and paid nevertheless
    (OrderState.PAID, Step.REFUND): OrderState.REFUNDING,
    (OrderState.REFUNDING, Step.REFUND_DONE): OrderState.REFUNDED,
    (OrderState.SHIPPED, Step.ASK_RETURN): OrderState.RETURN_ASKED,
    (OrderState.RECEIVED, Step.ASK_RETURN): OrderState.RETURN_ASKED,
    (OrderState.RETURN_ASKED, Step.AGREE): OrderState.RETURN_AGREED,
    (OrderState.RETURN_ASKED, Step.REFUSE): OrderState.RETURN_REFUSED,
    (OrderState.RETURN_REFUSED, Step.AGREE): OrderState.RETURN_AGREED,  # they have talked
    (OrderState.RETURN_AGREED, Step.AGREE): OrderState.RETURN_AGREED,  # to another address, or to one at last
    (OrderState.RETURN_ASKED, Step.WITHDRAW): OrderState.RECEIVED,
    (OrderState.RETURN_AGREED, Step.WITHDRAW): OrderState.RECEIVED,
    (OrderState.RETURN_AGREED, Step.SEND_BACK): OrderState.RETURN_SENT,
    (OrderState.RETURN_SENT, Step.RESTOCK): OrderState.REFUNDING,
    (OrderState.RETURN_SENT, Step.WRITE_OFF): OrderState.WRITTEN_OFF,
    (OrderState.RETURN_SENT, Step.DISPUTE): OrderState.RETURN_DISPUTED,
    (OrderState.RETURN_DISPUTED, Step.SEND_BACK): OrderState.RETURN_SENT,  # the number was a wrong one
    (OrderState.RETURN_DISPUTED, Step.RESTOCK): OrderState.REFUNDING,  # it came after all
    (OrderState.RETURN_DISPUTED, Step.WRITE_OFF): OrderState.WRITTEN_OFF,
    (OrderState.RETURN_DISPUTED, Step.GRANT): OrderState.WRITTEN_OFF,
    (OrderState.RETURN_DISPUTED, Step.REJECT): OrderState.RETURN_REFUSED,
    (OrderState.WRITTEN_OFF, Step.REFUND_DONE): OrderState.WRITTEN_OFF_REFUNDED,
}


class Actor(StrEnum):
    """Who changes an order."""

    BUYER = "buyer"
    MERCHANT = "merchant"
    OPERATOR = "operator"  # decided what the two did not agree on
    CLOCK = "clock"  # its time was over
    PROVIDER = "provider"  # said that money came, or went back


class Place(StrEnum):
    """Where an order's pieces are. A change of state that changes the place moves stock in the same transaction."""

    FREE = "free"
    HELD = "held"
    SOLD = "sold"


PLACES: dict[OrderState, Place] = {
    OrderState.HELD: Place.HELD,
    OrderState.PAID: Place.SOLD,
    OrderState.PAID_LATE: Place.FREE,
    OrderState.SHIPPED: Place.SOLD,
    OrderState.RECEIVED: Place.SOLD,
    OrderState.CANCELLED: Place.FREE,
    OrderState.EXPIRED: Place.FREE,
    OrderState.REFUNDING: Place.FREE,
    OrderState.REFUNDED: Place.FREE,
    OrderState.RETURN_ASKED: Place.SOLD,
    OrderState.RETURN_REFUSED: Place.SOLD,
    OrderState.RETURN_AGREED: Place.SOLD,
    OrderState.RETURN_SENT: Place.SOLD,
    OrderState.RETURN_DISPUTED: Place.SOLD,
    OrderState.WRITTEN_OFF: Place.SOLD,
    OrderState.WRITTEN_OFF_REFUNDED: Place.SOLD,
}
COUNTED_FOR_LIMIT = frozenset(state for state, place in PLACES.items() if place is not Place.FREE)
MONEY_GOES_BACK = frozenset({OrderState.REFUNDING, OrderState.WRITTEN_OFF})
MONEY_IS_BACK = frozenset({OrderState.REFUNDED, OrderState.WRITTEN_OFF_REFUNDED})
BOUGHT = frozenset(state for state, place in PLACES.items() if place is Place.SOLD) - MONEY_GOES_BACK - MONEY_IS_BACK
RETURN_WAITS = frozenset(
    {OrderState.RETURN_ASKED, OrderState.RETURN_AGREED, OrderState.RETURN_SENT, OrderState.RETURN_DISPUTED}
)
ADDRESSABLE = frozenset({OrderState.HELD, OrderState.PAID, OrderState.PAID_LATE})  # until it is on its way


class SourceKind(StrEnum):
    """What orders are filled from."""

    SALE = "sale"
    PRODUCT = "product"  # its own stock, at its normal price


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """What pieces are taken from. `id` also names the line in which those wait who want some of it.

    Whoever wants several takes them in this order, so that nobody waits for somebody who waits for him.
    """

    kind: SourceKind
    id: str


Sources = tuple[Source, ...]


class RequestTaken(Conflict):
    """Another server was first with a request of this group; what it made of it can now be read."""


class Gone(Conflict):
    """Pieces or a coupon that an order needs are somebody else's now."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of an order's history; `by`: None in what was written before it was noted."""

    state: OrderState
    at: datetime
    by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where an order goes, and what is to stand on its invoice."""

    name: str
    phone: str
    address: str
    invoice_note: str = ""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Who carries an order, under which number."""

    carrier: str
    number: str


@dataclass(frozen=True, slots=True)
class Return:
    """What became of the wish to send an order back: why, what the merchant answered, and the parcel.

    `back_to`: where the merchant wants it; `dispute`: what he says of that parcel; `decision`: what an
    operator says to both.
    """

    reason: str
    answer: str = ""
    back_to: Contact | None = None  # None: the clock agreed, and he has not said it yet
    parcel: Shipment | None = None
    dispute: str = ""
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """So many pieces of one source. Name, picture and price are as they were then."""

    product_id: str
    product_name: str
    product_unit: str
    product_picture_url: str | None
    sale_id: str | None
    quantity: int
    price_fen: int

    @property
    def source(self) -> Source:
        """Where its pieces came from."""
        if self.sale_id is None:
            return Source(SourceKind.PRODUCT, self.product_id)
        return Source(SourceKind.SALE, self.sale_id)


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody bought of one merchant. Each line has a source of its own; sources are in their order."""

    id: str
    number: str
    request_id: str
    buyer_id: str
    merchant_id: str
    lines: tuple[Line, ...]
    coupon_id: str | None
    discount_fen: int
    total_fen: int  # the sum of the lines without the discount
    state: OrderState
    created_at: datetime
    hold_until: datetime
    paid_at: datetime | None
    history: tuple[Change, ...]
    delivery: Delivery | None = None
    shipment: Shipment | None = None
    receive_at: datetime | None = None  # when a parcel of which nobody says anything counts as received
    sent_back: Return | None = None
    return_until: datetime | None = None  # until when whose turn it is has to do something about the return

    @property
    def sources(self) -> Sources:
        """Where its pieces came from."""
        return tuple(line.source for line in self.lines)

    @property
    def title(self) -> str:
        """What a provider shows beside the amount."""
        first = f"{self.lines[0].product_name} × {self.lines[0].quantity}"
        return first if len(self.lines) == 1 else f"{first} 等 {len(self.lines)} 种"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a step writes into an order besides its state."""

    paid_at: datetime | None = None
    shipment: Shipment | None = None
    receive_at: datetime | None = None
    sent_back: Return | None = None
    return_until: datetime | None = None


NOTHING_MORE = Facts()


def next_state(state: OrderState, step: Step) -> OrderState:
    """Where a step leads. Raises Conflict (`step_not_allowed`) where the table has none."""
    try:
        return STEPS[state, step]
    except KeyError:
        raise Conflict(f"an order that is {state} cannot {step}", code="step_not_allowed") from None


def moved(order: Order, change: Change, facts: Facts = NOTHING_MORE) -> Order:
    """An order after a change of state."""
    known = {name: value for name in fields_of(facts) if (value := getattr(facts, name)) is not None}
    return replace(order, state=change.state, history=(*order.history, change), **known)


def fields_of(facts: Facts) -> list[str]:
    """What a step may write."""
    return [field.name for field in fields(facts)]


def check_delivery(delivery: Delivery) -> Delivery:
    """The same in its normal form. Raises BadRequest."""
    contact = check_contact(delivery.name, delivery.phone, delivery.address)
    return Delivery(contact.name, contact.phone, contact.address, check_invoice_note(delivery.invoice_note))


def check_invoice_note(note: str) -> str:
    """The same in its normal form. Raises BadRequest."""
    return check_line("invoice_note", note, INVOICE_NOTE_LENGTH)


def check_shipment(shipment: Shipment) -> Shipment:
    """The same in its normal form. Raises BadRequest."""
    carrier = check_line("carrier", shipment.carrier, CARRIER_LENGTH)
    return Shipment(carrier, check_line("number", shipment.number, SHIPMENT_NUMBER_LENGTH))


def check_states(names: Iterable[str]) -> frozenset[OrderState]:
    """The states with these names. Raises BadRequest."""
    try:
        return frozenset(OrderState(name) for name in names)
    except ValueError:
        raise BadRequest(f"state: some of {', '.join(OrderState)}") from None


def together(orders: Iterable[Order]) -> dict[Source, int]:
    """The pieces that these orders have of each source, in the order in which sources are taken."""
    pieces: dict[Source, int] = {}
    for order in orders:
        for line in order.lines:
            pieces[line.source] = pieces.get(line.source, 0) + line.quantity
    return dict(sorted(pieces.items()))


def is_hopeless(order: Order, now: datetime) -> bool:
    """Whether a late payment has waited so long for pieces that it goes back whatever there is."""
    return order.paid_at is not None and now - order.paid_at > timedelta(seconds=LATE_SECONDS)


def is_payable(order: Order, now: datetime) -> bool:
    """Whether the buyer may still be sent to pay."""
    return order.state is OrderState.HELD and now < order.hold_until
