"""What staff does to keep order: mute, ban, delete, let through, set rules, name helpers; all of it is logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from config.clock import Clock
from server.accounts.model import User
from server.chat.model import ChatMessage
from server.errors import BadRequest, Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.infra.announce import room_channel, user_channel
from server.moderation.door import Door, Entry
from server.moderation.model import (
    EVERYWHERE,
    Act,
    LogEntry,
    Sanction,
    SanctionKind,
    check_may_sanction,
    check_reason,
    check_words,
    sanction_end,
)
from server.moderation.shape import sanction_shape
from server.moderation.words import ForbiddenWord
from server.rooms.model import (
    MOST_HELPERS,
    SLOW_MODE_SECONDS,
    Announcement,
    ChatRules,
    Helper,
    Room,
    RoomRole,
    check_announcement,
    role_in,
)
from server.rooms.shape import announcement_shape, rules_shape


class Store(Protocol):
    """What this service keeps."""

    async def put_sanction(self, sanction: Sanction) -> None: ...
    async def drop_sanction(self, room_id: str, user_id: str, kind: SanctionKind) -> Sanction | None: ...
    async def set_words(self, room_id: str, words: tuple[ForbiddenWord, ...]) -> None: ...
    async def log(self, entry: LogEntry) -> None: ...


class Rooms(Protocol):
    """Keeps a room's rules, helpers and announcement."""

    async def set_rules(self, room_id: str, changes: Mapping[str, bool | int]) -> Room | None: ...
    async def set_announcement(self, room_id: str, announcement: Announcement | None) -> Room | None: ...
    async def add_helper(self, room_id: str, helper: Helper, most: int) -> Room | None: ...
    async def drop_helper(self, room_id: str, user_id: str) -> Room | None: ...


class People(Protocol):
    """Finds accounts."""

    async def get(self, user_id: str) -> User | None: ...
    async def find_login(self, field: str, value: str) -> tuple[User, str] | None: ...


class Messages(Protocol):
    """The chat."""

    async def get(self, room_id: str, message_id: str) -> ChatMessage: ...
    async def delete(self, room_id: str, message_id: str) -> None: ...
    async def clear(self, room_id: str, author_id: str) -> int: ...
    async def review(self, room_id: str, message_id: str, *, show: bool) -> ChatMessage: ...


class Passes(Protocol):
    """What lets somebody watch."""

    async def void(self, sanction: Sanction) -> None: ...


