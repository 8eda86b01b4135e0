"""Stores that several services share."""

from __future__ import annotations

from dataclasses import dataclass, fields

from server.accounts.store import AccountStore
from server.cards.store import MomentStore
from server.catalog.store import CatalogStore
from server.chat.store import ChatStore
from server.coupons.store import CouponStore
from server.infra.mongo import Database
from server.moderation.store import ModerationStore
from server.rooms.store import RoomStore
from server.streams.store import StreamStore


@dataclass(frozen=True, slots=True)
class Stores:
    """What several services keep their records in; each other store is its service's alone."""

    accounts: AccountStore
    rooms: RoomStore
    streams: StreamStore
    moments: MomentStore
    chat: ChatStore
    catalog: CatalogStore
    coupons: CouponStore
    moderation: ModerationStore


async def build_stores(database: Database) -> Stores:
    """All of them, with their indexes."""
    stores = Stores(
        AccountStore(database),
        RoomStore(database),
        StreamStore(database),
        MomentStore(database),
        ChatStore(database),
        CatalogStore(database),
        CouponStore(database),
        ModerationStore(database),
    )
    for field in fields(stores):
        await getattr(stores, field.name).make_indexes()
    return stores
