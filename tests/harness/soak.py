"""How often a test kills: a few times, or as often as `make soak` wants to see."""

from __future__ import annotations

import os

IS_SOAK = os.environ.get("SOAK") == "1"


def times(soaked: int, otherwise: int) -> int:
    """The number for this run."""
    return soaked if IS_SOAK else otherwise
