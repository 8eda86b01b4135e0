"""What somebody asks for as it comes in, the same over HTTP and Socket.IO."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from server.errors import BadRequest
from server.http import Body
from server.orders.admission import MOST_LINES, Wanted, Wish
from server.orders.model import Source, SourceKind

Whole = Annotated[int, Field(strict=True)]


class WantedLine(Body):
    """So many pieces of a running sale, or of a product at its normal price."""

    sale_id: str | None = Field(None, max_length=40)
    product_id: str | None = Field(None, max_length=40)
    quantity: Whole


class PlaceOrder(Body):
    """`POST /api/orders`, `order`"""

    lines: list[WantedLine] = Field(min_length=1, max_length=MOST_LINES)
    request_id: str = Field(max_length=64)
    coupon_id: str | None = Field(None, max_length=40)
    address_id: str | None = Field(None, max_length=40)
    invoice_note: str = Field("", max_length=400)


def wanted(body: PlaceOrder) -> Wanted:
    """The same in our own words. Raises BadRequest."""
    wishes = [_wish(line) for line in body.lines]
    return Wanted(body.request_id, wishes, body.coupon_id, body.address_id, body.invoice_note)


def _wish(line: WantedLine) -> Wish:
    match line.sale_id, line.product_id:
        case str(sale_id), None:
            return Wish(Source(SourceKind.SALE, sale_id), line.quantity)
        case None, str(product_id):
            return Wish(Source(SourceKind.PRODUCT, product_id), line.quantity)
        case _:
            raise BadRequest("lines: each names a sale_id or a product_id")
