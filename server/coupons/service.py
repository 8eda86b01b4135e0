"""What people do with coupons: a host drops them, viewers take them. Orders use them (`server/orders/`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from config.clock import Clock
from server.accounts.model import User
from server.coupons.model import (
    Coupon,
    Drop,
    DropTerms,
    check_can_take,
    check_terms,
    opened,
)
from server.coupons.shape import drop_shape
from server.errors import Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.infra.announce import Build, room_channel
from server.infra.transactions import Session
from server.moderation.door import Entry
from server.moderation.model import Act
from server.rooms.model import RoomRole

LEFT_WINDOW_SECONDS = 0.5
T = TypeVar("T")


class Store(Protocol):
    """What this service keeps."""

    async def add_drop(self, drop: Drop) -> bool: ...
    async def get_drop(self, drop_id: str, session: Session | None = None) -> Drop | None: ...
    async def newest_drop(self, room_id: str) -> Drop | None: ...
    async def close_drop(self, drop_id: str, at: datetime) -> Drop | None: ...
    async def count_taken(self, drop_id: str, quota: int, session: Session) -> bool: ...
    async def count_of(self, drop_id: str, user_id: str, session: Session | None = None) -> int: ...
    async def add(self, coupon: Coupon, session: Session) -> None: ...
    async def of_user(self, user_id: str) -> list[Coupon]: ...


class Door(Protocol):
    """Says who may take part and who is the host."""

    async def look(self, user: User | None, room_id: str) -> Entry: ...
    async def take_part(self, user: User, room_id: str, address: str) -> Entry: ...


class Log(Protocol):
    """The moderation log."""

    async def note(self, entry: Entry, actor: User, act: Act, subject: str = "", **more: Any) -> None: ...


class Transactions(Protocol):
    """Several writes or none."""

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T: ...


class Turns(Protocol):
    """Spares transactions from colliding."""

    def take(self, key: str) -> AbstractAsyncContextManager[None]: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...
    def tell_soon(self, channel: str, event: str, window_seconds: float, build: Build) -> None: ...


class Coupons:
    """Coupons of all rooms. A coupon and its place in the quota are written in one transaction, or neither."""

    def __init__(
        self,
        store: Store,
        door: Door,
        log: Log,
        transactions: Transactions,
        turns: Turns,
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._store = store
        self._door = door
        self._log = log
        self._transactions = transactions
        self._turns = turns
        self._voice = voice
        self._clock = clock

    async def drop(self, host: User, room_id: str, terms: DropTerms) -> Drop:
        """Drop coupons into one's room. Raises BadRequest, Conflict (`drop_running`), NotAllowed."""
        entry = await self._door.look(host, room_id)
        if entry.role is not RoomRole.HOST:
            raise NotAllowed("only the room's host may do this")
        now = self._clock.now()
        before = await self._store.newest_drop(room_id)
        drop = opened(check_terms(terms), new_id(), room_id, entry.room.merchant_id, now, before)
        running = Conflict("other coupons are still to be had; close them first", code="drop_running")
        if before is not None and before.is_open(now):
            raise running
        await self._log.note(entry, host, Act.DROP_COUPONS, f"{drop.quota} × {drop.value_fen / 100:.2f}")
        if not await self._store.add_drop(drop):
            raise running
        return await self._tell(drop)

    async def close(self, host: User, drop_id: str) -> Drop:
        """Let nobody take any more; what was taken stays good. Raises NotAllowed, NotFound."""
        drop = await self._get_drop(drop_id)
        if (await self._door.look(host, drop.room_id)).role is not RoomRole.HOST:
            raise NotAllowed("only the room's host may do this")
        closed = await self._store.close_drop(drop_id, self._clock.now())
        return await self._tell(closed or drop)

    async def take(self, user: User, room_id: str, drop_id: str, address: str) -> Coupon:
        """Take a coupon. Raises Conflict (`coupon_taken`, `coupons_gone`), NotAllowed, NotFound."""
        entry = await self._door.take_part(user, room_id, address)

        async def work(session: Session) -> Coupon:
            now = self._clock.now()
            drop = await self._store.get_drop(drop_id, session)
            if drop is None or drop.room_id != room_id:
                raise NotFound("there are no such coupons")
            check_can_take(drop, await self._store.count_of(drop_id, user.id, session), now)
            if not await self._store.count_taken(drop_id, drop.quota, session):
                raise Conflict("these coupons are gone", code="coupons_gone")
            coupon = Coupon(
                id=new_id(),
                drop_id=drop_id,
                user_id=user.id,
                merchant_id=drop.merchant_id,
                room_slug=entry.room.slug,
                host_name=entry.room.host_name,
                value_fen=drop.value_fen,
                min_total_fen=drop.min_total_fen,
                valid_until=drop.valid_until,
                taken_at=now,
            )
            await self._store.add(coupon, session)
            return coupon

        async with self._turns.take(f"coupons:{drop_id}"):
            coupon = await self._transactions.run(work)
        self._voice.tell_soon(room_channel(room_id), "coupon_drop", LEFT_WINDOW_SECONDS, lambda: self._left(drop_id))
        return coupon

    async def mine(self, user: User) -> list[Coupon]:
        """Somebody's coupons, newest first."""
        return await self._store.of_user(user.id)

    async def shown(self, room_id: str, *, to_staff: bool) -> dict[str, Any]:
        """What everybody who joins sees: coupons that can be had."""
        drop = await self._store.newest_drop(room_id)
        if drop is None or self._clock.now() >= drop.closes_at:
            return {"coupon_drop": None}
        return {"coupon_drop": {**drop_shape(drop), "mine": 0}}

    async def own(self, shown: Mapping[str, Any], user: User) -> dict[str, Any]:
        """How many of them somebody has, if he has some."""
        drop = shown["coupon_drop"]
        mine = await self._store.count_of(drop["id"], user.id) if drop else 0
        return {"coupon_drop": {**drop, "mine": mine}} if mine else {}

    async def _get_drop(self, drop_id: str) -> Drop:
        drop = await self._store.get_drop(drop_id)
        if drop is None:
            raise NotFound("there are no such coupons")
        return drop

    async def _tell(self, drop: Drop) -> Drop:
        await self._voice.tell(room_channel(drop.room_id), "coupon_drop", {"drop": drop_shape(drop)})
        return drop

    async def _left(self, drop_id: str) -> dict[str, Any] | None:
        drop = await self._store.get_drop(drop_id)
        return None if drop is None else {"drop": drop_shape(drop)}
