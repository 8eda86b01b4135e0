"""One track on its way from a publisher to all viewers: the hot path of the node.

A packet is parsed once and gets the track's own numbers (`Layer`). The packets of a frame are gathered and go out
together to all who get the layer live (`Sender`); who joins, changes the layer or is told less is served one by one.
Nothing here waits or logs, and nothing is allocated per packet and viewer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from media.rtp.counters import Counters
from media.rtp.delivery import Delivery
from media.rtp.feedback import SenderReport
from media.rtp.lane import NOT_NEGOTIATED, PACKET_OCTETS, REPAIR_OCTETS, Lane, State
from media.rtp.layer import Layer
from media.rtp.outlet import Sender
from media.rtp.packet import RtpPacket
from media.rtp.single import Single
from media.rtp.timeline import Timeline, to_ntp

HOLD_SECONDS = 0.002  # a frame that has not ended waits at most so long for more of its packets
MOST_REPEATS = 64  # how far back a viewer's line is filled with packets he has had


class Timer(Protocol):
    """Something that will be done, unless it is cancelled."""

    def cancel(self) -> None: ...


Hold = Callable[[Callable[[], None]], Timer]  # has a function called in HOLD_SECONDS


class Fanout:
    """A track of a stream, from whoever publishes it now to its lanes."""

    def __init__(
        self, kind: str, clock_rate: int, sender: Sender, single: Single, counters: Counters, hold: Hold
    ) -> None:
        self.kind = kind
        self.codec = ""
        self.timeline = Timeline(clock_rate)
        self.deliveries: dict[str, Delivery] = {}  # by rid, best first
        self._extensions: Mapping[str, int] = {}  # URI -> number, in the publisher's packets
        self._lanes: dict[Lane, Delivery | None] = {}  # in the order in which they came; who serves them now
        self._answers_requests = True
        self._sender = sender
        self._single = single
        self._counters = counters
        self._hold = hold
        self._is_held = False
        self._timer: Timer | None = None

    # -- the publisher's side

    def begin_source(
        self,
        codec: str,
        rids: Iterable[str] = ("",),
        *,
        answers_requests: bool = True,
        extensions: Mapping[str, int] | None = None,
    ) -> None:
        """A publisher begins (again) with this codec and these layers, best first: his numbers are new."""
        for lane in self._lanes:
            self._detach(lane)
        self.flush()
        self.codec = codec
        self._extensions = extensions or {}
        self._answers_requests = answers_requests
        known = self.deliveries
        self.deliveries = {rid: known.get(rid) or self._make_delivery(rid) for rid in rids}
        for delivery in self.deliveries.values():
            delivery.layer.begin(codec, answers_requests)
        for lane in self._lanes:
            self._admit(lane)

    def _make_delivery(self, rid: str) -> Delivery:
        layer = Layer(rid, self.kind, self.timeline, self._counters)
        return Delivery(layer, self._sender, self._single, self._counters)

    def begin_layer(self, rid: str) -> None:
        """One layer's source begins anew: another SSRC."""
        delivery = self.deliveries[rid]
        if not delivery.layer.is_heard:
            return
        moved = [lane for lane, server in self._lanes.items() if server is delivery]
        for lane in moved:
            self._detach(lane)
        delivery.flush(time.monotonic())
        delivery.layer.begin(self.codec, self._answers_requests)
        for lane in moved:
            self._admit(lane)

    def push(self, packet: RtpPacket, wall: float, rid: str = "") -> bool:
        """Forward a packet to every viewer; False for a duplicate or a late one. The packet's numbers change."""
        delivery = self.deliveries[rid]
        layer = delivery.layer
        newest = layer.newest
        if not layer.take(packet, wall):
            return False
        if layer.begins_group(packet):
            self._start_waiting(delivery, packet)
        if packet.sequence <= newest:
            delivery.send_late(packet)
        elif delivery.push(packet):
            if not self._is_held:
                self._is_held = True
                self._timer = self._hold(self._release)
        elif self._is_held and not self._is_gathering:
            self._stop_holding()
        if delivery.catching:
            self._catch_up(delivery)
        return True

    def _start_waiting(self, delivery: Delivery, packet: RtpPacket) -> None:
        for lane in delivery.take_waiting():
            self._detach(lane)
            delivery.go_live(lane, packet.sequence, packet)
            self._lanes[lane] = delivery
        delivery.begin_slides(packet)

    @property
    def _is_gathering(self) -> bool:
        return any(delivery.is_gathering for delivery in self.deliveries.values())

    def _stop_holding(self) -> None:
        """Nearly every frame ends in time; the node need not wake up for what is sent already."""
        self._is_held = False
        if self._timer is not None:
            self._timer.cancel()

    def _release(self) -> None:
        self._is_held = False
        self.flush()

    def flush(self) -> None:
        """Send what is gathered."""
        now = time.monotonic()
        for delivery in self.deliveries.values():
            delivery.flush(now)

    def set_clock(self, rtp_timestamp: int, wall: float, rid: str = "") -> None:
        """The publisher's sender report, with his timestamp and our wall clock."""
        others = (d.layer for r, d in self.deliveries.items() if r != rid)
        is_alone = not any(layer.is_aligned for layer in others)
        self.deliveries[rid].layer.set_clock(rtp_timestamp, wall, is_alone=is_alone)

    # -- the viewers' side

    @property
    def lanes(self) -> int:
        """How many viewers have this track."""
        return len(self._lanes)

    def measure(self, seconds: float) -> None:
        """So much time has passed since the last call: the bitrates of the layers."""
        for delivery in self.deliveries.values():
            delivery.layer.measure(seconds)

    def wanted_keyframes(self, now: float) -> list[str]:
        """The layers of which somebody is waiting for a keyframe."""
        return [rid for rid, d in self.deliveries.items() if d.waiting or d.wants_slide(now)]

    def join(self, lane: Lane) -> None:
        """A viewer is ready: sound at once; pictures from the kept keyframe group or the next keyframe.

        What he is to get stands in `lane.wanted` and `lane.takes_slides`.
        """
        self._lanes[lane] = None
        lane.path.followers.append(lambda: self._moved(lane))
        self._admit(lane)
        delivery = self._lanes[lane]
        if delivery is not None and lane.state is State.CATCHING_UP:
            self._catch_up(delivery)

    def leave(self, lane: Lane) -> None:
        """A viewer is gone."""
        if lane in self._lanes:
            self._detach(lane)
            del self._lanes[lane]

    def want(self, lane: Lane, rid: str | None, *, slides: bool = False, catches_up: bool = False) -> None:
        """He is to get another layer (None: none, or slides of the least one): from its next keyframe on.

        `catches_up`: at once, where the layer's last keyframe group is kept.
        """
        if lane not in self._lanes or (lane.wanted == rid and lane.takes_slides == slides):
            return
        lane.wanted, lane.takes_slides, lane.is_paced = rid, slides, False
        for delivery in self.deliveries.values():
            delivery.waiting.pop(lane, None)
        serving = self._lanes[lane]
        target = self.deliveries.get(rid) if rid is not None else None
        if slides or target is None or serving is None or lane.state is State.SLIDES:
            self._detach(lane)
            self._admit(lane)
        elif target is not serving and catches_up and target.layer.has_group:
            self._detach(lane)
            self._admit(lane)
            self._catch_up(target)
        elif target is not serving:
            target.waiting[lane] = None

    def _admit(self, lane: Lane) -> None:
        """Begin to serve a lane that gets nothing."""
        lane.state = State.MUTED
        if (
            not self.deliveries
            or not lane.choose_codec(self.codec)
            or (lane.wanted is None and not lane.takes_slides)
        ):
            return
        lane.wire = lane.wire_for(self._extensions)
        least = next(reversed(self.deliveries.values()))
        if lane.takes_slides:
            lane.state = State.SLIDES
            lane.slide_timestamp = -1
            least.slides.append(lane)
            self._lanes[lane] = least
            return
        target = self.deliveries.get(lane.wanted or "", least)
        if target.layer.group is None:
            target.go_live(lane, target.layer.newest + 1, None)
            self._lanes[lane] = target
            return
        lane.state = State.WAITING
        started = next((d for d in (target, *self.deliveries.values()) if d.catch_up_from_group(lane)), None)
        self._lanes[lane] = started
        if started is not target:
            target.waiting[lane] = None

    def _detach(self, lane: Lane) -> None:
        for delivery in self.deliveries.values():
            delivery.waiting.pop(lane, None)
        serving = self._lanes[lane]
        if serving is not None:
            serving.detach(lane)
            self._lanes[lane] = None
        lane.finish()

    def _moved(self, lane: Lane) -> None:
        """The viewer is reached elsewhere: by another address, perhaps over another way."""
        if lane not in self._lanes or lane.payload_type == NOT_NEGOTIATED:
            return
        wire = lane.wire_for(self._extensions)
        cohort, serving = lane.cohort, self._lanes[lane]
        if cohort is None or serving is None:
            lane.wire = wire
        elif wire == cohort.wire:
            cohort.readdress(lane.row)
        else:
            span = lane.span
            serving.detach(lane)
            lane.wire = wire
            if span is not None:
                serving.attach(lane, span)

    def _catch_up(self, delivery: Delivery) -> None:
        for lane in delivery.catch_up():  # a new keyframe: what is left of the old group is of no use
            is_waiting_elsewhere = [d for d in self.deliveries.values() if lane in d.waiting]
            self._detach(lane)
            lane.is_paced = False
            self._admit(lane)
            for other in is_waiting_elsewhere:
                if self._lanes[lane] is not other:
                    other.waiting[lane] = None

    def send_next(self, lane: Lane) -> int:
        """The next packet of the kept group to a lane that is paced, or, if he has them all, one of them again.

        Answers its octets, 0 when there is none.
        """
        serving, now = self._lanes.get(lane), time.monotonic()
        if serving is None:
            return 0
        if lane.state is State.CATCHING_UP:
            return serving.send_next(lane, now)
        span = lane.span
        if lane.rtx_payload_type is None or lane.state is not State.LIVE or span is None:
            return 0
        packet = max(span.newest(MOST_REPEATS), key=lambda kept: len(kept.payload), default=None)
        if packet is None:
            return 0
        self._counters.packets_probing += 1
        self._single.resend(lane, span, packet, now)
        return len(packet.payload)

    # -- repair and reports

    def resend(self, lane: Lane, sequences: Iterable[int]) -> None:
        """Answer a viewer's NACK from the history."""
        now = time.monotonic()
        for wanted in sequences:
            if lane.repair_left <= 0:
                self._counters.dropped_resend_limit += 1
                continue
            found = lane.find(wanted)
            if found is None:
                continue
            packet, span = found
            # On a thin line what is missing of the layer before would only delay the one that he gets now.
            if span is not lane.span and lane.repair_left <= REPAIR_OCTETS // 2:
                self._counters.dropped_resend_limit += 1
                continue
            lane.repair_left -= PACKET_OCTETS + len(packet.payload)
            self._counters.packets_resent += 1
            self._single.resend(lane, span, packet, now)

    def repeat(self, lane: Lane, octets: int) -> int:
        """Send a viewer up to so many octets of what he was sent last once more, over RTX; answers how many went."""
        span, sent = lane.span, 0
        if lane.rtx_payload_type is None or lane.state is not State.LIVE or span is None:
            return 0
        now = time.monotonic()
        for packet in span.newest(MOST_REPEATS):
            if sent + len(packet.payload) > octets:
                break
            sent += len(packet.payload)
            self._counters.packets_probing += 1
            self._single.resend(lane, span, packet, now)
        return sent

    def report_for(self, lane: Lane, wall: float) -> tuple[SenderReport, int, int] | None:
        """What a sender report to this viewer says now, with packets and octets sent."""
        timestamp = self.timeline.at(wall)
        if timestamp is None or lane.layer is None or lane.span is None:
            return None
        report = SenderReport(lane.ssrc, to_ntp(wall), timestamp + lane.span.time_shift & 0xFFFFFFFF)
        packets, octets = lane.totals()
        return report, packets, octets
