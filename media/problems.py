"""Faults that a WHIP or WHEP client can cause or must hear of, as problem documents (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping

RETRY_SECONDS = 3  # how long a client waits before it asks again for a stream that isn't on, or for room


class Problem(Exception):
    """An answer that is not what was asked for. `code` is for programs, `detail` for people."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}


def bad_request(detail: str) -> Problem:
    """The body is not what this address takes."""
    return Problem(400, "bad_request", detail)


def bad_sdp(detail: str) -> Problem:
    """The body is not an offer."""
    return Problem(400, "bad_sdp", detail)


def key_missing() -> Problem:
    """No bearer token."""
    return Problem(401, "key_missing", "send the stream key as a bearer token", {"WWW-Authenticate": "Bearer"})


def key_wrong() -> Problem:
    """A bearer token that does not open this room."""
    return Problem(403, "key_wrong", "this stream key is not valid here")


def banned() -> Problem:
    """The room has put this viewer out since it gave him his pass."""
    return Problem(403, "banned", "you were removed from this room")


def unknown_room() -> Problem:
    """The hook knows no such room."""
    return Problem(404, "unknown_room", "there is no such room")


def unknown_session() -> Problem:
    """The session is over, or never was."""
    return Problem(404, "unknown_session", "this session does not exist or has ended")


def cannot_serve(detail: str) -> Problem:
    """The whole offer is refused, never a part of it (RFC 9725, 4.4.3).

    The RFC asks for 422 or 400 there, its drafts up to 10 asked for 406, which our contract kept. Clients see no
    difference: 4.1 forbids them to read more than "4xx" into it.
    """
    return Problem(406, "cannot_serve", detail)


def already_live() -> Problem:
    """Somebody publishes to this room."""
    return Problem(409, "already_live", "somebody is already publishing here; ?takeover=1 replaces him")


def not_live() -> Problem:
    """Nothing to play."""
    return Problem(409, "not_live", "nobody is publishing here now", {"Retry-After": str(RETRY_SECONDS)})


def too_many() -> Problem:
    """One address opens sessions faster than they connect."""
    detail = "too many sessions of your address are still connecting"
    return Problem(429, "too_many_requests", detail, {"Retry-After": str(RETRY_SECONDS)})


def too_fast(wait_seconds: float) -> Problem:
    """One address asks more often than it may."""
    detail = "your address asks too often"
    return Problem(429, "too_many_requests", detail, {"Retry-After": str(max(1, math.ceil(wait_seconds)))})


def too_slow() -> Problem:
    """The body of a request does not come."""
    return Problem(408, "too_slow", "the body took too long to arrive", {"Connection": "close"})


def full() -> Problem:
    """No room for one more session."""
    return Problem(503, "unavailable", "this node is full", {"Retry-After": str(RETRY_SECONDS)})


def unavailable(detail: str) -> Problem:
    """Something behind us is away."""
    return Problem(503, "unavailable", detail, {"Retry-After": str(RETRY_SECONDS)})


def crowded() -> Problem:
    """Too many requests wait for what comes next."""
    return Problem(503, "unavailable", "too many wait here", {"Retry-After": "1"})


def not_yet() -> Problem:
    """What a request waited for did not come."""
    return Problem(503, "unavailable", "nothing new has come", {"Retry-After": "1"})


def not_found(detail: str) -> Problem:
    """There is nothing of this name."""
    return Problem(404, "not_found", detail)
