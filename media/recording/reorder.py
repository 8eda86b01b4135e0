"""The buffer that puts one track's RTP packets back in order, waiting a bounded time for those that are missing."""

from __future__ import annotations

from typing import NamedTuple

from media.recording.tracks import SECOND_NS
from media.rtp.packet import RtpPacket
from media.rtp.seq import distance, time_distance

# How long a missing packet may still come (retransmitted). Together with a fragment's length it must stay
# well under the two seconds that a crash may cost.
WAIT_NS = 600_000_000
# The first packets of a stream may be out of order too; so long the smallest number is looked for.
START_WAIT_NS = 200_000_000
# More packets than this are never held: at 1,200 bytes each about 2.4 MB.
HELD_LIMIT = 2_000
# So many old packets in a row mean that the sender began to count anew, not that they are late.
LATE_IN_A_ROW = 100
# Another SSRC is another layer unless the one we record has been silent so long.
SSRC_SILENCE_NS = SECOND_NS


class OrderedPacket(NamedTuple):
    """A packet in its sender's order."""

    marker: bool
    timestamp: int  # unwrapped
    arrival_ns: int
    payload: bytes
    after_loss: bool


class Reorder:
    """Packets of one track in order.

    Holds at most HELD_LIMIT packets for at most WAIT_NS; what is missing by then is lost,
    and the next packet says so.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[RtpPacket, int]] = {}
        self._next: int | None = None
        self._began_ns: int | None = None  # until the first packet is handed out
        self._ssrc: int | None = None
        self._timestamp: int | None = None
        self._last_arrival_ns = 0
        self._late_in_a_row = 0
        self._lost = False
        self.lost_packets = 0

    @property
    def timestamp(self) -> int | None:
        """The newest unwrapped timestamp that was handed out."""
        return self._timestamp

    def push(self, packet: RtpPacket, arrival_ns: int) -> None:
        """Take a packet in, in any order; duplicates and late ones are ignored."""
        if packet.ssrc != self._ssrc:
            if self._ssrc is not None and arrival_ns - self._last_arrival_ns < SSRC_SILENCE_NS:
                return
            self._begin(packet, arrival_ns)
        self._last_arrival_ns = arrival_ns
        if self._next is None:
            self._next = packet.sequence
        sequence = self._next + distance(packet.sequence, self._next)
        if sequence < self._next and self._began_ns is not None:
            self._next = sequence
        elif sequence < self._next:
            self._late_in_a_row += 1
            if self._late_in_a_row < LATE_IN_A_ROW:
                return
            self._begin(packet, arrival_ns)
            sequence = self._next = packet.sequence
        self._late_in_a_row = 0
        self._held.setdefault(sequence, (packet, arrival_ns))

    def _begin(self, packet: RtpPacket, arrival_ns: int) -> None:
        self._began_ns = arrival_ns
        self._lost = self._ssrc is not None
        self._ssrc = packet.ssrc
        self._next = None
        self._held.clear()
        self._late_in_a_row = 0

    def take(self, now_ns: int) -> list[OrderedPacket]:
        """What can be handed out by now: in order, waiting for gaps no longer than WAIT_NS."""
        ready: list[OrderedPacket] = []
        if self._began_ns is not None:
            if now_ns - self._began_ns < START_WAIT_NS:
                return ready
            self._began_ns = None
        while self._held and self._next is not None:
            found = self._held.pop(self._next, None)
            if found is not None:
                ready.append(self._ordered(*found))
                self._next += 1
                continue
            _, oldest_arrival_ns = next(iter(self._held.values()))
            if now_ns - oldest_arrival_ns < WAIT_NS and len(self._held) < HELD_LIMIT:
                break
            following = min(self._held)
            self.lost_packets += following - self._next
            self._lost = True
            self._next = following
        return ready

    def flush(self) -> list[OrderedPacket]:
        """Everything that is held, because nothing more will come."""
        return self.take(self._last_arrival_ns + 2 * WAIT_NS)

    def _ordered(self, packet: RtpPacket, arrival_ns: int) -> OrderedPacket:
        near = packet.timestamp if self._timestamp is None else self._timestamp
        self._timestamp = near + time_distance(packet.timestamp, near)
        after_loss, self._lost = self._lost, False
        return OrderedPacket(packet.marker != 0, self._timestamp, arrival_ns, packet.payload, after_loss)
