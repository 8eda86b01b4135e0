"""How a recording is doing, in one word, for the host, operators and metrics."""

from __future__ import annotations

from enum import StrEnum


class Health(StrEnum):
    """What becomes of the packets that come in now."""

    ON = "on"
    BEHIND = "behind"  # the object store is away: parts wait on the local disk
    OFF = "off"  # they are lost: the disk is full, or cannot be written
