"""How plain values look on the wire."""

from __future__ import annotations

from datetime import datetime


def iso(moment: datetime | None) -> str | None:
    """A moment as ISO 8601 in UTC with milliseconds, as PROTOCOL.md wants it."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
