"""One track on its way from a publisher to all viewers: the hot path of the node.

A packet is parsed once. Its numbers are made the track's own (continuous when a publisher is replaced), then each
viewer's (`Lane`): header rewritten, protected in place, sent. Nothing here waits, logs or allocates per viewer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from media.glue import SRTP_OK, PacketMemory, srtp_protect
from media.rtp.counters import Counters
from media.rtp.feedback import SenderReport
from media.rtp.history import History, KeyframeGroup
from media.rtp.keyframe import DETECTORS
from media.rtp.packet import HEADER, HEADER_BYTES, RtpPacket
from media.rtp.path import Path
from media.rtp.seq import Unwrapper, distance, time_distance
from media.rtp.timeline import Timeline, to_ntp

HISTORY_PACKETS = {"video": 2048, "audio": 256}  # about 8 s of 250 packets/s; 5 s of sound
GROUP_PACKETS = 700  # about 3 s at 2 Mbit/s; a longer group is forgotten and a keyframe asked for instead
UNANSWERED_GROUP_PACKETS = 2500  # the same for a publisher who makes no keyframe on request (FFmpeg): 8 s or more
CATCH_UP_PACKETS = 16  # of the kept group to one viewer, each time a packet of the track arrives
CATCH_UP_BUDGET = 256  # the same for all viewers who are catching up, so that a crowd does not delay the others
CATCH_UP_SPEED = 50  # the kept group is shown this much faster than it was filmed: 2 s in 40 ms
RESENDS_PER_SECOND = 400  # per viewer; a viewer who asks for more is not helped by more
MOST_JUMP = 3000  # RFC 3550 A.1: a bigger jump of the sequence number is a new beginning
NOT_NEGOTIATED = -1
_V2 = 0x80
_FIRST_SEQUENCE = 1 << 16  # the track's own numbers begin here, so that late packets stay positive


class Lane:
    """One viewer's copy of one track."""

    __slots__ = (
        "codecs",
        "context",
        "first",
        "is_live",
        "join_sequence",
        "join_timestamp",
        "next_sequence",
        "octets_before",
        "packets_before",
        "path",
        "payload_type",
        "place",
        "resends_left",
        "rtx_payload_type",
        "rtx_sequence",
        "rtx_ssrc",
        "sequence_shift",
        "serial",
        "ssrc",
    )

    def __init__(
        self, ssrc: int, rtx_ssrc: int, codecs: Mapping[str, tuple[int, int | None]], path: Path, context: Any
    ) -> None:
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.codecs = codecs  # codec name -> payload type, payload type of its RTX
        self.path = path
        self.context = context
        self.payload_type = NOT_NEGOTIATED
        self.rtx_payload_type: int | None = None
        self.rtx_sequence = random.randrange(1, 0x4000)
        self.sequence_shift = 0
        # Low at first: a wrap while the first packets are reordered would set the receiver's SRTP roll-over wrong.
        self.next_sequence = random.randrange(1, 0x4000)
        self.is_live = False  # else all numbers below `next_sequence` were sent, and no others
        self.first = 0  # the track's number from which `sequence_shift` holds
        self.join_sequence = 0  # up to this number of the track pictures are shown in fast motion
        self.join_timestamp = 0
        self.place = 0
        self.serial = 0
        self.resends_left = RESENDS_PER_SECOND
        self.packets_before = 0
        self.octets_before = 0


