"""Word lists: texts are folded to one plain form, in which a forbidden word is found however it is dressed up."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from confusable_homoglyphs.confusables import confusables_data
from opencc import OpenCC

FOLDS_KEPT = 30_000  # characters whose plain form is remembered: more than Chinese writing uses
CJK = range(0x4E00, 0xA000)
# Digits that stand for letters; every 0 and 1 is folded, in lists and in texts alike.
DIGITS = {"0": "o", "1": "l"}

_to_simplified = lru_cache(maxsize=1)(lambda: OpenCC("t2s"))


class WordAction(StrEnum):
    """What happens to a message with the word in it."""

    REFUSE = "refuse"
    HOLD = "hold"  # staff decides


@dataclass(frozen=True, slots=True)
class ForbiddenWord:
    """One entry of a list."""

    word: str
    action: WordAction


@dataclass(frozen=True, slots=True)
class Folded:
    """A text's plain form; `places` says from which character of the text each of its characters came."""

    plain: str
    places: tuple[int, ...]


@lru_cache(maxsize=FOLDS_KEPT)
def fold_character(ch: str) -> str:
    """The plain form of one character: half-width, small, simplified, look-alikes as one; empty for decoration.

    Compatibility decomposition (what NFKC maps, and no accents), case folding, OpenCC's traditional to simplified,
    then Unicode's table of confusables (UTS #39) towards plain letters, else towards a Chinese character.
    """
    kept = (c for c in unicodedata.normalize("NFKD", ch).casefold() if unicodedata.category(c)[0] in "LN")
    return "".join(_look(_to_simplified().convert(c)) for c in kept)


def _look(ch: str) -> str:
    if ch.isascii():
        return DIGITS.get(ch, ch)
    likes: list[str] = [entry["c"].strip("\u200e") for entry in confusables_data.get(ch, ())]
    for like in likes:
        if len(like) == 1 and like.isascii() and like.isalnum():
            small = like.casefold()
            return DIGITS.get(small, small)
    chinese = [like for like in (*likes, ch) if len(like) == 1 and ord(like) in CJK]
    return min(chinese, default=ch)


def fold(text: str) -> Folded:
    """The plain form of a text: spaces, punctuation, emoji and what is invisible are gone."""
    plain: list[str] = []
    places: list[int] = []
    for place, ch in enumerate(text):
        for folded in fold_character(ch):
            plain.append(folded)
            places.append(place)
    return Folded("".join(plain), tuple(places))


class WordList:
    """Forbidden words, ready to be looked for; the cost grows with the text, and with how many lengths they have."""

    def __init__(self, words: Iterable[ForbiddenWord]) -> None:
        self._by_length: dict[int, dict[str, WordAction]] = {}
        for entry in words:
            if plain := fold(entry.word).plain:
                known = self._by_length.setdefault(len(plain), {})
                if known.get(plain) is not WordAction.REFUSE:
                    known[plain] = entry.action

    def find(self, text: str) -> WordAction | None:
        """The sternest action of the words in a text, None if there are none of them in it."""
        folded = fold(text)
        found: WordAction | None = None
        for length, known in self._by_length.items():
            for begin in range(len(folded.plain) - length + 1):
                action = known.get(folded.plain[begin : begin + length])
                if action is not None and _stands_alone(text, folded, begin, begin + length):
                    if action is WordAction.REFUSE:
                        return action
                    found = action
        return found


def _stands_alone(text: str, folded: Folded, begin: int, end: int) -> bool:
    """Whether letters are a word: `ass` is not in `pass`, but in `a.s.s`. Chinese has no such borders."""
    if not folded.plain[begin:end].isascii():
        return True
    before, after = folded.places[begin] - 1, folded.places[end - 1] + 1
    return not (before >= 0 and _is_letter(text[before])) and not (after < len(text) and _is_letter(text[after]))


def _is_letter(ch: str) -> bool:
    plain = fold_character(ch)
    return bool(plain) and plain.isascii()
