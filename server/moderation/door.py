"""The door of a room: who may come in, speak and take part, and which words must wait for staff."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from config.clock import Clock
from config.tasks import Tasks
from server.accounts.model import User
from server.errors import NotAllowed, NotFound, TooManyRequests
from server.infra.together import Together
from server.infra.visitors import is_persons_address
from server.moderation.links import has_link
from server.moderation.model import EVERYWHERE, Sanction, SanctionKind, strongest
from server.moderation.words import ForbiddenWord, WordAction, WordList
from server.rooms.model import STAFF, Room, RoomRole, role_in

SPEAK_LIMIT = "20/10second"  # per person, over all devices and servers
ACT_LIMIT = "60/10second"  # the same for votes, draws, coupons
WORDS_SECONDS = 3.0  # so long a changed list may go unheard by other servers
LISTS_KEPT = 500


class Store(Protocol):
    """What this service reads."""

    async def sanctions_on(self, whom: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Sanction]]: ...
    async def words(self, room_id: str) -> tuple[ForbiddenWord, ...]: ...


class Rooms(Protocol):
    """Rooms with their rules and helpers."""

    async def get(self, room_id: str) -> Room | None: ...


class Followers(Protocol):
    """Who follows a room."""

    async def follows(self, room_id: str, user_id: str) -> bool: ...


class Limits(Protocol):
    """Counts what somebody does, over all servers."""

    async def check(self, limit: str, *who: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in a room: which room, and what he is there."""

    room: Room
    role: RoomRole

    @property
    def is_staff(self) -> bool:
        """Whether he keeps order here."""
        return self.role in STAFF


class Door:
    """Asked before anybody says or does something in a room."""

    def __init__(
        self,
        store: Store,
        rooms: Rooms,
        followers: Followers,
        limits: Limits,
        tasks: Tasks,
        clock: Clock,
        address_limit: str,
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._followers = followers
        self._limits = limits
        self._clock = clock
        self._address_limit = address_limit
        self._asked = Together("asking for sanctions", tasks, store.sanctions_on)
        self._lists: OrderedDict[str, tuple[float, WordList]] = OrderedDict()  # the least used one gives way

    async def look(self, user: User | None, room_id: str) -> Entry:
        """What somebody is in a room. Raises NotFound."""
        room = await self._rooms.get(room_id)
        if room is None:
            raise NotFound("there is no such room")
        return Entry(room, role_in(room, user))

    async def enter(self, user: User | None, room: Room) -> Sanction | None:
        """Come in; answers a mute that holds. Raises NotAllowed (`banned`)."""
        if user is None or role_in(room, user) in STAFF:
            return None
        sanction = await self._sanction(room.id, user.id)
        if sanction is not None and sanction.kind is SanctionKind.BAN:
            raise _refusal(sanction)
        return sanction

    async def require_not_banned(self, user: User) -> None:
        """Before somebody writes what others read, outside of rooms. Raises NotAllowed (`banned`)."""
        sanction = await self._sanction(EVERYWHERE, user.id)
        if sanction is not None and sanction.kind is SanctionKind.BAN:
            raise _refusal(sanction)

    async def keeps_out(self, user: User | None, room_id: str) -> bool:
        """Whether somebody who is in a room must not be there. Raises NotFound."""
        try:
            await self.enter(user, (await self.look(user, room_id)).room)
        except NotAllowed:
            return True
        return False

    async def staff(self, user: User, room_id: str) -> Entry:
        """Somebody who keeps order. Raises NotAllowed, NotFound."""
        entry = await self.look(user, room_id)
        if not entry.is_staff:
            raise NotAllowed("only the room's staff may do this")
        return entry

    async def take_part(self, user: User, room_id: str, address: str) -> Entry:
        """Vote, enter a draw, take a coupon. Raises NotAllowed (`banned`), NotFound, TooManyRequests."""
        entry = await self.look(user, room_id)
        await self._count("act", ACT_LIMIT, user, address)
        await self.enter(user, entry.room)
        return entry

    async def speak(self, user: User, room_id: str, text: str, address: str) -> tuple[Entry, bool]:
        """Say something; answers whether it must wait for staff.

        Raises:
            NotAllowed (`banned`, `muted`, `followers_only`, `links_not_allowed`, `words_not_allowed`),
            NotFound, TooManyRequests (also `slow_mode`)
        """
        entry = await self.look(user, room_id)
        await self._count("chat", SPEAK_LIMIT, user, address)
        if entry.is_staff:
            return entry, False
        sanction = await self._sanction(room_id, user.id)
        if sanction is not None:
            raise _refusal(sanction)
        rules = entry.room.rules
        if rules.followers_only and not await self._followers.follows(room_id, user.id):
            raise NotAllowed("only followers of this room may write", code="followers_only")
        if rules.links_from_staff_only and has_link(text):
            raise NotAllowed("links are not allowed here", code="links_not_allowed")
        action = await self._forbidden(room_id, text)
        if action is WordAction.REFUSE:
            raise NotAllowed("some of these words are not allowed here", code="words_not_allowed")
        if rules.slow_mode_seconds:  # last, so that what was refused costs nobody his turn
            await self._wait_turn(room_id, user.id, rules.slow_mode_seconds)
        return entry, rules.review_first or action is WordAction.HOLD

    def words_changed(self, room_id: str) -> None:
        """Read this list again next time."""
        self._lists.pop(room_id, None)

    async def _sanction(self, room_id: str, user_id: str) -> Sanction | None:
        return strongest(await self._asked.get((room_id, user_id)) or [], self._clock.now())

    async def _count(self, what: str, limit: str, user: User, address: str) -> None:
        await self._limits.check(limit, what, user.id)
        if is_persons_address(address):
            await self._limits.check(self._address_limit, f"{what}-address", address)

    async def _wait_turn(self, room_id: str, user_id: str, seconds: int) -> None:
        try:
            await self._limits.check(f"1/{seconds}second", "slow-mode", room_id, user_id)
        except TooManyRequests:
            raise TooManyRequests(f"slow mode: one message in {seconds} seconds", code="slow_mode") from None

    async def are_forbidden(self, text: str) -> bool:
        """Whether a text outside of rooms has words that are refused or reviewed everywhere: nobody reviews there."""
        return (await self._list(EVERYWHERE)).find(text) is not None

    async def _forbidden(self, room_id: str, text: str) -> WordAction | None:
        found = [(await self._list(where)).find(text) for where in (EVERYWHERE, room_id)]
        if WordAction.REFUSE in found:
            return WordAction.REFUSE
        return WordAction.HOLD if WordAction.HOLD in found else None

    async def _list(self, room_id: str) -> WordList:
        kept = self._lists.get(room_id)
        if kept is not None and time.monotonic() - kept[0] < WORDS_SECONDS:
            self._lists.move_to_end(room_id)
            return kept[1]
        made = WordList(await self._store.words(room_id))
        self._lists[room_id] = (time.monotonic(), made)
        if len(self._lists) > LISTS_KEPT:
            self._lists.popitem(last=False)
        return made


def _refusal(sanction: Sanction) -> NotAllowed:
    until = "for good" if sanction.until is None else f"until {sanction.until.isoformat(timespec='seconds')}"
    if sanction.kind is SanctionKind.BAN:
        return NotAllowed(f"you are banned {until}", code="banned")
    return NotAllowed(f"you are muted {until}", code="muted")
