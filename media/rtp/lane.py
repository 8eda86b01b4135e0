"""One viewer's copy of one track: which layer he is on, and how the track's numbers become his."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from media.rtp.layer import Layer
from media.rtp.outlet import Cohort, Wire
from media.rtp.packet import RtpPacket
from media.rtp.path import Path
from media.rtp.seq import distance, time_distance
from media.rtp.vp8 import ABSENT, LONG


class State(Enum):
    """How a viewer gets a track now."""

    MUTED = "muted"  # not at all: he can't decode it, or wants none
    WAITING = "waiting"  # for a keyframe
    CATCHING_UP = "catching up"  # the kept keyframe group, in fast motion
    LIVE = "live"  # each packet as it comes
    SLIDES = "slides"  # keyframes, as far as his allowance goes


SERVED = frozenset((State.LIVE, State.CATCHING_UP, State.SLIDES))
CATCH_UP_SPEED = 50  # the kept group is shown this much faster than it was filmed: 2 s in 40 ms
REPAIR_OCTETS = 60_000  # per second, for packets that he asks for again, as long as nothing is known of his line
PACKET_OCTETS = 60  # what a packet costs beside its payload: headers, protection
NOT_NEGOTIATED = -1
NO_WIRE = Wire(-1, 0, NOT_NEGOTIATED, 0, (), b"", 0, 0)


@dataclass(frozen=True, slots=True)
class LaneOptions:
    """What was negotiated with a viewer for one track."""

    codecs: Mapping[str, tuple[int, int | None]]  # codec name -> payload type, payload type of its RTX
    overhead: int = 16  # bytes that protection adds
    send_time_id: int = 0  # number of the header extension abs-send-time; 0: none
    extensions: Mapping[str, int] = field(default_factory=dict)  # URI -> number, of those that are passed on
    constant_id: int = 0  # number of an extension that all packets carry (rid, to another node); 0: none
    constant: bytes = b""


class Span:
    """Packets of one layer from `first` on, sent with the same shifts. `end`: after the last; None while live."""

    __slots__ = (
        "base_shift",
        "end",
        "first",
        "join_sequence",
        "join_timestamp",
        "layer",
        "picture_shift",
        "shift",
        "time_shift",
    )

    def __init__(self, layer: Layer, first: int, shift: int) -> None:
        self.layer = layer
        self.first = first
        self.end: int | None = first
        self.shift = shift
        self.time_shift = 0
        self.picture_shift = 0
        self.base_shift = 0
        self.join_sequence = 0  # up to this number of the layer pictures are shown in fast motion
        self.join_timestamp = 0

    def timestamp_of(self, packet: RtpPacket) -> int:
        """Pictures from before the viewer came are pressed into a short time, else he would lag by as much."""
        behind = time_distance(self.join_timestamp, packet.timestamp)
        is_fast = packet.sequence <= self.join_sequence and behind > 0
        own = self.join_timestamp - behind // CATCH_UP_SPEED if is_fast else packet.timestamp
        return own + self.time_shift & 0xFFFFFFFF

    def find(self, wanted: int) -> RtpPacket | None:
        """The packet that was sent under this 16-bit number, if it is still kept."""
        end = self.layer.newest + 1 if self.end is None else self.end
        newest = end - 1 + self.shift
        own = newest + distance(wanted, newest & 0xFFFF) - self.shift
        return self.layer.history.get(own) if self.first <= own < end else None

    def newest(self, most: int) -> Iterator[RtpPacket]:
        """What was sent last while this is live, as far as it is kept, newest first; at most so many and one."""
        newest = self.layer.newest
        for number in range(newest, max(self.first, newest - most) - 1, -1):
            packet = self.layer.history.get(number)
            if packet is not None:
                yield packet


class Lane:
    """The state of one viewer in one track; `Fanout` moves it, the viewer's session reads it."""

    __slots__ = (
        "_after_base",
        "_after_picture",
        "_after_timestamp",
        "before",
        "cohort",
        "context",
        "is_paced",
        "next_sequence",
        "octets_before",
        "octets_done",
        "options",
        "packets_before",
        "packets_done",
        "path",
        "payload_type",
        "place",
        "repair_left",
        "row",
        "rtx_payload_type",
        "rtx_sequence",
        "rtx_ssrc",
        "serial",
        "slide_credit",
        "slide_timestamp",
        "span",
        "ssrc",
        "state",
        "takes_slides",
        "wanted",
        "wire",
    )

    def __init__(self, ssrc: int, rtx_ssrc: int, options: LaneOptions, path: Path, context: Any) -> None:
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.options = options
        self.path = path
        self.context = context
        self.payload_type = NOT_NEGOTIATED
        self.rtx_payload_type: int | None = None
        self.rtx_sequence = random.randrange(1, 0x4000)
        # Low at first: a wrap while the first packets are reordered would set the receiver's SRTP roll-over wrong.
        self.next_sequence = random.randrange(1, 0x4000)
        self.state = State.MUTED
        self.wanted: str | None = ""  # rid of the layer that the viewer is to get; None: none
        self.takes_slides = False
        self.wire = NO_WIRE
        self.span: Span | None = None  # what he gets now
        self.before: Span | None = None  # what he got before, for packets that he still misses of it
        self.cohort: Cohort | None = None  # with `row`: among those who get each packet as it comes
        self.row = 0
        self.is_paced = False  # the kept group goes to him piece by piece (`Fanout.send_next`)
        self.place = 0
        self.serial = 0
        self.slide_credit = 0.0  # bits that he may still be sent as slides
        self.slide_timestamp = -1
        self.repair_left = REPAIR_OCTETS  # what he may still be sent again within this second
        self.packets_before = 0
        self.octets_before = 0
        self.packets_done = 0
        self.octets_done = 0
        self._after_timestamp: int | None = None
        self._after_picture: int | None = None
        self._after_base: int | None = None

    def choose_codec(self, codec: str) -> bool:
        """The track is in this codec now; whether the viewer can have it."""
        before = self.payload_type
        self.payload_type, self.rtx_payload_type = self.options.codecs.get(codec, (NOT_NEGOTIATED, None))
        if before != self.payload_type:
            self.span = self.before = None  # their packets must not go out again under the number of another codec
        return self.payload_type != NOT_NEGOTIATED

    def wire_for(self, published: Mapping[str, int]) -> Wire:
        """What his copies have in common with those of others; `published`: URI -> number of the publisher's."""
        options = self.options
        pairs = tuple((published[uri], number) for uri, number in options.extensions.items() if uri in published)
        way = self.path.way
        return Wire(
            descriptor=way.fd,
            family=way.family,
            payload_type=self.payload_type,
            send_time_id=options.send_time_id,
            extensions=pairs,
            constant=options.constant,
            constant_id=options.constant_id,
            overhead=options.overhead,
        )

    @property
    def layer(self) -> Layer | None:
        """The layer that he gets now."""
        return self.span.layer if self.span is not None and self.state in SERVED else None

    def begin(self, layer: Layer, first: int, packet: RtpPacket | None, state: State) -> Span:
        """From the layer's number `first` on; everything goes on without a step from what he was sent before.

        `packet`: the one of that number, where it is there already and its other numbers matter (pictures).
        """
        self.finish()
        span = Span(layer, first, self.next_sequence - first)
        if state is State.CATCHING_UP:
            span.join_sequence, span.join_timestamp = layer.newest, layer.newest_timestamp
        if packet is not None:
            self._go_on(span, packet)
        if state is State.LIVE:
            span.end = None
        self.span, self.state = span, state
        self.packets_before, self.octets_before = layer.packets, layer.octets
        return span

    def _go_on(self, span: Span, packet: RtpPacket) -> None:
        if self._after_timestamp is not None:
            gap = time_distance(span.timestamp_of(packet), self._after_timestamp)
            span.time_shift = 0 if gap > 0 else 1 - gap
        numbers = span.layer.numbers_of(packet)
        if self._after_picture is not None and numbers.picture_at != ABSENT:
            span.picture_shift = self._after_picture + 1 - numbers.picture & LONG
        if self._after_base is not None and numbers.base_at != ABSENT:
            span.base_shift = self._after_base + 1 - numbers.base & 0xFF

    def finish(self) -> None:
        """What he gets now ends here."""
        span, layer = self.span, self.layer
        self.packets_done, self.octets_done = self.totals()
        self.state = State.WAITING
        if span is None or layer is None:
            return
        if span.end is None:
            span.end = max(layer.newest + 1, span.first)
        if span.end == span.first:
            return
        self.before = span
        self.next_sequence = span.end + span.shift
        last = layer.history.get(span.end - 1)
        shown = layer.newest_timestamp + span.time_shift & 0xFFFFFFFF
        self._after_timestamp = shown if last is None else span.timestamp_of(last)
        numbers = layer.numbers if last is None else layer.numbers_of(last)
        if numbers.picture_at != ABSENT:
            self._after_picture = numbers.picture + span.picture_shift & numbers.picture_mask
        if numbers.base_at != ABSENT:
            self._after_base = numbers.base + span.base_shift & 0xFF

    @property
    def newest_sent(self) -> int | None:
        """The newest number that he was sent; None while he gets nothing."""
        span = self.span
        if span is None or self.state not in SERVED:
            return None
        return (span.layer.newest if span.end is None else span.end - 1) + span.shift & 0xFFFF

    def allow_slides(self, bits: float) -> None:
        """Another second's allowance of bits; what was not used is not saved up."""
        self.slide_credit = min(self.slide_credit + bits, 0.0)

    def totals(self) -> tuple[int, int]:
        """Packets and payload octets that he was sent, for sender reports."""
        layer = self.layer
        if layer is None or self.state is State.SLIDES:  # slides are counted as they go
            return self.packets_done, self.octets_done
        packets = self.packets_done + layer.packets - self.packets_before
        return packets, self.octets_done + layer.octets - self.octets_before

    def find(self, wanted: int) -> tuple[RtpPacket, Span] | None:
        """The packet that he was sent under this number, and with which shifts."""
        for span in (self.span, self.before):
            packet = span.find(wanted) if span is not None else None
            if packet is not None and span is not None:
                return packet, span
        return None
