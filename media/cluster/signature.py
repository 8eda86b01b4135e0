"""How nodes recognise each other's requests: a header that only who knows INTERNAL_SECRET can write."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from aiohttp import web

HEADER = "X-Dongting-Node"
GOOD_FOR_SECONDS = 60.0  # clocks of machines may differ by as much
_MOST_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class Sender:
    """The node that sent a request, and for whom."""

    node_id: str
    client: str = ""  # whose request it passes on, as admission counts it
    is_copy: bool = False  # it wants a copy of the stream for viewers of its own


SENDER = web.RequestKey("sender", Sender)  # in a request that another node sent


class Signer:
    """Writes and reads the header."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"between media nodes\0" + secret.encode()).digest()

    def sign(self, sender: Sender, method: str, path: str, now: float) -> str:
        """The header's value for one request."""
        text = f"{sender.node_id},{int(sender.is_copy)},{int(now)},{sender.client}"
        return f"{self._mac(text, method, path)},{text}"

    def read(self, value: str | None, method: str, path: str, now: float) -> Sender | None:
        """Who sent the request; None when no node did, or when the header is forged, of another request, or old."""
        if not value or len(value) > _MOST_CHARACTERS or not value.isascii():
            return None
        mac, _, text = value.partition(",")
        if not hmac.compare_digest(mac, self._mac(text, method, path)):
            return None
        node_id, is_copy, at, client = text.split(",", 3)
        if abs(now - int(at)) > GOOD_FOR_SECONDS:
            return None
        return Sender(node_id, client, is_copy == "1")

    def _mac(self, text: str, method: str, path: str) -> str:
        return hmac.new(self._key, f"{method}\n{path}\n{text}".encode(), hashlib.sha256).hexdigest()


def sender_of(request: web.Request) -> Sender | None:
    """The node that sent a request; None: a client did."""
    return request.get(SENDER)
