"""Socket.IO events: chat, likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from server.chat.model import MessageState
from server.chat.service import Chat
from server.chat.shape import message_shape
from server.http import Body
from server.sio import Event, Peer, Reply


class Say(Body):
    """`chat`"""

    text: str = Field(max_length=1000)


class Like(Body):
    """`like`"""

    count: int = Field(ge=1, le=20, strict=True)


def chat_events(chat: Chat, address_of: Callable[[Peer], str]) -> list[Event[Any]]:
    """Events of this noun; `address_of` tells from where a page speaks."""

    async def say(peer: Peer, fields: Say) -> Reply:
        room_id = peer.require_room()
        message = await chat.say(peer.require_user(), room_id, fields.text, address_of(peer))
        return {"message": message_shape(message), "held": message.state is MessageState.HELD}

    async def like(peer: Peer, fields: Like) -> Reply:
        await chat.like(peer.require_room(), fields.count, address_of(peer))
        return {}

    return [Event("chat", Say, say), Event("like", Like, like)]
