"""What people do in a room's chat: say something, like, delete."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import Any, Protocol

from config.clock import Clock
from server.accounts.model import User
from server.chat.model import ChatMessage, check_text, role_in_room
from server.chat.shape import message_shape
from server.errors import NotFound
from server.ids import new_id
from server.infra.announce import Build, room_channel

HISTORY = 50
CHAT_WINDOW_SECONDS = 0.15
LIKES_WINDOW_SECONDS = 1.0
# Messages of a room that wait for the next announcement; when full, the oldest is not announced (the history has it).
WAITING_MESSAGES = 200
CHAT_LIMIT = "20/10second"  # per person, over all their devices


class Store(Protocol):
    """What this service keeps."""

    async def add(self, message: ChatMessage) -> None: ...
    async def newest(self, room_id: str, count: int) -> list[ChatMessage]: ...
    async def delete(self, room_id: str, message_id: str) -> bool: ...
    async def add_likes(self, room_id: str, count: int) -> int: ...
    async def likes(self, room_id: str) -> int: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...
    def tell_soon(self, channel: str, event: str, window_seconds: float, build: Build) -> None: ...


class Limits(Protocol):
    """Counts messages."""

    async def check(self, limit: str, *who: str) -> None: ...


class Chat:
    """The chat of all rooms. Messages are kept first and then announced in groups."""

    def __init__(self, store: Store, voice: Voice, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._voice = voice
        self._limits = limits
        self._clock = clock
        self._waiting: defaultdict[str, deque[ChatMessage]] = defaultdict(lambda: deque(maxlen=WAITING_MESSAGES))
        self._likes: Counter[str] = Counter()

    async def say(self, user: User, room_id: str, room_host_id: str | None, text: str) -> ChatMessage:
        """Say something in a room. Raises BadRequest, TooManyRequests."""
        cleaned = check_text(text)
        await self._limits.check(CHAT_LIMIT, "chat", user.id)
        message = ChatMessage(
            id=new_id(),
            room_id=room_id,
            author_id=user.id,
            author_name=user.display_name,
            author_role=role_in_room(user, room_host_id),
            text=cleaned,
            at=self._clock.now(),
        )
        await self._store.add(message)
        self._waiting[room_id].append(message)
        self._voice.tell_soon(room_channel(room_id), "chat", CHAT_WINDOW_SECONDS, lambda: self._gathered(room_id))
        return message

    async def _gathered(self, room_id: str) -> dict[str, Any] | None:
        messages = self._waiting.pop(room_id, None)
        return {"messages": [message_shape(message) for message in messages]} if messages else None

    async def history(self, room_id: str) -> list[ChatMessage]:
        """The newest messages, oldest first."""
        return await self._store.newest(room_id, HISTORY)

    async def delete(self, room_id: str, message_id: str) -> None:
        """Take a message away. Raises NotFound."""
        if not await self._store.delete(room_id, message_id):
            raise NotFound("there is no such message")
        await self._voice.tell(room_channel(room_id), "chat_deleted", {"id": message_id})

    async def like(self, room_id: str, count: int) -> None:
        """Count likes; they are kept and told once a second."""
        self._likes[room_id] += count
        self._voice.tell_soon(room_channel(room_id), "likes", LIKES_WINDOW_SECONDS, lambda: self._liked(room_id))

    async def _liked(self, room_id: str) -> dict[str, Any] | None:
        count = self._likes.pop(room_id, 0)
        return {"total": await self._store.add_likes(room_id, count)} if count else None

    async def likes(self, room_id: str) -> int:
        """How many likes a room has."""
        return await self._store.likes(room_id)
