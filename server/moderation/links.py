"""Finds addresses of the web in a text, also when they are written with full-width signs or spaces."""

from __future__ import annotations

import re
import unicodedata

ENDINGS = (
    "com|cn|net|org|top|xyz|vip|cc|io|me|shop|site|club|info|live|app|link|tv|cloud|store|online|asia|biz|mobi|pro|"
    "ltd|group|fun|work|ink|wang|ren|中国|公司|网络"
)
# A name before the dot has a letter in it or is long: "3.5" and "1.cc" of milk are no addresses.
LINK = re.compile(
    rf"(?:https?|ftp)\s*:\s*/\s*/|\bwww\s*\.|(?:[a-z0-9-]*[a-z][a-z0-9-]*|\d{{3,}})\s*\.\s*(?:{ENDINGS})(?![a-z0-9])"
)
DOTS = str.maketrans({"。": ".", "｡": ".", "·": ".", "．": "."})


def has_link(text: str) -> bool:
    """Whether there is an address in the text."""
    plain = unicodedata.normalize("NFKC", text).translate(DOTS).casefold()
    return LINK.search("".join(ch for ch in plain if unicodedata.category(ch) != "Cf")) is not None
