"""One encoding of a track as the publisher sends it: its packets get the track's own numbers and are kept a while."""

from __future__ import annotations

import random
from collections.abc import Callable

from media.rtp.counters import Counters
from media.rtp.history import History, KeyframeGroup
from media.rtp.keyframe import DETECTORS
from media.rtp.packet import RtpPacket
from media.rtp.seq import MOST_JUMP, Unwrapper, distance, time_distance
from media.rtp.timeline import Timeline
from media.rtp.vp8 import NONE, Vp8Numbers, read_numbers

HISTORY_PACKETS = {"video": 2048, "audio": 256}  # about 8 s of 250 packets/s; 5 s of sound
GROUP_PACKETS = 700  # about 3 s at 2 Mbit/s; a longer group is forgotten and a keyframe asked for instead
UNANSWERED_GROUP_PACKETS = 2500  # the same for a publisher who makes no keyframe on request (FFmpeg): 8 s or more
FIRST_SEQUENCE = 1 << 16  # the track's own numbers begin here, so that late packets stay positive
ALIGNED_SECONDS = 0.1  # a layer whose sender report differs more from the others' has a new clock


class Layer:
    """Numbers, history and keyframe group of one encoding. All layers of a track share its timeline."""

    def __init__(self, rid: str, kind: str, timeline: Timeline, counters: Counters) -> None:
        self.rid = rid
        self.kind = kind
        self.packets = 0
        self.octets = 0
        self.keyframes = 0
        self.bits_per_second = 0
        self.newest = FIRST_SEQUENCE - 1
        self.newest_timestamp = random.randrange(1 << 31)
        self.numbers: Vp8Numbers = NONE  # of the newest packet
        self.history = History(HISTORY_PACKETS[kind])
        self.group = KeyframeGroup(GROUP_PACKETS) if kind == "video" else None
        self.is_aligned = False
        self._timeline = timeline
        self._counters = counters
        self._is_vp8 = False
        self._is_keyframe: Callable[[bytes], bool] | None = None
        self._unwrap: Unwrapper | None = None
        self._first = FIRST_SEQUENCE
        self._sequence_shift = 0
        self._timestamp_shift = 0
        self._octets_before = 0
        self._is_flowing = False  # something came in the second before
        self._whole_second = 0  # its bits, if it flowed for all of it

    def begin(self, codec: str, answers_requests: bool) -> None:
        """A source begins (again) with this codec: its numbers are new, and pictures begin with a keyframe."""
        self._is_keyframe = DETECTORS.get(codec) if self.kind == "video" else None
        self._is_vp8 = codec == "VP8"
        self._unwrap = None
        if self.group is not None:
            self.group.clear()
            self.group.most = GROUP_PACKETS if answers_requests else UNANSWERED_GROUP_PACKETS

    @property
    def has_group(self) -> bool:
        """Whether a new viewer can begin at once with what is kept."""
        return self.group is not None and bool(self.group.packets)

    @property
    def is_heard(self) -> bool:
        """Whether the source that runs now has sent anything."""
        return self._unwrap is not None

    def take(self, packet: RtpPacket, wall: float) -> bool:
        """Give a packet the track's numbers and keep it; False for a duplicate or a late one."""
        unwrap = self._unwrap
        if unwrap is None or abs(distance(packet.sequence, (unwrap.highest or 0) & 0xFFFF)) > MOST_JUMP:
            unwrap = self._rebase(packet, wall)
        sequence = unwrap.extend(packet.sequence) + self._sequence_shift
        packet.sequence = sequence
        packet.timestamp = (packet.timestamp + self._timestamp_shift) & 0xFFFFFFFF
        if sequence < self._first:
            self._counters.dropped_late += 1
            return False
        if not self.history.add(packet):
            self._counters.dropped_duplicate += 1
            return False
        if sequence > self.newest:
            self.newest = sequence
            self.newest_timestamp = packet.timestamp
            if self._is_vp8:
                self.numbers = read_numbers(packet.payload)
        self.packets += 1
        self.octets += len(packet.payload)
        return True

    def numbers_of(self, packet: RtpPacket) -> Vp8Numbers:
        """The numbers inside a packet's payload that must go on without a step."""
        return read_numbers(packet.payload) if self._is_vp8 else NONE

    def begins_group(self, packet: RtpPacket) -> bool:
        """Keep a packet for viewers to come; True when it begins a keyframe."""
        if self.group is None:
            return False
        is_keyframe = self._is_keyframe is not None and self._is_keyframe(packet.payload)
        if not self.group.add(packet, is_keyframe):
            return False
        self.keyframes += 1
        self._counters.keyframes += 1
        return True

    def _rebase(self, packet: RtpPacket, wall: float) -> Unwrapper:
        """Join a new source's numbers to where the track stands."""
        unwrap = self._unwrap = Unwrapper()
        self._first = self.newest + 1
        self._sequence_shift = self._first - unwrap.extend(packet.sequence)
        timestamp = self._timeline.at(wall)
        if timestamp is None:
            timestamp = self.newest_timestamp + 1
            self._timeline.set(timestamp & 0xFFFFFFFF, wall)
        if self.packets and time_distance(timestamp, self.newest_timestamp) <= 0:
            timestamp = self.newest_timestamp + 1
        self._timestamp_shift = timestamp - packet.timestamp
        self.is_aligned = False
        return unwrap

    def set_clock(self, rtp_timestamp: int, wall: float, *, is_alone: bool) -> None:
        """The publisher's sender report, with his timestamp and our wall clock.

        The first layer that is heard leads the track's timeline; the others are moved onto it, once.
        """
        if self._unwrap is None:
            return
        own = (rtp_timestamp + self._timestamp_shift) & 0xFFFFFFFF
        expected = self._timeline.at(wall)
        if not is_alone and expected is not None:
            off = time_distance(expected, own)
            if not self.is_aligned or abs(off) > ALIGNED_SECONDS * self._timeline.clock_rate:
                self._timestamp_shift += off
                own = expected
        self.is_aligned = True
        self._timeline.set(own, wall)

    def measure(self, seconds: float) -> None:
        """Called once a second: the bitrate of the last two, since a keyframe alone is no trend. 0: nothing came.

        A second in the middle of which the layer began is forgotten with the next, else it would seem to need less.
        """
        now = int((self.octets - self._octets_before) * 8 / seconds)
        self._octets_before = self.octets
        self.bits_per_second = ((self._whole_second or now) + now) // 2 if now else 0
        self._whole_second = now if self._is_flowing else 0
        self._is_flowing = now > 0

    def own_timestamp(self, rtp_timestamp: int) -> int:
        """The track's timestamp for one of the source's."""
        return (rtp_timestamp + self._timestamp_shift) & 0xFFFFFFFF
