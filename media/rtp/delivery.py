"""One layer on its way to those who get it: live ones together, the others one by one."""

from __future__ import annotations

import time

from media.rtp.counters import Counters
from media.rtp.history import KeyframeGroup
from media.rtp.lane import Lane, Span, State
from media.rtp.layer import Layer
from media.rtp.outlet import CRATE_PACKETS, Cohort, Crate, Sender, Wire
from media.rtp.packet import EXTENDED, HEADER, HEADER_BYTES, VERSION_2, RtpPacket
from media.rtp.single import Single, extension_for
from media.rtp.vp8 import ABSENT, Vp8Numbers

CATCH_UP_PACKETS = 16  # of the kept group to one viewer, each time a packet of the layer arrives
CATCH_UP_BUDGET = 256  # the same for all viewers who are catching up, so that a crowd does not delay the others
SLIDE_SECONDS = 4.0  # a keyframe is asked for no more often for the sake of viewers who see slides


class Delivery:
    """A layer and its lanes. Every packet that came is gathered, and sent by `flush`."""

    def __init__(self, layer: Layer, sender: Sender, single: Single, counters: Counters) -> None:
        self.layer = layer
        self.waiting: dict[Lane, None] = {}  # for a keyframe of this layer; some get another layer meanwhile
        self.catching: dict[Lane, Span] = {}
        self.slides: list[Lane] = []
        self._cohorts: dict[Wire, Cohort] = {}
        self._gathered: list[RtpPacket] = []
        self._gathered_at = 0.0
        self._keyframe_at = float("-inf")
        self._sender = sender
        self._single = single
        self._counters = counters

    # -- packets

    def push(self, packet: RtpPacket) -> bool:
        """Gather the newest packet; True when more of its frame may follow, so that somebody must `flush` soon."""
        gathered = self._gathered
        if not gathered:
            self._gathered_at = time.monotonic()
        gathered.append(packet)
        if self.slides:
            self._send_slide(packet)
        # Sound is never held back; a frame ends with the marker.
        if packet.marker or self.layer.group is None or len(gathered) >= CRATE_PACKETS:
            self.flush(time.monotonic())
            return False
        return True

    @property
    def is_gathering(self) -> bool:
        """Whether packets wait for the rest of their frame."""
        return bool(self._gathered)

    def flush(self, now: float) -> None:
        """Send what is gathered to everybody who gets this layer live."""
        packets = self._gathered
        if not packets:
            return
        self._gathered = []
        rows = 0
        for cohort in self._cohorts.values():
            if len(cohort):
                rows += len(cohort)
                self._sender.send(cohort, self._pack(cohort, packets, now))
        if rows:
            self._counters.forwarded(time.monotonic() - self._gathered_at, rows * len(packets))

    def _pack(self, cohort: Cohort, packets: list[RtpPacket], now: float) -> Crate:
        wire, data = cohort.wire, []
        pictures: list[Vp8Numbers] = []
        for packet in packets:
            extension = extension_for(wire, packet, now)
            first = VERSION_2 | EXTENDED if extension else VERSION_2
            head = HEADER.pack(first, packet.marker | wire.payload_type, 0, packet.timestamp, 0)
            data.append(head + extension + packet.payload)
            if cohort.moves_pictures:
                numbers = self.layer.numbers_of(packet)
                pictures.append(_moved(numbers, HEADER_BYTES + len(extension)))
        return Crate(data, [p.sequence for p in packets], [p.timestamp for p in packets], pictures)

    def send_late(self, packet: RtpPacket) -> None:
        """A packet older than the newest: lanes that began after it would use one of their numbers twice."""
        now = time.monotonic()
        for cohort in self._cohorts.values():
            for lane in cohort.owners:
                if packet.sequence >= lane.span.first:
                    self._single.send(lane, lane.span, packet, now)

    # -- lanes

    @property
    def lanes(self) -> int:
        """How many get this layer now."""
        return sum(map(len, self._cohorts.values())) + len(self.catching) + len(self.slides)

    def go_live(self, lane: Lane, first: int, packet: RtpPacket | None) -> None:
        """The lane gets each packet from this number on; `packet`: the one of that number, if it is there already."""
        self.attach(lane, lane.begin(self.layer, first, packet, State.LIVE))

    def attach(self, lane: Lane, span: Span) -> None:
        """Put a live lane among those who are sent to together. What is gathered is not for him."""
        self.flush(time.monotonic())
        cohort = self._cohorts.get(lane.wire)
        if cohort is None:
            cohort = self._cohorts[lane.wire] = Cohort(lane.wire)
        lane.cohort = cohort
        lane.row = cohort.add(lane, lane.context, lane.path, lane.ssrc)
        cohort.set_shifts(lane.row, span.shift, span.time_shift, span.picture_shift, span.base_shift)

    def detach(self, lane: Lane) -> None:
        """He gets nothing of this layer from now on, and waits for nothing of it."""
        self.waiting.pop(lane, None)
        self.catching.pop(lane, None)
        if lane in self.slides:
            self.slides.remove(lane)
        cohort = lane.cohort
        if cohort is not None:
            self.flush(time.monotonic())
            moved = cohort.remove(lane.row)
            if moved is not None:
                moved.row = lane.row
            lane.cohort = None
            if not len(cohort) and self._cohorts.get(cohort.wire) is cohort:
                del self._cohorts[cohort.wire]

    def take_waiting(self) -> list[Lane]:
        """Those who waited for the keyframe that has come."""
        waiting, self.waiting = list(self.waiting), {}
        return waiting

    # -- catching up

    def catch_up_from_group(self, lane: Lane) -> bool:
        """Let a lane begin with the kept keyframe group; False when there is none."""
        group, layer = self.layer.group, self.layer
        if group is None or not group.packets:
            return False
        self.catching[lane] = lane.begin(layer, group.packets[0].sequence, group.packets[0], State.CATCHING_UP)
        lane.place, lane.serial = 0, group.serial
        return True

    def catch_up(self) -> list[Lane]:
        """Send some more of the kept group; answers the lanes whose group has gone, since a new keyframe has come."""
        budget = CATCH_UP_BUDGET
        now = time.monotonic()
        stale: list[Lane] = []
        group = self.layer.group
        for lane, span in tuple(self.catching.items()):
            if budget <= 0:
                break
            if group is None or lane.serial != group.serial:
                stale.append(lane)
                continue
            if not lane.is_paced:
                budget -= len(self._catch_up_one(lane, span, group, now, CATCH_UP_PACKETS))
        return stale

    def send_next(self, lane: Lane, now: float) -> int:
        """One more packet of the kept group to a lane that is paced; answers its octets, 0 when there is none."""
        span, group = self.catching.get(lane), self.layer.group
        if span is None or group is None or lane.serial != group.serial:
            return 0
        return sum(len(packet.payload) for packet in self._catch_up_one(lane, span, group, now, 1))

    def _catch_up_one(self, lane: Lane, span: Span, group: KeyframeGroup, now: float, most: int) -> list[RtpPacket]:
        pieces = group.packets[lane.place : lane.place + most]
        for packet in pieces:
            if packet.sequence >= span.first:  # a piece of the keyframe that came late has no number here
                self._single.send(lane, span, packet, now)
        lane.place += len(pieces)
        if pieces:
            span.end = pieces[-1].sequence + 1
        if lane.place >= len(group.packets):
            del self.catching[lane]
            self.flush(now)  # he has what is gathered already
            lane.state, span.end = State.LIVE, None
            self.attach(lane, span)
        return pieces

    # -- slides

    def wants_slide(self, now: float) -> bool:
        """Whether somebody may see another picture, and the last one is old enough."""
        is_due = now - self._keyframe_at >= SLIDE_SECONDS
        return is_due and any(lane.slide_credit >= 0 for lane in self.slides)

    def begin_slides(self, packet: RtpPacket) -> None:
        """A keyframe begins: it goes to everybody whose allowance has room."""
        self._keyframe_at = time.monotonic()
        for lane in self.slides:
            if lane.slide_credit >= 0:
                lane.begin(self.layer, packet.sequence, packet, State.SLIDES)
                lane.slide_timestamp = packet.timestamp

    def _send_slide(self, packet: RtpPacket) -> None:
        now = time.monotonic()
        for lane in self.slides:
            span = lane.span
            if lane.slide_timestamp != packet.timestamp or span is None:
                continue
            self._single.send(lane, span, packet, now)
            span.end = packet.sequence + 1
            lane.slide_credit -= 8 * (HEADER_BYTES + len(packet.payload))
            lane.packets_done += 1
            lane.octets_done += len(packet.payload)


def _moved(numbers: Vp8Numbers, by: int) -> Vp8Numbers:
    """The numbers with their places counted from further ahead."""
    return numbers._replace(
        picture_at=numbers.picture_at + by if numbers.picture_at != ABSENT else ABSENT,
        base_at=numbers.base_at + by if numbers.base_at != ABSENT else ABSENT,
    )
