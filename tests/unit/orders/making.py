"""Valid products, offers, requests and orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from server.catalog.model import Product
from server.errors import DomainError
from server.orders.admission import Admission, Fresh, Known, Offer, Request, Wanted, Wish, admit, check_wanted
from server.orders.model import Order, Source, SourceKind

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
SALE = Source(SourceKind.SALE, "s1")


def make_product(product_id: str = "p1", merchant_id: str = "m1") -> Product:
    """Oranges."""
    return Product(product_id, merchant_id, "合作社", "冰糖橙", "", 3990, "5斤", "", 10, None, NOW)


def make_offer(
    free: int = 10,
    per_buyer: int | None = 2,
    *,
    is_open: bool = True,
    sale_id: str | None = "s1",
    price_fen: int = 990,
    product: Product | None = None,
    per_order: int | None = None,
    hold_seconds: int = 300,
) -> Offer:
    """Ten pieces of a running sale, two for each buyer."""
    return Offer(product or make_product(), sale_id, price_fen, free, per_buyer, hold_seconds, is_open, per_order)


def make_request(
    buyer_id: str,
    request_id: str = "r",
    quantity: int = 1,
    coupon_id: str | None = None,
    address_id: str | None = None,
) -> Request:
    """Somebody wants pieces of the sale."""
    return check_wanted(buyer_id, Wanted(request_id, [Wish(SALE, quantity)], coupon_id, address_id))


def admitted(
    offers: Sequence[Offer], requests: Sequence[Request], known: Known | None = None, now: datetime = NOW
) -> Admission:
    """What becomes of these requests."""
    fresh = [Fresh(f"o{number}", number) for number in range(len(requests))]
    return admit(offers, requests, known or Known({}, {}), now, fresh)


def codes(admission: Admission) -> list[str]:
    """`held` or the code of the refusal, of each."""
    return [one.code if isinstance(one, DomainError) else one.state.value for one in admission.answers]


def make_order(pieces: Mapping[Source, int]) -> Order:
    """An order that is held."""
    request = check_wanted("li", Wanted("r", [Wish(source, quantity) for source, quantity in pieces.items()]))
    offers = [
        make_offer(
            per_buyer=None,
            sale_id=source.id if source.kind is SourceKind.SALE else None,
            product=make_product(source.id),
        )
        for source in request.sources
    ]
    (order,) = admitted(offers, [request]).new
    return order
