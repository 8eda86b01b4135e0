"""How plain values look on the wire."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

MOMENTS_KEPT = 1_024  # all orders of a group have the same two moments, and all who ask for a list get the same ones


def iso(moment: datetime | None) -> str | None:
    """A moment as ISO 8601 in UTC with milliseconds, as PROTOCOL.md wants it."""
    return None if moment is None else _iso(moment)


@lru_cache(MOMENTS_KEPT)
def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
