"""Finds addresses of the web in a text, also in full width, with spaces between, spelt out (点com, dot com)."""

from __future__ import annotations

import re
import unicodedata

from server.moderation.look_alikes import is_dot, letter_of_sign, plain_character

# A name before the dot has a letter in it or is long: "3.5" and "1.cc" of milk are no addresses.
NAME = r"(?:[a-z][0-9-]*|\d{3})"
ENDS = r"(?![a-z0-9])"
SURE_ENDINGS = "com|cn|org|xyz"  # no words, so that the dot may be any sign or word for one
# Nobody begins a sentence with them, but after "500ml。" or "净重500g。": a name that is a measure is none.
AFTER_NO_MEASURE = "cc|net"
MEASURE = r"[\d-]+(?:ml|l|mg|g|kg|mm|cm|m|cc|w|kw|v)(?![a-z0-9-])"
# These are words too: after "ok. " or "wifi。" a sentence goes on, a dot without a space is none.
RARE_WORDS = "top|vip|io|shop|biz|mobi|ltd"  # that seldom begin one
WORDS_TOO = f"{RARE_WORDS}|me|site|club|info|live|app|link|tv|cloud|store|online|asia|pro|group|fun|work|ink|wang|ren"
CHINESE = "中国|公司|网络"
BETWEEN = r"[\s()\[\]{}<>*]*"
DOT = rf"{BETWEEN}(?:[.。丶点]|dot){BETWEEN}"
# Before a rare word the dot may be any sign or word, too, if the name is longer than in "app。vip有吗", "APP点VIP".
BEGINS = rf"(?<![a-z0-9-])(?!{MEASURE})"
LONG_NAME = rf"{BEGINS}(?=[0-9-]*[a-z])[a-z0-9-]{{4,}}"
SIGN_OR_WORD = rf"{BETWEEN}(?:[。丶]|dot|\.(?!\s)){BETWEEN}"
LINK = re.compile(
    rf"(?:h(?:tt|xx)ps?|ftp)\s*:\s*/\s*/|(?<![a-z0-9])www{DOT}"
    rf"|{NAME}{DOT}(?:{SURE_ENDINGS}){ENDS}|{BEGINS}[a-z0-9-]*{NAME}{DOT}(?:{AFTER_NO_MEASURE}){ENDS}"
    rf"|{NAME}\.(?:{AFTER_NO_MEASURE}|{WORDS_TOO}){ENDS}|{NAME}\.(?:{CHINESE})(?!\w)"
    rf"|{LONG_NAME}{SIGN_OR_WORD}(?:{RARE_WORDS}){ENDS}|{LONG_NAME}{BETWEEN}点{BETWEEN}(?:{RARE_WORDS})(?!\w)"
    rf"|{LONG_NAME}\s*。\s*(?:{WORDS_TOO}|{CHINESE})(?=/|\s*$)"
    rf"|[\u4e00-\u9fff][.点](?:com|cn|net|org){ENDS}"
)
SPACED_LETTER = re.compile(r"(?<![a-z0-9])([a-z0-9])\s+(?=[a-z0-9](?![a-z0-9]))")  # "e v i l" is written for "evil"


def has_link(text: str) -> bool:
    """Whether there is an address in the text."""
    plain = "".join(map(_read, unicodedata.normalize("NFKC", text)))
    return LINK.search(SPACED_LETTER.sub(r"\1", plain)) is not None


def _read(ch: str) -> str:
    if ch.isascii():
        return ch.casefold()
    if ch.isalnum():
        return plain_character(ch)
    if is_dot(ch):
        return "。"
    return letter_of_sign(ch) or ("" if unicodedata.category(ch) in ("Cf", "Mn", "So") else ch)
