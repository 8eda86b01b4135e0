"""Tracks as a stream has them, without an event loop: what is held back for more of its frame is released at once."""

from __future__ import annotations

from collections.abc import Callable

from media.glue import PacketMemory
from media.rtp.counters import Counters
from media.rtp.fanout import Fanout
from media.rtp.outlet import Sender
from media.rtp.single import Single


def at_once(release: Callable[[], None]) -> None:
    """Hold nothing back."""
    release()


def make_fanout(
    kind: str,
    clock_rate: int,
    counters: Counters | None = None,
    sender: Sender | None = None,
    hold: Callable[[Callable[[], None]], object] = at_once,
) -> Fanout:
    """A track without a publisher."""
    counted = counters or Counters()
    single = Single(PacketMemory(), counted)
    return Fanout(kind, clock_rate, sender or Sender(counted), single, counted, hold)
