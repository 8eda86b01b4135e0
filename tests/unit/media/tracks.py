"""Tracks as a stream has them, without an event loop: what is held back for more of its frame is released at once."""

from __future__ import annotations

from media.glue import PacketMemory
from media.rtp.counters import Counters
from media.rtp.fanout import Fanout
from media.rtp.outlet import Sender
from media.rtp.single import Single


def make_fanout(kind: str, clock_rate: int, counters: Counters | None = None) -> Fanout:
    """A track without a publisher."""
    counted = counters or Counters()
    single = Single(PacketMemory(), counted)
    return Fanout(kind, clock_rate, Sender(counted), single, counted, hold=lambda release: release())
