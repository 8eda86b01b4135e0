"""Socket.IO events: drop coupons, close the drop, take one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from config.clock import Clock
from server.coupons.model import DropTerms
from server.coupons.service import Coupons
from server.coupons.shape import coupon_shape, drop_shape
from server.http import Body
from server.sio import Event, Peer, Reply


class DropCoupons(Body):
    """`drop_coupons`"""

    value_fen: int = Field(strict=True)
    min_total_fen: int = Field(strict=True)
    quota: int = Field(strict=True)
    per_user: int = Field(1, strict=True)
    minutes: int = Field(10, strict=True)
    valid_days: int = Field(7, strict=True)


class DropId(Body):
    """`take_coupon`, `close_coupons`"""

    drop_id: str = Field(max_length=40)


def coupon_events(coupons: Coupons, address_of: Callable[[Peer], str], clock: Clock) -> list[Event[Any]]:
    """Events of this noun."""

    async def drop(peer: Peer, fields: DropCoupons) -> Reply:
        made = await coupons.drop(peer.require_user(), peer.require_room(), DropTerms(**fields.model_dump()))
        return {"drop": drop_shape(made)}

    async def close(peer: Peer, fields: DropId) -> Reply:
        return {"drop": drop_shape(await coupons.close(peer.require_host(), fields.drop_id))}

    async def take(peer: Peer, fields: DropId) -> Reply:
        coupon = await coupons.take(peer.require_user(), peer.require_room(), fields.drop_id, address_of(peer))
        return {"coupon": coupon_shape(coupon, clock.now())}

    return [
        Event("drop_coupons", DropCoupons, drop),
        Event("close_coupons", DropId, close),
        Event("take_coupon", DropId, take),
    ]