class Voice(Protocol):
    """Tells rooms and people."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...


class Moderation:
    """Acts of staff. Each is written to the log before it is done, so nothing is done that the log doesn't know."""

    def __init__(
        self,
        store: Store,
        door: Door,
        passes: Passes,
        rooms: Rooms,
        people: People,
        messages: Messages,
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._store = store
        self._door = door
        self._passes = passes
        self._rooms = rooms
        self._people = people
        self._messages = messages
        self._voice = voice
        self._clock = clock

    async def note(self, entry: Entry, actor: User, act: Act, subject: str = "", **more: Any) -> None:
        """Write to the log what somebody of the staff is about to do."""
        await self._store.log(
            LogEntry(
                id=new_id(),
                room_id=entry.room.id,
                act=act,
                actor_id=actor.id,
                actor_name=actor.display_name,
                actor_role=entry.role,
                at=self._clock.now(),
                subject=subject,
                **more,
            )
        )

    async def delete(self, actor: User, room_id: str, message_id: str, reason: str = "") -> None:
        """Take a message away. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        message = await self._messages.get(room_id, message_id)
        await self.note(entry, actor, Act.DELETE, message.text, **_author(message), reason=check_reason(reason))
        await self._messages.delete(room_id, message_id)

    async def review(self, actor: User, room_id: str, message_id: str, *, show: bool) -> ChatMessage:
        """Let a message that waits be seen, or not. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        message = await self._messages.get(room_id, message_id)
        await self.note(entry, actor, Act.SHOW if show else Act.REJECT, message.text, **_author(message))
        return await self._messages.review(room_id, message_id, show=show)

    async def sanction(
        self,
        actor: User,
        room_id: str,
        user_id: str,
        kind: SanctionKind,
        *,
        minutes: int | None,
        reason: str = "",
        everywhere: bool = False,
        clear: bool = False,
    ) -> Sanction:
        """Mute or ban somebody; `clear` also takes his messages away. Raises BadRequest, NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        target = await self._people.get(user_id)
        if target is None:
            raise NotFound("there is no such person")
        check_may_sanction(entry.role, role_in(entry.room, target))
        if everywhere and entry.role is not RoomRole.OPERATOR:
            raise NotAllowed("only an operator may do this in all rooms")
        now = self._clock.now()
        sanction = Sanction(
            room_id=EVERYWHERE if everywhere else room_id,
            user_id=target.id,
            user_name=target.display_name,
            kind=kind,
            until=sanction_end(now, minutes),
            reason=check_reason(reason),
            by_id=actor.id,
            by_name=actor.display_name,
            at=now,
        )
        whom = {"target_id": target.id, "target_name": target.display_name}
        more = {**whom, "reason": sanction.reason, "until": sanction.until}
        await self.note(entry, actor, Act(kind.value), EVERYWHERE if everywhere else "", **more)
        await self._store.put_sanction(sanction)
        await self._passes.void(sanction)
        if clear:
            await self._messages.clear(room_id, target.id)
        told = {"room_id": room_id, "sanction": sanction_shape(sanction), "lifted": False}
        await self._voice.tell(user_channel(target.id), "sanction", told)
        return sanction

    async def lift(
        self, actor: User, room_id: str, user_id: str, kind: SanctionKind, *, everywhere: bool = False
    ) -> None:
        """End a mute or a ban. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        if everywhere and entry.role is not RoomRole.OPERATOR:
            raise NotAllowed("only an operator may do this in all rooms")
        target = await self._people.get(user_id)
        name = target.display_name if target else None
        act = Act.LIFT_MUTE if kind is SanctionKind.MUTE else Act.LIFT_BAN
        await self.note(entry, actor, act, EVERYWHERE if everywhere else "", target_id=user_id, target_name=name)
        await self._lift(room_id, EVERYWHERE if everywhere else room_id, user_id, kind)

    async def lift_everywhere(self, operator: User, user_id: str, kind: SanctionKind) -> None:
        """End what holds in all rooms; for operators, whom the caller has checked. Raises NotFound."""
        target = await self._people.get(user_id)
        await self._note_everywhere(
            operator,
            Act.LIFT_MUTE if kind is SanctionKind.MUTE else Act.LIFT_BAN,
            EVERYWHERE,
            target_id=user_id,
            target_name=target.display_name if target else None,
        )
        await self._lift(EVERYWHERE, EVERYWHERE, user_id, kind)

    async def _lift(self, room_id: str, where: str, user_id: str, kind: SanctionKind) -> None:
        lifted = await self._store.drop_sanction(where, user_id, kind)
        if lifted is None:
            raise NotFound("there is no such mute or ban")
        told = {"room_id": room_id, "sanction": sanction_shape(lifted), "lifted": True}
        await self._voice.tell(user_channel(user_id), "sanction", told)

    async def set_rules(self, actor: User, room_id: str, changes: Mapping[str, bool | int]) -> ChatRules:
        """Change some of a room's rules. Raises BadRequest, NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        if changes.get("slow_mode_seconds", 0) not in SLOW_MODE_SECONDS:
            raise BadRequest("slow_mode_seconds: 0 to 300")
        subject = ", ".join(f"{name}={value}" for name, value in changes.items())
        await self.note(entry, actor, Act.RULES, subject)
        room = await self._rooms.set_rules(room_id, changes) if changes else entry.room
        if room is None:
            raise NotFound("there is no such room")
        await self._voice.tell(room_channel(room_id), "rules", {"rules": rules_shape(room.rules)})
        return room.rules

    async def set_words(self, actor: User, room_id: str, words: list[ForbiddenWord]) -> tuple[ForbiddenWord, ...]:
        """Replace a room's word list. Raises BadRequest, NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        checked = check_words(words)
        await self.note(entry, actor, Act.WORDS, f"{len(checked)}")
        await self._keep_words(room_id, checked)
        return checked

    async def set_platform_words(self, operator: User, words: list[ForbiddenWord]) -> tuple[ForbiddenWord, ...]:
        """Replace the list that holds in every room; for operators, whom the caller has checked."""
        checked = check_words(words)
        await self._note_everywhere(operator, Act.WORDS, f"{len(checked)}")
        await self._keep_words(EVERYWHERE, checked)
        return checked

    async def _note_everywhere(self, operator: User, act: Act, subject: str, **more: Any) -> None:
        who, role, now = operator.display_name, RoomRole.OPERATOR, self._clock.now()
        await self._store.log(
            LogEntry(new_id(), EVERYWHERE, act, operator.id, who, role, now, subject=subject, **more)
        )

    async def _keep_words(self, room_id: str, words: tuple[ForbiddenWord, ...]) -> None:
        await self._store.set_words(room_id, words)
        self._door.words_changed(room_id)

    async def announce(self, actor: User, room_id: str, text: str | None) -> Announcement | None:
        """Put a line above the chat, or take it away. Raises BadRequest, NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        announcement = None if text is None else Announcement(check_announcement(text), self._clock.now())
        await self.note(entry, actor, Act.ANNOUNCE, announcement.text if announcement else "")
        await self._rooms.set_announcement(room_id, announcement)
        told = {"announcement": announcement_shape(announcement)}
        await self._voice.tell(room_channel(room_id), "announcement", told)
        return announcement

    async def name_helper(
        self, host: User, room_id: str, *, user_id: str | None = None, name: str | None = None
    ) -> Helper:
        """Make somebody a helper of one's room, by id or sign-in name. Raises Conflict, NotAllowed, NotFound."""
        entry = await self._only_host(host, room_id)
        if user_id:
            target = await self._people.get(user_id)
        else:
            found = await self._people.find_login("name", (name or "").strip().lower())
            target = found[0] if found else None
        if target is None:
            raise NotFound("there is no such person")
        if role_in(entry.room, target) is not RoomRole.VIEWER:
            raise Conflict("this person keeps order here already", code="already_staff")
        helper = Helper(target.id, target.display_name, self._clock.now())
        await self.note(entry, host, Act.NAME_HELPER, target_id=target.id, target_name=helper.name)
        if await self._rooms.add_helper(room_id, helper, MOST_HELPERS) is None:
            raise Conflict(f"at most {MOST_HELPERS} helpers", code="too_many_helpers")
        await self._tell_role(room_id, target.id, RoomRole.HELPER)
        return helper

    async def drop_helper(self, host: User, room_id: str, user_id: str) -> None:
        """Take the helper's role from somebody. Raises NotAllowed, NotFound."""
        entry = await self._only_host(host, room_id)
        helper = next((helper for helper in entry.room.helpers if helper.user_id == user_id), None)
        if helper is None:
            raise NotFound("there is no such helper")
        await self.note(entry, host, Act.DROP_HELPER, target_id=user_id, target_name=helper.name)
        await self._rooms.drop_helper(room_id, user_id)
        await self._tell_role(room_id, user_id, RoomRole.VIEWER)

    async def _tell_role(self, room_id: str, user_id: str, role: RoomRole) -> None:
        await self._voice.tell(user_channel(user_id), "room_role", {"room_id": room_id, "role": role})

    async def _only_host(self, user: User, room_id: str) -> Entry:
        entry = await self._door.look(user, room_id)
        if entry.role is not RoomRole.HOST:
            raise NotAllowed("only the room's host may do this")
        return entry


def _author(message: ChatMessage) -> dict[str, str]:
    return {"target_id": message.author_id, "target_name": message.author_name}
