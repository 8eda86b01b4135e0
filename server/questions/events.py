"""Socket.IO events: ask; answer, pin, let through and take away a question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from server.http import Body
from server.questions.model import QuestionState
from server.questions.service import Questions
from server.questions.shape import question_shape
from server.sio import Event, Peer, Reply


class Ask(Body):
    """`ask`"""

    text: str = Field(max_length=1000)


class Answer(Body):
    """`answer`"""

    id: str = Field(max_length=40)
    text: str | None = Field(None, max_length=1000)


class Show(Body):
    """`show_question`"""

    id: str = Field(max_length=40)


class Pin(Body):
    """`pin_question`"""

    id: str | None = Field(max_length=40)


class Remove(Body):
    """`delete_question`"""

    id: str = Field(max_length=40)
    reason: str = Field("", max_length=100)


def question_events(questions: Questions, address_of: Callable[[Peer], str]) -> list[Event[Any]]:
    """Events of this noun."""

    async def ask(peer: Peer, fields: Ask) -> Reply:
        user, room_id = peer.require_user(), peer.require_room()
        question = await questions.ask(user, room_id, fields.text, address_of(peer))
        return {"question": question_shape(question), "held": question.state is QuestionState.HELD}

    async def reply(peer: Peer, fields: Answer) -> Reply:
        question = await questions.answer(peer.require_user(), peer.require_room(), fields.id, fields.text)
        return {"question": question_shape(question)}

    async def show(peer: Peer, fields: Show) -> Reply:
        question = await questions.show(peer.require_user(), peer.require_room(), fields.id)
        return {"question": question_shape(question)}

    async def pin(peer: Peer, fields: Pin) -> Reply:
        question = await questions.pin(peer.require_user(), peer.require_room(), fields.id)
        return {"question": question_shape(question) if question else None}

    async def remove(peer: Peer, fields: Remove) -> Reply:
        await questions.remove(peer.require_user(), peer.require_room(), fields.id, fields.reason)
        return {}

    return [
        Event("ask", Ask, ask),
        Event("answer", Answer, reply),
        Event("show_question", Show, show),
        Event("pin_question", Pin, pin),
        Event("delete_question", Remove, remove),
    ]
