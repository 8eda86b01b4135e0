"""Who of a group gets some of what is left: what somebody wants, what there is, and the orders that this makes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from server.addresses.model import AddressBook, unknown_address
from server.catalog.model import Product, check_whole
from server.coupons.model import Coupon, discount_fen
from server.errors import BadRequest, Conflict, DomainError, NotAllowed, NotFound
from server.moderation.model import EVERYWHERE
from server.orders.model import (
    Actor,
    Change,
    Delivery,
    Line,
    Order,
    OrderState,
    Source,
    SourceKind,
    Sources,
    check_invoice_note,
)

QUANTITY = range(1, 1_000_001)
MOST_LINES = 20
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CHINA = timezone(timedelta(hours=8))  # order numbers carry the buyer's date
NUMBER_BITS = 50  # of a day's million orders two have the same number once in six years
NUMBER_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that looks like something else
NUMBER_PAIRS = tuple(first + second for first in NUMBER_LETTERS for second in NUMBER_LETTERS)  # of ten bits each


@dataclass(frozen=True, slots=True)
class Wish:
    """So many pieces of one source."""

    source: Source
    quantity: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for, as it came in: nothing is checked, and one source may be named twice."""

    request_id: str
    wishes: Sequence[Wish]
    coupon_id: str | None = None
    address_id: str | None = None
    invoice_note: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants. The same `request_id` of the same buyer is the same wish, however often it is heard.

    `quantities` are those of `sources`, each of which is there once, in their order. `page`: the connection that
    asked; its answer tells it what other pages of the buyer hear as an event.
    """

    buyer_id: str
    request_id: str
    sources: Sources
    quantities: tuple[int, ...]
    coupon_id: str | None = None
    address_id: str | None = None
    page: str | None = None
    invoice_note: str = ""

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
    price_fen: int
    free: int
    per_buyer: int | None
    hold_seconds: int
    is_open: bool
    per_order: int | None = None
    room_id: str | None = None  # where the sale runs
    has_begun: bool = True

    @property
    def source(self) -> Source:
        """What it is of."""
        if self.sale_id is None:
            return Source(SourceKind.PRODUCT, self.product.id)
        return Source(SourceKind.SALE, self.sale_id)


@dataclass(frozen=True, slots=True)
class Known:
    """What a group's requests need to be decided, all as it is at one moment.

    `orders`: those that requests of this group led to before; `taken`: for each source, what buyers have of it;
    `coupons` by their ids, `books` of addresses by their owners: as far as they are asked for; `banned`: the rooms
    from which buyers are banned, `EVERYWHERE` for all.
    """

    orders: Mapping[tuple[str, str], Order]
    taken: Mapping[Source, Mapping[str, int]]
    coupons: Mapping[str, Coupon] = field(default_factory=dict)
    books: Mapping[str, AddressBook] = field(default_factory=dict)
    banned: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to each request of a group in its order, and the new orders among them.

    `pieces`: what these hold of each source together, in the sources' order; `coupons`: which of them has which.
    """

    answers: tuple[Order | DomainError, ...]
    new: tuple[Order, ...]
    pieces: Mapping[Source, int]
    coupons: Mapping[str, str]

    def refused(self, requests: Sequence[Request]) -> list[Request]:
        """Those of the group's requests that got no order."""
        pairs = zip(requests, self.answers, strict=True)
        return [request for request, answer in pairs if not isinstance(answer, Order)]


def check_wanted(buyer_id: str, wanted: Wanted, page: str | None = None) -> Request:
    """A request whose values can be taken; what it wants of one source is one sum. Raises BadRequest."""
    if not REQUEST_ID.fullmatch(wanted.request_id):
        raise BadRequest("request_id: 1 to 64 letters, digits, - or _")
    if not 1 <= len(wanted.wishes) <= MOST_LINES:
        raise BadRequest(f"lines: 1 to {MOST_LINES}")
    sources, quantities = _summed(wanted.wishes)
    note = _note(wanted)
    return Request(buyer_id, wanted.request_id, sources, quantities, wanted.coupon_id, wanted.address_id, page, note)


def _note(wanted: Wanted) -> str:
    if not wanted.invoice_note:
        return ""  # nearly all
    if wanted.address_id is None:
        raise BadRequest("invoice_note: goes with an address_id")
    return check_invoice_note(wanted.invoice_note)


