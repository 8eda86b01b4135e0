"""As what a character is read: one plain letter, digit or Chinese character for all that look like it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from confusable_homoglyphs.confusables import confusables_data
from opencc import OpenCC

CHARACTERS_KEPT = 30_000  # whose plain form is remembered: more than Chinese writing uses
CJK = range(0x4E00, 0xA000)
DOTS = (".", "·")  # what Unicode's table takes all dots in the middle or at the foot of a line for
NAMED_LETTER = re.compile(r" ([A-Z])$")  # NEGATIVE SQUARED LATIN CAPITAL LETTER V, HEAVY MULTIPLICATION X
TICK = {"√": "v"}  # no table has it; everybody writes √信

_to_simplified = lru_cache(maxsize=1)(lambda: OpenCC("t2s"))


@lru_cache(maxsize=CHARACTERS_KEPT)
def plain_character(ch: str) -> str:
    """The plain form of one character: half-width, small, simplified, look-alikes as one; empty for decoration.

    Compatibility decomposition (what NFKC maps, and no accents), OpenCC's traditional to simplified, then Unicode's
    table of confusables (UTS #39) towards plain letters, else towards a Chinese character, and case folding.
    """
    kept = (c for c in unicodedata.normalize("NFKD", ch) if unicodedata.category(c)[0] in "LN")
    return "".join(_read(_to_simplified().convert(c)) for c in kept)


@lru_cache(maxsize=CHARACTERS_KEPT)
def letter_of_sign(ch: str) -> str:
    """The letter for which a sign may stand (🆅, ×, √), by its look or its name in Unicode; empty: for none."""
    if ch.isascii() or unicodedata.category(ch)[0] not in "PS":
        return ""
    named = NAMED_LETTER.search(unicodedata.name(ch, ""))
    return TICK.get(ch) or _like_ascii(ch) or (named[1].casefold() if named else "")


@lru_cache(maxsize=CHARACTERS_KEPT)
def is_dot(ch: str) -> bool:
    """Whether a sign looks like a dot, at the foot of the line or in its middle."""
    return not ch.isalnum() and any(like in DOTS for like in (ch, *_likes(ch)))


def _read(ch: str) -> str:
    digit = unicodedata.digit(ch, None)
    if digit is not None:
        return str(digit)
    if ch.isascii():
        return ch.casefold()
    # Χ looks like X and is folded to χ, of which the table knows nothing: what one sees comes first.
    for form in (ch, ch.casefold(), ch.upper()):
        if letter := _like_ascii(form):
            return letter
    chinese = [like for like in (*_likes(ch), ch) if len(like) == 1 and ord(like) in CJK]
    return min(chinese, default=ch.casefold())


def _like_ascii(ch: str) -> str:
    return next((like.casefold() for like in _likes(ch) if len(like) == 1 and like.isascii() and like.isalnum()), "")


def _likes(ch: str) -> list[str]:
    return [entry["c"].strip("\u200e") for entry in confusables_data.get(ch, ())]
