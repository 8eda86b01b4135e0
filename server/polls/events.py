"""Socket.IO events: open a poll, vote, close it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from server.http import Body
from server.polls.service import Polls
from server.sio import Event, Peer, Reply


class OpenPoll(Body):
    """`open_poll`"""

    question: str = Field(max_length=200)
    options: list[Annotated[str, Field(max_length=100)]] = Field(min_length=2, max_length=6)


class Vote(Body):
    """`vote`"""

    poll_id: str = Field(max_length=40)
    option: int = Field(strict=True, ge=0, le=5)


class ClosePoll(Body):
    """`close_poll`"""

    poll_id: str = Field(max_length=40)


def poll_events(polls: Polls, address_of: Callable[[Peer], str]) -> list[Event[Any]]:
    """Events of this noun."""

    async def open_poll(peer: Peer, fields: OpenPoll) -> Reply:
        actor, room_id = peer.require_user(), peer.require_room()
        return {"poll": await polls.open(actor, room_id, fields.question, fields.options)}

    async def vote(peer: Peer, fields: Vote) -> Reply:
        user, room_id = peer.require_user(), peer.require_room()
        return {"poll": await polls.vote(user, room_id, fields.poll_id, fields.option, address_of(peer))}

    async def close(peer: Peer, fields: ClosePoll) -> Reply:
        return {"poll": await polls.close(peer.require_user(), peer.require_room(), fields.poll_id)}

    return [
        Event("open_poll", OpenPoll, open_poll),
        Event("vote", Vote, vote),
        Event("close_poll", ClosePoll, close),
    ]