def _summed(wishes: Sequence[Wish]) -> tuple[Sources, tuple[int, ...]]:
    if len(wishes) == 1:  # nearly all, and all of those who press in a sale
        (wish,) = wishes
        return (wish.source,), (check_whole("quantity", wish.quantity, QUANTITY),)
    sums: dict[Source, int] = {}
    for wish in wishes:
        sums[wish.source] = sums.get(wish.source, 0) + check_whole("quantity", wish.quantity, QUANTITY)
    sources = tuple(sorted(sums))
    return sources, tuple(check_whole("quantity", sums[source], QUANTITY) for source in sources)


def order_number(now: datetime, entropy: int) -> str:
    """A number for people: the day in China and ten letters made of NUMBER_BITS random bits."""
    return _numbered(_day(now), entropy)


def _day(now: datetime) -> str:
    return f"{now.astimezone(CHINA):%Y%m%d}-"


def _numbered(day: str, entropy: int) -> str:
    pairs = NUMBER_PAIRS
    high = pairs[entropy >> 40] + pairs[entropy >> 30 & 1023] + pairs[entropy >> 20 & 1023]
    return f"{day}{high}{pairs[entropy >> 10 & 1023]}{pairs[entropy & 1023]}"


def admit(
    offers: Sequence[Offer], requests: Sequence[Request], known: Known, now: datetime, fresh: Sequence[Fresh]
) -> Admission:
    """Decide a group of requests in order of arrival; what they want is in `offers`, or is not there at all.

    A request gets all that it wants or nothing. One that is refused does not stand in the way of those behind it.
    """
    group = _Group(offers, known, now)
    answers = tuple(group.decide(request, its) for request, its in zip(requests, fresh, strict=True))
    pieces = {shelf.source: taken for shelf in group.shelves if (taken := shelf.offer.free - shelf.free)}
    return Admission(answers, tuple(group.new), pieces, group.coupons)


class _Shelf:
    """What is left of one source, and who has what of it, while a group is decided."""

    __slots__ = ("free", "has", "offer", "source")

    def __init__(self, offer: Offer, known: Known) -> None:
        self.offer = offer
        self.source = offer.source
        self.free = offer.free
        self.has = dict(known.taken.get(self.source, {}))

    def check(self, buyer_id: str, quantity: int, banned: Collection[str]) -> None:
        """Raises Conflict, NotAllowed (`banned`)."""
        offer = self.offer
        if offer.room_id is not None and offer.room_id in banned:
            raise NotAllowed("you are banned from this sale's room", code="banned")
        offer.product.check_sold()
        if not offer.is_open:
            raise Conflict("this sale is over", code="sale_closed")
        if not offer.has_begun:
            raise Conflict("this sale has not begun", code="sale_not_begun")
        if offer.per_order is not None and quantity > offer.per_order:
            raise Conflict(f"one order may have {offer.per_order} at most", code="limit_reached")
        if offer.per_buyer is not None and self.has.get(buyer_id, 0) + quantity > offer.per_buyer:
            raise Conflict(f"each buyer may have {offer.per_buyer} at most", code="limit_reached")
        if quantity > self.free:
            if offer.sale_id is None:
                raise Conflict("there are not so many pieces in stock", code="out_of_stock")
            raise Conflict("sold out", code="sold_out")

    def take(self, buyer_id: str, quantity: int) -> None:
        """Give a buyer pieces."""
        self.free -= quantity
        self.has[buyer_id] = self.has.get(buyer_id, 0) + quantity

    def line(self, quantity: int) -> Line:
        """So much of it in an order."""
        product = self.offer.product
        return Line(
            product_id=product.id,
            product_name=product.name,
            product_unit=product.unit,
            product_picture_url=product.picture_url,
            sale_id=self.offer.sale_id,
            quantity=quantity,
            price_fen=self.offer.price_fen,
        )


