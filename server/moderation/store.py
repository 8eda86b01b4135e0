"""Sanctions, word lists and the moderation log in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING

from server.infra.mongo import Database, Document
from server.moderation.model import EVERYWHERE, Act, LogEntry, Sanction, SanctionKind
from server.moderation.words import ForbiddenWord, WordAction
from server.rooms.model import RoomRole

SANCTIONS_LISTED = 500


class ModerationStore:
    """Collections `sanctions`, `word_lists` and `moderation_log`."""

    def __init__(self, database: Database) -> None:
        self._sanctions = database["sanctions"]
        self._words = database["word_lists"]
        self._log = database["moderation_log"]

    async def make_indexes(self) -> None:
        """Lists by room and age; the newest bans; somebody's bans."""
        await self._sanctions.create_index([("room_id", 1), ("at", DESCENDING)])
        await self._sanctions.create_index([("kind", 1), ("at", DESCENDING)])
        await self._sanctions.create_index([("user_id", 1), ("kind", 1)])
        await self._log.create_index([("room_id", 1), ("_id", DESCENDING)])

    async def put_sanction(self, sanction: Sanction) -> None:
        """Keep a sanction; an earlier one of the same kind gives way."""
        key = _sanction_key(sanction.room_id, sanction.user_id, sanction.kind)
        await self._sanctions.replace_one({"_id": key}, asdict(sanction), upsert=True)

    async def drop_sanction(self, room_id: str, user_id: str, kind: SanctionKind) -> Sanction | None:
        """Lift a sanction; answers it."""
        document = await self._sanctions.find_one_and_delete({"_id": _sanction_key(room_id, user_id, kind)})
        return None if document is None else _sanction(document)

    async def sanctions_on(self, whom: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Sanction]]:
        """What each of these (room, person) has there and everywhere, also what is over."""
        asked = {
            _sanction_key(where, user_id, kind)
            for room_id, user_id in whom
            for where in (room_id, EVERYWHERE)
            for kind in SanctionKind
        }
        found: dict[tuple[str, str], list[Sanction]] = {}
        async for document in self._sanctions.find({"_id": {"$in": list(asked)}}):
            sanction = _sanction(document)
            found.setdefault((sanction.room_id, sanction.user_id), []).append(sanction)
        return {
            (room_id, user_id): found.get((room_id, user_id), []) + found.get((EVERYWHERE, user_id), [])
            for room_id, user_id in whom
        }

    async def sanctions_in(self, room_id: str, now: datetime) -> list[Sanction]:
        """What holds in a room, newest first."""
        found = self._sanctions.find({"room_id": room_id, "$or": [{"until": None}, {"until": {"$gt": now}}]})
        found = found.sort("at", DESCENDING).limit(SANCTIONS_LISTED)
        return [_sanction(document) async for document in found]

    async def bans_since(self, moment: datetime) -> list[Sanction]:
        """Who was banned from where since a moment."""
        found = self._sanctions.find({"kind": SanctionKind.BAN, "at": {"$gte": moment}})
        return [_sanction(document) async for document in found]

    async def bans_on(self, user_ids: Sequence[str], now: datetime) -> dict[str, set[str]]:
        """The rooms from which some of these people are banned now (`EVERYWHERE` for all)."""
        query = {"user_id": {"$in": list(user_ids)}, "kind": SanctionKind.BAN}
        bans: dict[str, set[str]] = {}
        async for document in self._sanctions.find(query, {"user_id": 1, "room_id": 1, "until": 1}):
            if document["until"] is None or document["until"] > now:
                bans.setdefault(document["user_id"], set()).add(document["room_id"])
        return bans

    async def words(self, room_id: str) -> tuple[ForbiddenWord, ...]:
        """A room's list, or the platform's (`EVERYWHERE`)."""
        document = await self._words.find_one({"_id": room_id})
        entries = document["entries"] if document else ()
        return tuple(ForbiddenWord(entry["word"], WordAction(entry["action"])) for entry in entries)

    async def set_words(self, room_id: str, words: tuple[ForbiddenWord, ...]) -> None:
        """Replace a list."""
        await self._words.replace_one({"_id": room_id}, {"entries": [asdict(entry) for entry in words]}, upsert=True)

    async def log(self, entry: LogEntry) -> None:
        """Add to the log."""
        fields = asdict(entry)
        await self._log.insert_one({"_id": fields.pop("id"), **fields})

    async def entries(self, room_id: str | None, before: str | None, count: int) -> list[LogEntry]:
        """The log of a room or of all, newest first; `before`: the oldest id that is known already."""
        query: Document = {} if room_id is None else {"room_id": room_id}
        if before is not None:
            query["_id"] = {"$lt": before}
        found = self._log.find(query).sort("_id", DESCENDING).limit(count)
        return [_entry(document) async for document in found]


def _sanction_key(room_id: str, user_id: str, kind: SanctionKind) -> str:
    return f"{room_id}:{user_id}:{kind}"


def _sanction(document: Document) -> Sanction:
    fields = {name: value for name, value in document.items() if name != "_id"}
    return Sanction(**{**fields, "kind": SanctionKind(fields["kind"])})


def _entry(document: Document) -> LogEntry:
    fields = {name: value for name, value in document.items() if name != "_id"}
    return LogEntry(
        id=document["_id"],
        **{**fields, "act": Act(fields["act"]), "actor_role": RoomRole(fields["actor_role"])},
    )
