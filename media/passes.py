"""Passes of viewers: written by the server, checked here without asking it, void once their person is banned."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from media.problems import banned

GOOD_FOR_SECONDS = 86_400.0  # who stays in a room for longer gets a new one when he joins again
CLOCKS_APART_SECONDS = 5.0  # of servers, and from asking who is banned to writing a pass
ALL_ROOMS = "*"
MOST_BANS = 10_000
MAC_BYTES = 24
_MOST_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Pass:
    """The server let this person into this room at that moment (Unix seconds)."""

    room_id: str
    person: str
    at: float


class PassWriter:
    """Writes and reads passes; who knows INTERNAL_SECRET can."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"passes of viewers\0" + secret.encode()).digest()

    def write(self, shown: Pass) -> str:
        """A pass as a page shows it; safe in an address."""
        text = f"{shown.room_id}.{shown.person}.{int(shown.at * 1000)}"
        return f"{text}.{self._mac(text)}"

    def read(self, text: str, room_id: str, now: float) -> Pass | None:
        """The pass, if it is one, for this room, and not too old."""
        body, _, mac = text.rpartition(".")
        if len(text) > _MOST_CHARACTERS or not text.isascii() or not hmac.compare_digest(mac, self._mac(body)):
            return None
        room, person, at = body.split(".")
        found = Pass(room, person, int(at) / 1000)
        return found if room == room_id and now - found.at < GOOD_FOR_SECONDS else None

    def _mac(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:MAC_BYTES]).decode()


class Passes:
    """One node's look at passes. It remembers MOST_BANS bans, of which the oldest gives way."""

    def __init__(self, secret: str) -> None:
        self._writer = PassWriter(secret)
        self._bans: OrderedDict[tuple[str, str], float] = OrderedDict()  # (room, person): passes up to here are void

    def check(self, text: str, room_id: str, now: float) -> Pass | None:
        """What a viewer of this room shows; None: nothing that says who he is.

        Raises:
            Problem: 403, he is banned.
        """
        shown = self._writer.read(text, room_id, now) if text else None
        if shown is not None and self.is_void(shown):
            raise banned()
        return shown

    def is_void(self, shown: Pass) -> bool:
        """Whether its person was banned after it was written."""
        return any(shown.at <= self._bans.get((room_id, shown.person), 0.0) for room_id in (shown.room_id, ALL_ROOMS))

    def void(self, told: Mapping[str, object]) -> None:
        """The command `void_passes`; said twice is fine. What is malformed is left out."""
        room_id, person, at = told.get("room_id"), told.get("person"), told.get("at")
        if not isinstance(room_id, str) or not isinstance(person, str) or not isinstance(at, int | float):
            return
        key = room_id, person
        self._bans[key] = max(self._bans.get(key, 0.0), at + CLOCKS_APART_SECONDS)
        self._bans.move_to_end(key)
        if len(self._bans) > MOST_BANS:
            self._bans.popitem(last=False)
