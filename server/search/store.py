"""Texts of lessons in MongoDB: an index of their grams, ranking, and the passages of what is found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from server.infra.mongo import Database, Document
from server.search.model import Hit, LessonText, Passage, PassageKind, Word, grams_of, plain_of

FOUND = 60
PASSAGES_SHOWN = 3
WEIGHTS = {"title": 8, "chapter": 4, "about": 3, "said": 1}


class TextStore:
    """Collection `lesson_texts`; a document has the grams of each kind of text, and its passages to show."""

    def __init__(self, database: Database) -> None:
        self._texts = database["lesson_texts"]

    async def make_indexes(self) -> None:
        """Lessons by what is in them."""
        await self._texts.create_index("all")

    async def put(self, text: LessonText) -> None:
        """Keep what a lesson says now. Reading an hour of talk takes some 100 ms, so a thread does it."""
        document = await asyncio.to_thread(_document, text)
        await self._texts.replace_one({"_id": text.lesson_id}, document, upsert=True)

    async def delete(self, lesson_id: str) -> None:
        """Forget a lesson."""
        await self._texts.delete_one({"_id": lesson_id})

    async def find(self, words: tuple[Word, ...]) -> list[Hit]:
        """Lessons that have all the words, best first; newer ones (by id) where they are as good."""
        grams = sorted({gram for word in words for gram in word.grams})
        enough = [{"$gte": [_shared("$all", word.grams), word.needed]} for word in words]
        score = {"$add": [{"$multiply": [weight, _shared(f"${kind}", grams)]} for kind, weight in WEIGHTS.items()]}
        found = await self._texts.aggregate(
            [
                {"$match": {"all": {"$in": [*words[0].grams]}, "$expr": {"$and": enough}}},
                {"$set": {"score": score}},
                {"$sort": {"score": -1, "_id": -1}},
                {"$limit": FOUND},
                {"$project": {"title_text": 1, "passages": _best_passages(grams)}},
            ]
        )
        return [_hit(document) async for document in found]


def _document(text: LessonText) -> Document:
    grams: dict[str, set[str]] = {kind: set() for kind in WEIGHTS}
    grams["title"] = grams_of(text.title)
    for passage in text.passages:
        grams[passage.kind] |= grams_of(passage.text)
    return {
        "title_text": text.title,
        "passages": [
            {"kind": p.kind, "start_ms": p.start_ms, "text": p.text, "plain": plain_of(p.text)} for p in text.passages
        ],
        "all": sorted(set().union(*grams.values())),
        **{kind: sorted(found) for kind, found in grams.items()},
    }


def _shared(field: str, grams: Iterable[str]) -> Document:
    return {"$size": {"$setIntersection": [field, [*grams]]}}


def _best_passages(grams: list[str]) -> Document:
    """The passages with most of the grams, in the order of the lesson where they have as many."""

    def has(gram: str) -> Document:
        return {"$cond": [{"$gte": [{"$indexOfCP": ["$$this.plain", gram]}, 0]}, 1, 0]}

    scored: Any = {
        "$map": {
            "input": "$passages",
            "in": {"$mergeObjects": ["$$this", {"score": {"$add": [has(gram) for gram in grams]}}]},
        }
    }
    some = {"$filter": {"input": scored, "cond": {"$gt": ["$$this.score", 0]}}}
    ranked = {"$sortArray": {"input": some, "sortBy": {"score": -1, "start_ms": 1}}}
    return {"$slice": [ranked, PASSAGES_SHOWN]}


def _hit(document: Document) -> Hit:
    return Hit(
        document["_id"],
        document["title_text"],
        tuple(Passage(PassageKind(p["kind"]), p["start_ms"], p["text"]) for p in document["passages"]),
    )
