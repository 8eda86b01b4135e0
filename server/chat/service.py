"""What people do in a room's chat: say something, like; what staff lets through or takes away."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.chat.model import ChatMessage, MessageState, check_text
from server.chat.shape import message_shape
from server.errors import NotFound
from server.ids import new_id
from server.infra.announce import Build, room_channel, user_channel
from server.infra.away import AWAY
from server.infra.visitors import is_persons_address
from server.moderation.door import Entry
from server.rooms.model import staff_channel
from server.wire import iso

log = logger(__name__)

HISTORY = 50
CHAT_WINDOW_SECONDS = 0.15
LIKES_WINDOW_SECONDS = 1.0
# Messages of a room that wait for the next announcement; when full, the oldest is not announced (the history has it).
WAITING_MESSAGES = 200
LIKE_LIMIT = "400/10second"  # events of one address, each of up to 20 likes: a village behind one address likes much


class Store(Protocol):
    """What this service keeps."""

    async def add(self, message: ChatMessage) -> None: ...
    async def newest(self, room_id: str, count: int) -> list[ChatMessage]: ...
    async def get(self, room_id: str, message_id: str) -> ChatMessage | None: ...
    async def held(self, room_id: str) -> list[ChatMessage]: ...
    async def release(self, room_id: str, message_id: str, at: datetime) -> ChatMessage | None: ...
    async def shown_of(self, message_ids: Sequence[str]) -> set[str]: ...
    async def remove(self, room_id: str, message_id: str) -> bool: ...
    async def remove_of(self, room_id: str, author_id: str) -> int: ...
    async def add_likes(self, room_id: str, count: int) -> int: ...
    async def likes(self, room_id: str) -> int: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...
    def tell_soon(self, channel: str, event: str, window_seconds: float, build: Build) -> None: ...


class Door(Protocol):
    """Says who may speak."""

    async def speak(self, user: User, room_id: str, text: str, address: str) -> tuple[Entry, bool]: ...


class Limits(Protocol):
    """Counts likes."""

    async def check(self, limit: str, *who: str) -> None: ...


class Chat:
    """The chat of all rooms. Messages are kept first and then announced in groups."""

    def __init__(self, store: Store, door: Door, voice: Voice, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._door = door
        self._voice = voice
        self._limits = limits
        self._clock = clock
        self._waiting: defaultdict[str, deque[ChatMessage]] = defaultdict(lambda: deque(maxlen=WAITING_MESSAGES))
        self._likes: Counter[str] = Counter()

    async def say(self, user: User, room_id: str, text: str, address: str = "") -> ChatMessage:
        """Say something in a room; what must wait is told to staff. Raises what `Door.speak` does, and BadRequest."""
        cleaned = check_text(text)
        entry, waits = await self._door.speak(user, room_id, cleaned, address)
        message = ChatMessage(
            id=new_id(),
            room_id=room_id,
            author_id=user.id,
            author_name=user.display_name,
            author_role=entry.role,
            text=cleaned,
            at=self._clock.now(),
            state=MessageState.HELD if waits else MessageState.SHOWN,
        )
        await self._store.add(message)
        if waits:
            await self._voice.tell(staff_channel(room_id), "held", {"message": message_shape(message)})
        else:
            self._show(message)
        return message

    def _show(self, message: ChatMessage) -> None:
        room_id = message.room_id
        self._waiting[room_id].append(message)
        self._voice.tell_soon(room_channel(room_id), "chat", CHAT_WINDOW_SECONDS, lambda: self._gathered(room_id))

    async def _gathered(self, room_id: str) -> dict[str, Any] | None:
        messages = self._waiting.pop(room_id, ())
        # Another server may have taken them away while they waited, and said so already.
        try:
            shown = await self._store.shown_of([message.id for message in messages])
        except AWAY as error:  # their authors have been told that they are said
            log.warning("messages told unseen", room=room_id, error=type(error).__name__)
            shown = {message.id for message in messages}
        told = [message_shape(message) for message in messages if message.id in shown]
        return {"messages": told} if told else None

    async def history(self, room_id: str) -> list[ChatMessage]:
        """The newest messages, oldest first."""
        return await self._store.newest(room_id, HISTORY)

    async def get(self, room_id: str, message_id: str) -> ChatMessage:
        """One message. Raises NotFound."""
        message = await self._store.get(room_id, message_id)
        if message is None:
            raise NotFound("there is no such message")
        return message

    async def held(self, room_id: str) -> list[ChatMessage]:
        """Messages that wait for staff, oldest first."""
        return await self._store.held(room_id)

    async def delete(self, room_id: str, message_id: str) -> None:
        """Take a message away. Raises NotFound."""
        if not await self._store.remove(room_id, message_id):
            raise NotFound("there is no such message")
        await self._voice.tell(room_channel(room_id), "chat_deleted", {"id": message_id})
        await self._voice.tell(staff_channel(room_id), "reviewed", {"id": message_id, "shown": False})

    async def clear(self, room_id: str, author_id: str) -> int:
        """Take all messages of one author away; answers how many."""
        at = self._clock.now()
        count = await self._store.remove_of(room_id, author_id)
        await self._voice.tell(room_channel(room_id), "chat_cleared", {"author_id": author_id, "at": iso(at)})
        return count

    async def review(self, room_id: str, message_id: str, *, show: bool) -> ChatMessage:
        """Let a message that waits be seen, or take it away; its author hears of it. Raises NotFound."""
        if show:
            message = await self._store.release(room_id, message_id, self._clock.now())
            if message is None:
                raise NotFound("this message waits no more")
            self._show(message)
        else:
            message = await self.get(room_id, message_id)
            if not await self._store.remove(room_id, message_id):
                raise NotFound("this message waits no more")
        done = {"id": message_id, "shown": show}
        await self._voice.tell(staff_channel(room_id), "reviewed", done)
        await self._voice.tell(user_channel(message.author_id), "reviewed", done)
        return message

    async def like(self, room_id: str, count: int, address: str = "") -> None:
        """Count likes; they are kept and told once a second. Raises TooManyRequests."""
        if is_persons_address(address):
            await self._limits.check(LIKE_LIMIT, "like-address", address)
        self._likes[room_id] += count
        self._voice.tell_soon(room_channel(room_id), "likes", LIKES_WINDOW_SECONDS, lambda: self._liked(room_id))

    async def _liked(self, room_id: str) -> dict[str, Any] | None:
        count = self._likes.pop(room_id, 0)
        return {"total": await self._store.add_likes(room_id, count)} if count else None

    async def likes(self, room_id: str) -> int:
        """How many likes a room has."""
        return await self._store.likes(room_id)
