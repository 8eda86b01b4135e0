"""Socket.IO events of staff: delete, mute, ban, lift, let a message through."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from server.chat.shape import message_shape
from server.http import Body
from server.moderation.model import MINUTES, SanctionKind
from server.moderation.service import Moderation
from server.moderation.shape import sanction_shape
from server.sio import Event, Peer, Reply


class DeleteChat(Body):
    """`delete_chat`"""

    id: str = Field(max_length=40)
    reason: str = Field("", max_length=200)


class Sanctioned(Body):
    """`mute`, `ban`"""

    user_id: str = Field(max_length=40)
    minutes: int | None = Field(strict=True, ge=MINUTES.start, lt=MINUTES.stop)
    reason: str = Field("", max_length=200)
    everywhere: bool = Field(False, strict=True)
    clear: bool = Field(False, strict=True)


class Lift(Body):
    """`lift`"""

    user_id: str = Field(max_length=40)
    kind: SanctionKind
    everywhere: bool = Field(False, strict=True)


class Review(Body):
    """`review`"""

    id: str = Field(max_length=40)
    show: bool = Field(strict=True)


def moderation_events(moderation: Moderation) -> list[Event[Any]]:
    """Events of this noun."""

    async def delete(peer: Peer, fields: DeleteChat) -> Reply:
        await moderation.delete(peer.require_user(), peer.require_room(), fields.id, fields.reason)
        return {}

    def sanction(kind: SanctionKind) -> Any:
        async def act(peer: Peer, fields: Sanctioned) -> Reply:
            made = await moderation.sanction(
                peer.require_user(),
                peer.require_room(),
                fields.user_id,
                kind,
                minutes=fields.minutes,
                reason=fields.reason,
                everywhere=fields.everywhere,
                clear=fields.clear,
            )
            return {"sanction": sanction_shape(made)}

        return act

    async def lift(peer: Peer, fields: Lift) -> Reply:
        actor, room_id = peer.require_user(), peer.require_room()
        await moderation.lift(actor, room_id, fields.user_id, fields.kind, everywhere=fields.everywhere)
        return {}

    async def review(peer: Peer, fields: Review) -> Reply:
        message = await moderation.review(peer.require_user(), peer.require_room(), fields.id, show=fields.show)
        return {"message": message_shape(message)}

    return [
        Event("delete_chat", DeleteChat, delete),
        Event("mute", Sanctioned, sanction(SanctionKind.MUTE)),
        Event("ban", Sanctioned, sanction(SanctionKind.BAN)),
        Event("lift", Lift, lift),
        Event("review", Review, review),
    ]
