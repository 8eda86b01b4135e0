"""An order: its states and which step leads where, where its pieces are, and who gets some of what is left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum

from server.accounts.model import normalise_phone
from server.catalog.model import Product, check_line, check_whole
from server.errors import BadRequest, Conflict

QUANTITY = range(1, 1_000_001)
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
PRODUCT_HOLD_SECONDS = 900  # at the normal price there is time to look for the phone
LATE_SECONDS = 60  # a payment that came late is an order again by then, or on its way back
DELIVERY_NAME_LENGTH = range(1, 25)
ADDRESS_LENGTH = range(5, 121)
INVOICE_NOTE_LENGTH = range(61)
CARRIER_LENGTH = range(1, 25)
SHIPMENT_NUMBER_LENGTH = range(4, 41)
CHINA = timezone(timedelta(hours=8))  # order numbers carry the buyer's date
NUMBER_BITS = 40
NUMBER_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that looks like something else
NUMBER_PAIRS = tuple(first + second for first in NUMBER_LETTERS for second in NUMBER_LETTERS)  # of ten bits each


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
}


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
}
COUNTED_FOR_LIMIT = frozenset(state for state, place in PLACES.items() if place is not Place.FREE)


ADDRESSABLE = frozenset({OrderState.HELD, OrderState.PAID, OrderState.PAID_LATE})  # until it is on its way


class SourceKind(StrEnum):
    """What orders are filled from."""

    SALE = "sale"
    PRODUCT = "product"  # its own stock, at its normal price


@dataclass(frozen=True, slots=True)
class Source:
    """What an order's pieces are taken from. `id` also names the line in which those wait who want some of it."""

    kind: SourceKind
    id: str


