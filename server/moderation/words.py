"""Word lists: texts are folded to one plain form, in which a forbidden word is found however it is dressed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from server.moderation.look_alikes import letter_of_sign, plain_character

# Digits that stand for letters; every 0 and 1 is folded, in lists and in texts alike.
DIGITS = str.maketrans({"0": "o", "1": "l"})


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


def fold_character(ch: str) -> str:
    """The plain form of one character, in which digits stand for the letters that they look like."""
    return plain_character(ch).translate(DIGITS)


def _fold_sign(ch: str) -> str:
    return letter_of_sign(ch) or fold_character(ch)


def fold(text: str, fold_one: Callable[[str], str] = fold_character) -> Folded:
    """The plain form of a text: spaces, punctuation, emoji and what is invisible are gone."""
    plain: list[str] = []
    places: list[int] = []
    for place, ch in enumerate(text):
        for folded in fold_one(ch):
            plain.append(folded)
            places.append(place)
    return Folded("".join(plain), tuple(places))


def readings(text: str) -> Iterator[Folded]:
    """The plain form of a text, in which signs are decoration; another one if some may stand for letters (🆅)."""
    yield fold(text)
    if any(map(letter_of_sign, text)):
        yield fold(text, _fold_sign)


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
        found: WordAction | None = None
        for folded in readings(text):
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
    plain = fold_character(ch) if ch.isalnum() else ""
    return bool(plain) and plain.isascii()
