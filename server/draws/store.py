"""Draws and their entries in MongoDB: one draw at a time per room, one entry per person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.draws.model import Draw, DrawState, Winner
from server.infra.mongo import Database, Document

DUE_AT_ONCE = 20
UNDRAWN = [DrawState.OPEN, DrawState.CLOSING]


class DrawStore:
    """Collections `draws` and `draw_entries`."""

    def __init__(self, database: Database) -> None:
        self._draws = database["draws"]
        self._entries = database["draw_entries"]

    async def make_indexes(self) -> None:
        """One undrawn draw per room; what is due; the entries of a draw."""
        await self._draws.create_index(
            "room_id", unique=True, partialFilterExpression={"drawn_at": {"$type": "null"}}, name="one_undrawn"
        )
        await self._draws.create_index([("room_id", 1), ("_id", DESCENDING)])
        await self._draws.create_index([("state", 1), ("closes_at", 1)])
        await self._entries.create_index([("draw_id", 1), ("ticket", 1)])

    async def add(self, draw: Draw) -> bool:
        """Open a draw; False while another one of the room is not drawn."""
        fields = asdict(draw)
        try:
            await self._draws.insert_one({"_id": fields.pop("id"), **fields, "tickets": [], "winners": []})
        except DuplicateKeyError:
            return False
        return True

    async def get(self, draw_id: str) -> Draw | None:
        """One draw."""
        return _draw(await self._draws.find_one({"_id": draw_id}))

    async def newest(self, room_id: str) -> Draw | None:
        """A room's newest draw."""
        return _draw(await self._draws.find_one({"room_id": room_id}, sort=[("_id", DESCENDING)]))

    async def due(self, now: datetime) -> list[Draw]:
        """Draws whose time is over, or whose server died while drawing."""
        ripe = [{"state": DrawState.OPEN, "closes_at": {"$lte": now}}, {"state": DrawState.CLOSING}]
        found = self._draws.find({"$or": ripe}).limit(DUE_AT_ONCE)
        return [draw async for document in found if (draw := _draw(document))]

    async def enter(self, draw_id: str, user_id: str, name: str, ticket: str) -> None:
        """Take part; again: as it was."""
        entry = {"draw_id": draw_id, "user_id": user_id, "name": name, "ticket": ticket}
        await self._entries.update_one({"_id": f"{draw_id}:{user_id}"}, {"$setOnInsert": entry}, upsert=True)

    async def has_entered(self, draw_id: str, user_id: str) -> bool:
        """Whether somebody takes part."""
        return await self._entries.find_one({"_id": f"{draw_id}:{user_id}"}) is not None

    async def count(self, draw_id: str) -> int:
        """How many take part."""
        return await self._entries.count_documents({"draw_id": draw_id})

    async def close(self, draw_id: str) -> Draw | None:
        """Let nobody enter any more; None when it is drawn already."""
        return _draw(
            await self._draws.find_one_and_update(
                {"_id": draw_id, "state": {"$in": UNDRAWN}},
                {"$set": {"state": DrawState.CLOSING}},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def tickets(self, draw_id: str) -> list[str]:
        """All tickets, sorted."""
        found = self._entries.find({"draw_id": draw_id}, {"ticket": 1}).sort("ticket", 1)
        return [document["ticket"] async for document in found]

    async def holders(self, draw_id: str, tickets: Sequence[str]) -> dict[str, Winner]:
        """Whose tickets these are."""
        found = self._entries.find({"draw_id": draw_id, "ticket": {"$in": list(tickets)}})
        return {d["ticket"]: Winner(d["ticket"], d["user_id"], d["name"]) async for d in found}

    async def finish(
        self, draw_id: str, tickets: Sequence[str], winners: Sequence[Winner], at: datetime
    ) -> Draw | None:
        """Keep who won; None when another server was first."""
        drawn = {
            "state": DrawState.DRAWN,
            "drawn_at": at,
            "tickets": list(tickets),
            "winners": [asdict(winner) for winner in winners],
        }
        return _draw(
            await self._draws.find_one_and_update(
                {"_id": draw_id, "state": DrawState.CLOSING}, {"$set": drawn}, return_document=ReturnDocument.AFTER
            )
        )


def _draw(document: Document | None) -> Draw | None:
    if document is None:
        return None
    fields = {name: value for name, value in document.items() if name != "_id"}
    return Draw(
        id=document["_id"],
        **{
            **fields,
            "state": DrawState(fields["state"]),
            "tickets": tuple(fields["tickets"]),
            "winners": tuple(Winner(**winner) for winner in fields["winners"]),
        },
    )
