"""A drop of coupons, one coupon of it, and when it takes something off an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.errors import BadRequest, Conflict

VALUE_FEN = range(1, 100_001)
MINIMUM_FEN = range(10_000_001)
QUOTA = range(1, 100_001)
PER_USER = range(1, 11)
CLAIM_MINUTES = range(1, 721)
VALID_DAYS = range(1, 91)


class CouponState(StrEnum):
    """Where a coupon is. One past its `valid_until` can't be put into an order; in one it keeps its worth."""

    READY = "ready"
    USED = "used"  # it is in an order; given back when that one comes to nothing


@dataclass(frozen=True, slots=True)
class Drop:
    """So many coupons for a room, first come, first served, until `closes_at`."""

    id: str
    room_id: str
    merchant_id: str
    value_fen: int
    min_total_fen: int
    quota: int
    per_user: int
    taken: int
    opens_at: datetime
    closes_at: datetime
    valid_until: datetime
    number: int = 0  # counts a room's drops from 1: ids and clocks of several servers have no sure order

    def is_open(self, now: datetime) -> bool:
        """Whether somebody can still get one."""
        return now < self.closes_at and self.taken < self.quota


@dataclass(frozen=True, slots=True)
class Coupon:
    """Takes `value_fen` off one order of the merchant that costs `min_total_fen` or more."""

    id: str
    drop_id: str
    user_id: str
    merchant_id: str
    room_slug: str
    host_name: str
    value_fen: int
    min_total_fen: int
    valid_until: datetime
    taken_at: datetime
    state: CouponState = CouponState.READY
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class DropTerms:
    """What a host drops."""

    value_fen: int
    min_total_fen: int
    quota: int
    per_user: int
    minutes: int
    valid_days: int


def check_terms(terms: DropTerms) -> DropTerms:
    """The same terms, if they are sensible. Raises BadRequest."""
    spans = {
        "value_fen": VALUE_FEN,
        "min_total_fen": MINIMUM_FEN,
        "quota": QUOTA,
        "per_user": PER_USER,
        "minutes": CLAIM_MINUTES,
        "valid_days": VALID_DAYS,
    }
    for name, span in spans.items():
        if getattr(terms, name) not in span:
            raise BadRequest(f"{name}: a whole number from {span.start} to {span.stop - 1}")
    if terms.min_total_fen <= terms.value_fen:
        raise BadRequest("min_total_fen: more than the coupon is worth")
    return terms


def opened(
    terms: DropTerms, drop_id: str, room_id: str, merchant_id: str, now: datetime, before: Drop | None
) -> Drop:
    """The drop that begins now, after the room's newest one."""
    return Drop(
        id=drop_id,
        room_id=room_id,
        merchant_id=merchant_id,
        value_fen=terms.value_fen,
        min_total_fen=terms.min_total_fen,
        quota=terms.quota,
        per_user=terms.per_user,
        taken=0,
        opens_at=now,
        closes_at=now + timedelta(minutes=terms.minutes),
        valid_until=now + timedelta(days=terms.valid_days),
        number=before.number + 1 if before else 1,
    )


def check_can_take(drop: Drop, has: int, now: datetime) -> None:
    """Whether somebody who has so many gets another one. Raises Conflict (`coupon_taken`, `coupons_gone`)."""
    if has >= drop.per_user:
        raise Conflict("you have your coupons of this drop", code="coupon_taken")
    if not drop.is_open(now):
        raise Conflict("these coupons are gone", code="coupons_gone")


def discount_fen(coupon: Coupon, merchant_id: str, total_fen: int, now: datetime) -> int:
    """What a coupon takes off an order. At least one fen is left to pay: no provider takes a payment of nothing.

    Raises:
        Conflict (`coupon_not_usable`)
    """
    if coupon.state is not CouponState.READY or now >= coupon.valid_until:
        raise Conflict("this coupon is used or over", code="coupon_not_usable")
    if coupon.merchant_id != merchant_id:
        raise Conflict("this coupon is another merchant's", code="coupon_not_usable")
    if total_fen < coupon.min_total_fen:
        raise Conflict("the order is too small for this coupon", code="coupon_not_usable")
    return min(coupon.value_fen, total_fen - 1)
