"""Faults that a WHIP or WHEP client can cause or must hear of, as problem documents (RFC 9457)."""

from __future__ import annotations

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


def bad_sdp(detail: str) -> Problem:
    """The body is not an offer."""
    return Problem(400, "bad_sdp", detail)


def key_missing() -> Problem:
    """No bearer token."""
    return Problem(401, "key_missing", "send the stream key as a bearer token", {"WWW-Authenticate": "Bearer"})


def key_wrong() -> Problem:
    """A bearer token that does not open this room."""
    return Problem(403, "key_wrong", "this stream key is not valid here")


def unknown_room() -> Problem:
    """The hook knows no such room."""
    return Problem(404, "unknown_room", "there is no such room")


def unknown_session() -> Problem:
    """The session is over, or never was."""
    return Problem(404, "unknown_session", "this session does not exist or has ended")


def cannot_serve(detail: str) -> Problem:
    """RFC 9725: an offer that is fine but can't be served is answered 406."""
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


def full() -> Problem:
    """No room for one more session."""
    return Problem(503, "unavailable", "this node is full", {"Retry-After": str(RETRY_SECONDS)})


def unavailable(detail: str) -> Problem:
    """Something behind us is away."""
    return Problem(503, "unavailable", detail, {"Retry-After": str(RETRY_SECONDS)})