class Fanout:
    """A track of a stream, from whoever publishes it now to its lanes."""

    def __init__(self, kind: str, clock_rate: int, memory: PacketMemory, counters: Counters) -> None:
        self.kind = kind
        self.clock_rate = clock_rate
        self.timeline = Timeline(clock_rate)
        self.codec = ""
        self.packets = 0
        self.octets = 0
        self.keyframes = 0
        self._memory = memory
        self._counters = counters
        self._history = History(HISTORY_PACKETS[kind])
        self._group = KeyframeGroup(GROUP_PACKETS) if kind == "video" else None
        self._is_keyframe: Callable[[bytes], bool] | None = None
        self._live: list[Lane] = []
        self._waiting: list[Lane] = []
        self._catching: list[Lane] = []
        self._muted: list[Lane] = []
        self._unwrap: Unwrapper | None = None
        self._newest = _FIRST_SEQUENCE - 1
        self._newest_timestamp = random.randrange(1 << 31)
        self._newest_wall = 0.0
        self._first = _FIRST_SEQUENCE
        self._sequence_shift = 0
        self._timestamp_shift = 0

    # -- the publisher's side

    def begin_source(self, codec: str, answers_requests: bool = True) -> None:
        """A publisher begins (again) with this codec: his numbers are new, and pictures begin with a keyframe."""
        self.codec = codec
        self._is_keyframe = DETECTORS.get(codec) if self.kind == "video" else None
        self._unwrap = None
        lanes = self._live + self._waiting + self._catching + self._muted
        self._pause(self._live)
        self._live, self._waiting, self._catching, self._muted = [], [], [], []
        if self._group is not None:
            self._group.clear()
            self._group.most = GROUP_PACKETS if answers_requests else UNANSWERED_GROUP_PACKETS
        for lane in lanes:
            self._admit(lane)

    def push(self, packet: RtpPacket, wall: float) -> bool:
        """Forward a packet to every viewer; False for a duplicate or a late one. The packet's numbers change."""
        if not self._make_own(packet, wall):
            return False
        self.packets += 1
        self.octets += len(packet.payload)
        group = self._group
        if group is not None:
            is_keyframe = self._is_keyframe is not None and self._is_keyframe(packet.payload)
            if group.add(packet, is_keyframe):
                self.keyframes += 1
                self._counters.keyframes += 1
                self._start_waiting(packet)
        if packet.sequence == self._newest:
            self._send_live(packet)
        else:
            self._send_late(packet)
        if self._catching:
            self._catch_up()
        return True

    def _make_own(self, packet: RtpPacket, wall: float) -> bool:
        unwrap = self._unwrap
        if unwrap is None or abs(distance(packet.sequence, (unwrap.highest or 0) & 0xFFFF)) > MOST_JUMP:
            unwrap = self._rebase(packet, wall)
        sequence = unwrap.extend(packet.sequence) + self._sequence_shift
        packet.sequence = sequence
        packet.timestamp = (packet.timestamp + self._timestamp_shift) & 0xFFFFFFFF
        if sequence < self._first:
            self._counters.dropped_late += 1
            return False
        if not self._history.add(packet):
            self._counters.dropped_duplicate += 1
            return False
        if sequence > self._newest:
            self._newest = sequence
            self._newest_timestamp = packet.timestamp
            self._newest_wall = wall
        return True

    def _rebase(self, packet: RtpPacket, wall: float) -> Unwrapper:
        """Join a new source's numbers to where the track stands."""
        unwrap = self._unwrap = Unwrapper()
        self._first = self._newest + 1
        self._sequence_shift = self._first - unwrap.extend(packet.sequence)
        elapsed = wall - self._newest_wall if self._newest_wall else 0.0
        timestamp = self._newest_timestamp + max(1, int(elapsed * self.clock_rate))
        self._timestamp_shift = timestamp - packet.timestamp
        self.timeline.set(timestamp & 0xFFFFFFFF, wall)
        return unwrap

    def set_clock(self, rtp_timestamp: int, wall: float) -> None:
        """The publisher's sender report, with his timestamp and our wall clock."""
        if self._unwrap is not None:
            self.timeline.set((rtp_timestamp + self._timestamp_shift) & 0xFFFFFFFF, wall)

    # -- the viewers' side

    @property
    def lanes(self) -> int:
        """How many viewers have this track."""
        return len(self._live) + len(self._waiting) + len(self._catching) + len(self._muted)

    @property
    def needs_keyframe(self) -> bool:
        """Whether a viewer is waiting for one."""
        return bool(self._waiting)

    def join(self, lane: Lane) -> None:
        """A viewer is ready: sound at once; pictures from the kept keyframe group or the next keyframe."""
        self._admit(lane)
        if self._catching and self._catching[-1] is lane:
            self._catch_up()

    def _admit(self, lane: Lane) -> None:
        lane.payload_type, lane.rtx_payload_type = lane.codecs.get(self.codec, (NOT_NEGOTIATED, None))
        lane.packets_before, lane.octets_before = self.packets, self.octets
        lane.is_live = False
        group = self._group
        if lane.payload_type == NOT_NEGOTIATED:
            self._muted.append(lane)
        elif group is None:
            self._go_live(lane, self._newest + 1)
        elif group.packets:
            first = group.packets[0].sequence
            self._set_shift(lane, first)
            lane.place, lane.serial = 0, group.serial
            lane.join_sequence, lane.join_timestamp = self._newest, self._newest_timestamp
            self._catching.append(lane)
        else:
            self._waiting.append(lane)

    def leave(self, lane: Lane) -> None:
        """A viewer is gone."""
        for lanes in (self._live, self._waiting, self._catching, self._muted):
            if lane in lanes:
                lanes.remove(lane)

    def _set_shift(self, lane: Lane, first: int) -> None:
        lane.first = first
        lane.sequence_shift = lane.next_sequence - first

    def _go_live(self, lane: Lane, first: int) -> None:
        self._set_shift(lane, first)
        lane.is_live = True
        self._live.append(lane)

    def _pause(self, lanes: Iterable[Lane]) -> None:
        for lane in lanes:
            if self._newest >= lane.first:
                lane.next_sequence = self._newest + lane.sequence_shift + 1

    def _start_waiting(self, packet: RtpPacket) -> None:
        for lane in self._waiting:
            lane.join_sequence = 0
            self._go_live(lane, packet.sequence)
        self._waiting = []

    def _catch_up(self) -> None:
        budget = CATCH_UP_BUDGET
        for lane in tuple(self._catching):
            if budget <= 0:
                return
            budget -= self._catch_up_one(lane)

    def _catch_up_one(self, lane: Lane) -> int:
        group = self._group
        if group is None:
            return 0
        if lane.serial != group.serial:  # a new keyframe: what is left of the old group is of no use
            self._catching.remove(lane)
            self._admit(lane)
            return 0
        pieces = group.packets[lane.place : lane.place + CATCH_UP_PACKETS]
        for packet in pieces:
            if packet.sequence >= lane.first:  # a piece of the keyframe that came late has no number here
                self._send_one(lane, packet)
        lane.place += len(pieces)
        if pieces:
            lane.next_sequence = pieces[-1].sequence + lane.sequence_shift + 1
        if lane.place >= len(group.packets):
            self._catching.remove(lane)
            lane.is_live = True
            self._live.append(lane)
        return len(pieces)

    # -- sending

    def _send_live(self, packet: RtpPacket) -> None:
        memory, counters = self._memory, self._counters
        view, cdata, length = memory.view, memory.cdata, memory.length
        sequence, timestamp, marker, payload = packet.sequence, packet.timestamp, packet.marker, packet.payload
        size = HEADER_BYTES + len(payload)
        pack, protect = HEADER.pack_into, srtp_protect
        failed = octets = 0
        for lane in self._live:
            pack(
                view,
                0,
                _V2,
                marker | lane.payload_type,
                sequence + lane.sequence_shift & 0xFFFF,
                timestamp,
                lane.ssrc,
            )
            view[HEADER_BYTES:size] = payload
            length[0] = size
            path = lane.path
            if protect(lane.context, cdata, length) != SRTP_OK:
                counters.dropped_protection += 1
                failed += 1
                continue
            octets += size
            try:
                path.way.sendto(view[: length[0]], path.address)
            except OSError:  # full socket, or the network is gone: the viewer asks again
                counters.dropped_socket += 1
                failed += 1
        counters.packets_out += len(self._live) - failed
        counters.bytes_out += octets

    def _send_late(self, packet: RtpPacket) -> None:
        """A packet older than the newest: lanes that began after it would use one of their numbers twice."""
        for lane in self._live:
            if packet.sequence >= lane.first:
                self._send_one(lane, packet)

    def _send_one(self, lane: Lane, packet: RtpPacket) -> None:
        head = HEADER.pack(
            _V2,
            packet.marker | lane.payload_type,
            packet.sequence + lane.sequence_shift & 0xFFFF,
            self._timestamp_for(lane, packet),
            lane.ssrc,
        )
        self._emit(lane, head, packet.payload)

    def _emit(self, lane: Lane, head: bytes, payload: bytes) -> None:
        memory = self._memory
        size = len(head) + len(payload)
        memory.view[: len(head)] = head
        memory.view[len(head) : size] = payload
        memory.length[0] = size
        if srtp_protect(lane.context, memory.cdata, memory.length) != SRTP_OK:
            self._counters.dropped_protection += 1
            return
        try:
            lane.path.way.sendto(memory.view[: memory.length[0]], lane.path.address)
        except OSError:
            self._counters.dropped_socket += 1
            return
        self._counters.packets_out += 1
        self._counters.bytes_out += size

    def _timestamp_for(self, lane: Lane, packet: RtpPacket) -> int:
        """Pictures from before the viewer came are pressed into a short time, else he would lag by as much."""
        if packet.sequence > lane.join_sequence:
            return packet.timestamp
        behind = time_distance(lane.join_timestamp, packet.timestamp)
        return packet.timestamp if behind <= 0 else (lane.join_timestamp - behind // CATCH_UP_SPEED) & 0xFFFFFFFF

    def resend(self, lane: Lane, sequences: Iterable[int]) -> None:
        """Answer a viewer's NACK from the history, over RTX where the viewer knows it."""
        if lane.payload_type == NOT_NEGOTIATED:
            return
        end = self._newest + 1 if lane.is_live else lane.next_sequence - lane.sequence_shift
        for wanted in sequences:
            newest = self._newest + lane.sequence_shift
            own = newest + distance(wanted, newest & 0xFFFF) - lane.sequence_shift
            packet = self._history.get(own) if lane.first <= own < end else None
            if packet is None:
                continue
            if lane.resends_left <= 0:
                self._counters.dropped_resend_limit += 1
                continue
            lane.resends_left -= 1
            self._counters.packets_resent += 1
            if lane.rtx_payload_type is None:
                self._send_one(lane, packet)
            else:
                self._send_rtx(lane, packet, lane.rtx_payload_type)

    def _send_rtx(self, lane: Lane, packet: RtpPacket, payload_type: int) -> None:
        timestamp = self._timestamp_for(lane, packet)
        head = HEADER.pack(_V2, packet.marker | payload_type, lane.rtx_sequence, timestamp, lane.rtx_ssrc)
        lane.rtx_sequence = lane.rtx_sequence + 1 & 0xFFFF
        original = packet.sequence + lane.sequence_shift & 0xFFFF
        self._emit(lane, head + original.to_bytes(2, "big"), packet.payload)

    def report_for(self, lane: Lane, wall: float) -> tuple[SenderReport, int, int] | None:
        """What a sender report to this viewer says now, with packets and octets sent."""
        timestamp = self.timeline.at(wall)
        if timestamp is None or lane.payload_type == NOT_NEGOTIATED or lane in self._waiting:
            return None
        report = SenderReport(lane.ssrc, to_ntp(wall), timestamp)
        return report, self.packets - lane.packets_before, self.octets - lane.octets_before