class _Basket:
    """What all requests for the same sources have in common."""

    __slots__ = ("_lines", "hold_until", "is_mixed", "merchant_id", "shelves")

    def __init__(self, shelves: Sequence[_Shelf], now: datetime) -> None:
        self.shelves = shelves
        self.merchant_id = shelves[0].offer.product.merchant_id
        self.is_mixed = any(shelf.offer.product.merchant_id != self.merchant_id for shelf in shelves)
        self.hold_until = now + timedelta(seconds=min(shelf.offer.hold_seconds for shelf in shelves))
        self._lines: dict[tuple[int, ...], tuple[Line, ...]] = {}

    def lines(self, quantities: tuple[int, ...]) -> tuple[Line, ...]:
        """An order's lines; nearly all of a group want as many."""
        lines = self._lines.get(quantities)
        if lines is None:
            pairs = zip(self.shelves, quantities, strict=True)
            lines = self._lines[quantities] = tuple(shelf.line(quantity) for shelf, quantity in pairs)
        return lines


class _Group:
    """What is left, and who has what, while a group is decided."""

    def __init__(self, offers: Sequence[Offer], known: Known, now: datetime) -> None:
        self.shelves = [_Shelf(offer, known) for offer in offers]
        self.new: list[Order] = []
        self.coupons: dict[str, str] = {}
        self._known = known
        self._by_source = {shelf.source: shelf for shelf in self.shelves}
        self._baskets: dict[Sources, _Basket] = {}
        self._seen = dict(known.orders)
        self._now = now
        self._day = _day(now)
        self._history = (Change(OrderState.HELD, now, Actor.BUYER),)

    def decide(self, request: Request, fresh: Fresh) -> Order | DomainError:
        """An order, or why not."""
        before = self._seen.get(request.key)
        if before is not None:
            return before
        try:
            basket = self._basket(request.sources)
            self._check(request, basket)
            order = self._order(request, basket, fresh)
        except DomainError as refused:
            return refused
        for shelf, quantity in zip(basket.shelves, request.quantities, strict=True):
            shelf.take(request.buyer_id, quantity)
        if order.coupon_id is not None:
            self.coupons[order.coupon_id] = order.id
        self._seen[request.key] = order
        self.new.append(order)
        return order

    def _basket(self, sources: Sources) -> _Basket:
        basket = self._baskets.get(sources)
        if basket is None:
            shelves = [shelf for source in sources if (shelf := self._by_source.get(source)) is not None]
            if len(shelves) < len(sources):
                raise NotFound("there is no such sale or product")
            basket = self._baskets[sources] = _Basket(shelves, self._now)
        return basket

    def _check(self, request: Request, basket: _Basket) -> None:
        if basket.is_mixed:
            raise BadRequest("one order is of one merchant", code="several_merchants")
        banned = self._known.banned.get(request.buyer_id, ())
        if EVERYWHERE in banned:
            raise NotAllowed("you are banned", code="banned")
        for shelf, quantity in zip(basket.shelves, request.quantities, strict=True):
            shelf.check(request.buyer_id, quantity, banned)

    def _order(self, request: Request, basket: _Basket, fresh: Fresh) -> Order:
        lines = basket.lines(request.quantities)
        goods_fen = 0
        for line in lines:
            goods_fen += line.price_fen * line.quantity
        discount = 0
        if request.coupon_id is not None:
            discount = self._discount(request, request.coupon_id, basket.merchant_id, goods_fen)
        return Order(
            id=fresh.id,
            number=_numbered(self._day, fresh.entropy),
            request_id=request.request_id,
            buyer_id=request.buyer_id,
            merchant_id=basket.merchant_id,
            lines=lines,
            coupon_id=request.coupon_id,
            discount_fen=discount,
            total_fen=goods_fen - discount,
            state=OrderState.HELD,
            created_at=self._now,
            hold_until=basket.hold_until,
            paid_at=None,
            history=self._history,
            delivery=None if request.address_id is None else self._delivery(request, request.address_id),
        )

    def _discount(self, request: Request, coupon_id: str, merchant_id: str, goods_fen: int) -> int:
        coupon = self._known.coupons.get(coupon_id)
        if coupon is None or coupon.user_id != request.buyer_id:
            raise NotFound("there is no such coupon of yours", code="unknown_coupon")
        if coupon_id in self.coupons:
            raise Conflict("this coupon is in another order", code="coupon_not_usable")
        return discount_fen(coupon, merchant_id, goods_fen, self._now)

    def _delivery(self, request: Request, address_id: str) -> Delivery:
        book = self._known.books.get(request.buyer_id)
        if book is None:
            raise unknown_address()
        contact = book.find(address_id).contact
        return Delivery(contact.name, contact.phone, contact.address, request.invoice_note)
