"""Tracks as a stream has them, without an event loop: what is held back for more of its frame is released at once."""

from __future__ import annotations

from collections.abc import Callable

from media.glue import PacketMemory
from media.rtp.counters import Counters
from media.rtp.fanout import Fanout, Hold
from media.rtp.outlet import Sender
from media.rtp.single import Single


class Timer:
    """Counts how often it was cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0

    def cancel(self) -> None:
        self.cancelled += 1


def at_once(release: Callable[[], None]) -> Timer:
    """Hold nothing back."""
    release()
    return Timer()


def make_fanout(
    kind: str,
    clock_rate: int,
    counters: Counters | None = None,
    sender: Sender | None = None,
    hold: Hold = at_once,
) -> Fanout:
    """A track without a publisher."""
    counted = counters or Counters()
    single = Single(PacketMemory(), counted)
    return Fanout(kind, clock_rate, sender or Sender(counted), single, counted, hold)