class RequestTaken(Conflict):
    """Another server was first with a request of this group; what it made of it can now be read."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of an order's history."""

    state: OrderState
    at: datetime


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
class Order:
    """What somebody bought. Name, picture and price are as they were then."""

    id: str
    number: str
    request_id: str
    buyer_id: str
    merchant_id: str
    room_id: str | None
    product_id: str
    product_name: str
    product_unit: str
    product_picture_url: str | None
    sale_id: str | None
    quantity: int
    price_fen: int
    total_fen: int
    state: OrderState
    created_at: datetime
    hold_until: datetime
    paid_at: datetime | None
    history: tuple[Change, ...]
    delivery: Delivery | None = None
    shipment: Shipment | None = None

    @property
    def source(self) -> Source:
        """Where its pieces came from."""
        if self.sale_id is None:
            return Source(SourceKind.PRODUCT, self.product_id)
        return Source(SourceKind.SALE, self.sale_id)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants. The same `request_id` of the same buyer is the same wish, however often it is heard.

    `page`: the connection that asked; its answer tells it what other pages of the buyer hear as an event.
    """

    buyer_id: str
    request_id: str
    quantity: int
    page: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes a request unique."""
        return self.buyer_id, self.request_id


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a new order needs from outside: an id, and NUMBER_BITS random bits for its number."""

    id: str
    entropy: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be had of a source at one moment."""

    product: Product
    sale_id: str | None
    room_id: str | None
    price_fen: int
    free: int
    per_buyer: int | None
    hold_seconds: int
    is_open: bool
    per_order: int | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to each request of a group in its order, and the new orders among them."""

    answers: tuple[Order | Conflict, ...]
    new: tuple[Order, ...]

    @property
    def pieces(self) -> int:
        """How many pieces the new orders hold together."""
        return sum(order.quantity for order in self.new)


def next_state(state: OrderState, step: Step) -> OrderState:
    """Where a step leads. Raises Conflict (`step_not_allowed`) where the table has none."""
    try:
        return STEPS[state, step]
    except KeyError:
        raise Conflict(f"an order that is {state} cannot {step}", code="step_not_allowed") from None


def moved(order: Order, state: OrderState, now: datetime) -> Order:
    """An order after a change of state."""
    return replace(order, state=state, history=(*order.history, Change(state, now)))


def check_request(buyer_id: str, request_id: str, quantity: int, page: str | None = None) -> Request:
    """A request whose values can be taken. Raises BadRequest."""
    if not REQUEST_ID.fullmatch(request_id):
        raise BadRequest("request_id: 1 to 64 letters, digits, - or _")
    return Request(buyer_id, request_id, check_whole("quantity", quantity, QUANTITY), page)


def check_delivery(delivery: Delivery) -> Delivery:
    """The same in its normal form. Raises BadRequest."""
    return Delivery(
        name=check_line("name", delivery.name, DELIVERY_NAME_LENGTH),
        phone=normalise_phone(delivery.phone),
        address=check_line("address", delivery.address, ADDRESS_LENGTH),
        invoice_note=check_line("invoice_note", delivery.invoice_note, INVOICE_NOTE_LENGTH),
    )


def check_shipment(shipment: Shipment) -> Shipment:
    """The same in its normal form. Raises BadRequest."""
    carrier = check_line("carrier", shipment.carrier, CARRIER_LENGTH)
    return Shipment(carrier, check_line("number", shipment.number, SHIPMENT_NUMBER_LENGTH))


def is_hopeless(order: Order, now: datetime) -> bool:
    """Whether a late payment has waited so long for pieces that it goes back whatever there is."""
    return order.paid_at is not None and now - order.paid_at > timedelta(seconds=LATE_SECONDS)


def is_payable(order: Order, now: datetime) -> bool:
    """Whether the buyer may still be sent to pay."""
    return order.state is OrderState.HELD and now < order.hold_until


def order_number(now: datetime, entropy: int) -> str:
    """A number for people: the day in China and eight letters made of NUMBER_BITS random bits."""
    return _numbered(_day(now), entropy)


def _day(now: datetime) -> str:
    return f"{now.astimezone(CHINA):%Y%m%d}-"


def _numbered(day: str, entropy: int) -> str:
    pairs = NUMBER_PAIRS
    high = pairs[entropy >> 30] + pairs[entropy >> 20 & 1023]
    return f"{day}{high}{pairs[entropy >> 10 & 1023]}{pairs[entropy & 1023]}"


def admit(
    offer: Offer,
    requests: Sequence[Request],
    known: Mapping[tuple[str, str], Order],
    taken: Mapping[str, int],
    now: datetime,
    fresh: Sequence[Fresh],
) -> Admission:
    """Decide a group of requests in order of arrival.

    `known`: orders that requests of this group led to before; `taken`: pieces of this sale that buyers have.
    A request that is too large is refused and does not stand in the way of those behind it.
    """
    seen = dict(known)
    moment = _Moment(now, now + timedelta(seconds=offer.hold_seconds), _day(now), (Change(OrderState.HELD, now),))
    has = dict(taken)
    free = offer.free
    answers: list[Order | Conflict] = []
    new: list[Order] = []
    for request, its in zip(requests, fresh, strict=True):
        if (before := seen.get(request.key)) is not None:
            answers.append(before)
            continue
        already = has.get(request.buyer_id, 0)
        if (refused := _refusal(offer, request, already, free)) is not None:
            answers.append(refused)
            continue
        order = _order(offer, request, moment, its)
        free -= order.quantity
        has[request.buyer_id] = already + order.quantity
        seen[request.key] = order
        answers.append(order)
        new.append(order)
    return Admission(tuple(answers), tuple(new))


def _refusal(offer: Offer, request: Request, already: int, free: int) -> Conflict | None:
    if not offer.is_open:
        return Conflict("this sale is over", code="sale_closed")
    if offer.per_order is not None and request.quantity > offer.per_order:
        return Conflict(f"one order may have {offer.per_order} at most", code="limit_reached")
    if offer.per_buyer is not None and already + request.quantity > offer.per_buyer:
        return Conflict(f"each buyer may have {offer.per_buyer} at most", code="limit_reached")
    if request.quantity > free:
        if offer.sale_id is None:
            return Conflict("there are not so many pieces in stock", code="out_of_stock")
        return Conflict("sold out", code="sold_out")
    return None


@dataclass(frozen=True, slots=True)
class _Moment:
    """What all orders of a group have in common by the clock."""

    now: datetime
    hold_until: datetime
    day: str
    history: tuple[Change, ...]


def _order(offer: Offer, request: Request, moment: _Moment, fresh: Fresh) -> Order:
    return Order(
        id=fresh.id,
        number=_numbered(moment.day, fresh.entropy),
        request_id=request.request_id,
        buyer_id=request.buyer_id,
        merchant_id=offer.product.merchant_id,
        room_id=offer.room_id,
        product_id=offer.product.id,
        product_name=offer.product.name,
        product_unit=offer.product.unit,
        product_picture_url=offer.product.picture_url,
        sale_id=offer.sale_id,
        quantity=request.quantity,
        price_fen=offer.price_fen,
        total_fen=offer.price_fen * request.quantity,
        state=OrderState.HELD,
        created_at=moment.now,
        hold_until=moment.hold_until,
        paid_at=None,
        history=moment.history,
    )
