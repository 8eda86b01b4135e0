"""Socket.IO events: chat, likes, deleting a message."""

from __future__ import annotations

from typing import Any

from pydantic import Field

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


class DeleteChat(Body):
    """`delete_chat`"""

    id: str = Field(max_length=40)


def chat_events(chat: Chat) -> list[Event[Any]]:
    """Events of this noun."""

    async def say(peer: Peer, fields: Say) -> Reply:
        room_id = peer.require_room()
        message = await chat.say(peer.require_user(), room_id, peer.room_host_id, fields.text)
        return {"message": message_shape(message)}

    async def like(peer: Peer, fields: Like) -> Reply:
        await chat.like(peer.require_room(), fields.count)
        return {}

    async def delete(peer: Peer, fields: DeleteChat) -> Reply:
        peer.require_host()
        await chat.delete(peer.require_room(), fields.id)
        return {}

    return [Event("chat", Say, say), Event("like", Like, like), Event("delete_chat", DeleteChat, delete)]
