"""Words of a search: texts and queries as pairs of characters, and which parts of a text are a hit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby

from opencc import OpenCC

CJK = range(0x3400, 0xA000)
FOLDS_KEPT = 30_000  # more characters than Chinese writing uses
QUERY_LENGTH = 40
MAX_WORDS = 5  # each costs mongod a look through all that the first one finds
LONG_WORD = 3  # pairs; from here on people have written two words as one

_to_simplified = lru_cache(maxsize=1)(lambda: OpenCC("t2s"))


class PassageKind(StrEnum):
    """Where a text stands."""

    ABOUT = "about"  # the course's title and tags
    CHAPTER = "chapter"
    SAID = "said"  # a line of the subtitles


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of a lesson; `start_ms` is where it is said, None for what is not at a place."""

    kind: PassageKind
    start_ms: int | None
    text: str


@dataclass(frozen=True, slots=True)
class LessonText:
    """Everything that can be found in a lesson."""

    lesson_id: str
    title: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A lesson with the passages in which most of the query is, best first."""

    lesson_id: str
    title: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query: its grams, and how many of them a text must have."""

    grams: tuple[str, ...]
    needed: int


Pieces = list[tuple[str, bool]]


@lru_cache(maxsize=FOLDS_KEPT)
def fold(ch: str) -> str:
    """One character half-width, small and simplified; a space for what is no letter or digit."""
    plain = unicodedata.normalize("NFKC", ch).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LN" else " " for c in plain)
    simplified: str = _to_simplified().convert(kept)
    return simplified


def _runs(text: str) -> Iterator[tuple[bool, list[tuple[str, int]]]]:
    """Runs of Chinese characters (True) and of other letters and digits, each with the characters' places."""
    folded = [(c, place) for place, ch in enumerate(text) for c in fold(ch)]
    for kind, run in groupby(folded, key=lambda pair: None if pair[0] == " " else ord(pair[0]) in CJK):
        if kind is not None:
            yield kind, [*run]


def grams_of(text: str) -> set[str]:
    """Every character and every pair of neighbours in Chinese, every word in Latin letters."""
    grams: set[str] = set()
    for is_chinese, run in _runs(text):
        plain = "".join(c for c, _ in run)
        if is_chinese:
            grams.update(plain)
            grams.update(_pairs(plain))
        else:
            grams.add(plain)
    return grams


def plain_of(text: str) -> str:
    """The text as grams see it, in which a gram can be looked for."""
    return "".join(map(fold, text))


def query_of(text: str) -> tuple[Word, ...]:
    """The first words of a query.

    All grams of a short word are needed, of a long one more than half: who types 柑橘修剪 wants 柑橘冬季修剪 too, and
    of words of two characters that stand side by side more than half of all pairs are the words themselves.
    """
    words: dict[Word, None] = {}
    for is_chinese, run in _runs(text[:QUERY_LENGTH]):
        plain = "".join(c for c, _ in run)
        grams = tuple(dict.fromkeys(_pairs(plain))) if is_chinese and len(plain) > 1 else (plain,)
        needed = len(grams) if len(grams) < LONG_WORD else len(grams) // 2 + 1
        words[Word(grams, needed)] = None
    return tuple(words)[:MAX_WORDS]


def pieces_of(text: str, query: tuple[Word, ...]) -> Pieces:
    """The text in pieces, each with whether it is what was looked for."""
    grams = {gram for word in query for gram in word.grams}
    is_hit = [False] * len(text)
    for is_chinese, run in _runs(text):
        plain = "".join(c for c, _ in run)
        if not is_chinese:
            for _, place in run:
                is_hit[place] |= plain in grams
            continue
        for start in range(len(run)):
            for length in (1, 2):
                if plain[start : start + length] in grams:
                    for _, place in run[start : start + length]:
                        is_hit[place] = True
    return [
        ("".join(ch for ch, _ in group), hit)
        for hit, group in groupby(zip(text, is_hit, strict=True), key=lambda pair: pair[1])
    ]


def _pairs(plain: str) -> list[str]:
    return [plain[start : start + 2] for start in range(len(plain) - 1)]
