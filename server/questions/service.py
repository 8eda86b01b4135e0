"""What people do with questions: ask; staff answers, pins, lets through, takes away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from config.clock import Clock
from server.accounts.model import User
from server.chat.model import check_text
from server.errors import Conflict, NotFound
from server.ids import new_id
from server.infra.announce import room_channel
from server.moderation.door import Entry
from server.moderation.model import Act
from server.questions.model import Question, QuestionState, check_answer
from server.questions.shape import question_shape
from server.rooms.model import staff_channel

LISTED = 50
KEPT_HOURS = 12  # a broadcast's questions; yesterday's are of no use today
PIN_TRIES = 3
ASK_LIMIT = "6/minute"  # per person, besides what holds for all talk


class Store(Protocol):
    """What this service keeps."""

    async def add(self, question: Question) -> None: ...
    async def get(self, room_id: str, question_id: str) -> Question | None: ...
    async def newest(self, room_id: str, since: datetime, count: int, *, with_held: bool) -> list[Question]: ...
    async def answer(self, room_id: str, question_id: str, text: str, by: str, at: datetime) -> Question | None: ...
    async def show(self, room_id: str, question_id: str) -> Question | None: ...
    async def remove(self, room_id: str, question_id: str) -> Question | None: ...
    async def pinned(self, room_id: str) -> Question | None: ...
    async def pin(self, room_id: str, question_id: str) -> Question | None: ...
    async def unpin(self, room_id: str, question_id: str) -> Question | None: ...


class Door(Protocol):
    """Says who may speak and who is staff."""

    async def look(self, user: User | None, room_id: str) -> Entry: ...
    async def speak(self, user: User, room_id: str, text: str, address: str) -> tuple[Entry, bool]: ...
    async def staff(self, user: User, room_id: str) -> Entry: ...


class Log(Protocol):
    """The moderation log."""

    async def note(self, entry: Entry, actor: User, act: Act, subject: str = "", **more: Any) -> None: ...


class Limits(Protocol):
    """Counts questions."""

    async def check(self, limit: str, *who: str) -> None: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...


class Questions:
    """Questions of all rooms."""

    def __init__(self, store: Store, door: Door, log: Log, limits: Limits, voice: Voice, clock: Clock) -> None:
        self._store = store
        self._door = door
        self._log = log
        self._limits = limits
        self._voice = voice
        self._clock = clock

    async def ask(self, user: User, room_id: str, text: str, address: str) -> Question:
        """Ask the host. Raises what `Door.speak` does, and BadRequest."""
        cleaned = check_text(text)
        await self._limits.check(ASK_LIMIT, "ask", user.id)
        _, waits = await self._door.speak(user, room_id, cleaned, address)
        question = Question(
            id=new_id(),
            room_id=room_id,
            author_id=user.id,
            author_name=user.display_name,
            text=cleaned,
            at=self._clock.now(),
            state=QuestionState.HELD if waits else QuestionState.OPEN,
        )
        await self._store.add(question)
        await self._tell(question)
        return question

    async def answer(self, actor: User, room_id: str, question_id: str, text: str | None) -> Question:
        """Answer in writing, or note that it was answered by voice. Raises BadRequest, NotAllowed, NotFound."""
        await self._door.staff(actor, room_id)
        cleaned = check_answer(text)
        now = self._clock.now()
        return await self._told(await self._store.answer(room_id, question_id, cleaned, actor.display_name, now))

    async def show(self, actor: User, room_id: str, question_id: str) -> Question:
        """Let a question that waits be seen. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        question = await self._get(room_id, question_id)
        await self._log.note(entry, actor, Act.SHOW, question.text, **_author(question))
        return await self._told(await self._store.show(room_id, question_id))

    async def pin(self, actor: User, room_id: str, question_id: str | None) -> Question | None:
        """Pin a question above the chat instead of the one before, or none. Raises Conflict, NotAllowed, NotFound."""
        await self._door.staff(actor, room_id)
        if question_id is not None and (await self._get(room_id, question_id)).state is QuestionState.HELD:
            await self.show(actor, room_id, question_id)
        for _ in range(PIN_TRIES):
            before = await self._store.pinned(room_id)
            if before is not None and before.id != question_id:
                await self._told(await self._store.unpin(room_id, before.id))
            if question_id is None:
                return None
            pinned = await self._store.pin(room_id, question_id)
            if pinned is not None:
                return await self._told(pinned)
            await self._get(room_id, question_id)  # gone meanwhile?
        raise Conflict("another question is being pinned; please try again")

    async def remove(self, actor: User, room_id: str, question_id: str, reason: str = "") -> None:
        """Take a question away. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        question = await self._get(room_id, question_id)
        await self._log.note(entry, actor, Act.DELETE_QUESTION, question.text, **_author(question), reason=reason)
        if await self._store.remove(room_id, question_id) is None:
            raise NotFound("there is no such question")
        await self._voice.tell(room_channel(room_id), "question_deleted", {"id": question_id})

    async def shown(self, room_id: str, *, to_staff: bool) -> dict[str, Any]:
        """What everybody who joins sees."""
        since = self._clock.now() - timedelta(hours=KEPT_HOURS)
        found = await self._store.newest(room_id, since, LISTED, with_held=to_staff)
        return {"questions": [question_shape(question) for question in found]}

    async def own(self, _shown: Mapping[str, Any], _user: User) -> dict[str, Any]:
        """What only one person sees: nothing."""
        return {}

    async def _get(self, room_id: str, question_id: str) -> Question:
        question = await self._store.get(room_id, question_id)
        if question is None:
            raise NotFound("there is no such question")
        return question

    async def _told(self, question: Question | None) -> Question:
        if question is None:
            raise NotFound("there is no such question")
        await self._tell(question)
        return question

    async def _tell(self, question: Question) -> None:
        is_held = question.state is QuestionState.HELD
        channel = staff_channel(question.room_id) if is_held else room_channel(question.room_id)
        await self._voice.tell(channel, "question", {"question": question_shape(question)})


def _author(question: Question) -> dict[str, str]:
    return {"target_id": question.author_id, "target_name": question.author_name}
