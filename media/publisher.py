"""A session that publishes: its packets go into the stream, our feedback (NACK, PLI, REMB, reports) goes back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Protocol

from config.logs import logger
from media.answer import ChosenMedia, Published, profile_rank
from media.glue import SrtpKeys
from media.rtp import feedback
from media.rtp.counters import Counters
from media.rtp.packet import RtpPacket, open_rtx, parse_rtp
from media.rtp.reception import BandwidthEstimate, Reception
from media.rtp.seq import time_distance
from media.rtp.timeline import PublisherClock
from media.session import Ending, Session

SOURCE_SILENT_SECONDS = 1.0  # a second SSRC under the same payload type takes over only from a silent one
REPORT_INTERVAL_SECONDS = 1.0
log = logger(__name__)


class Sink(Protocol):
    """The stream, as far as its publisher is concerned."""

    def publisher_connected(self, publisher: Publisher) -> None: ...
    def source_began(self, publisher: Publisher, track: InboundTrack) -> None: ...
    def media(self, track: InboundTrack, packet: RtpPacket, data: bytes, wall: float) -> None: ...
    def clock_report(self, track: InboundTrack, ntp: int, rtp_timestamp: int, wall: float) -> None: ...
    def publisher_gone(self, publisher: Publisher, reason: Ending) -> None: ...


class InboundTrack:
    """What a publisher sends of one kind."""

    __slots__ = (
        "_last",
        "can_nack",
        "can_pli",
        "can_remb",
        "channels",
        "clock_rate",
        "codec",
        "has_b_frames",
        "heard_at",
        "kind",
        "payload_type",
        "profile_rank",
        "reception",
        "rtx_payload_type",
        "ssrc",
    )

    def __init__(self, media: ChosenMedia) -> None:
        chosen = media.codecs[0]
        codec = chosen.codec
        self.kind = media.offer.kind
        self.codec = chosen.name
        self.payload_type = codec.payload_type
        self.rtx_payload_type = chosen.rtx_payload_type
        self.clock_rate = codec.clock_rate
        self.channels = codec.channels
        self.profile_rank = profile_rank(codec)
        self.can_nack = "nack" in codec.feedback
        self.can_pli = "nack pli" in codec.feedback
        self.can_remb = "goog-remb" in codec.feedback
        self.ssrc = -1
        self.has_b_frames = False
        self.heard_at = float("-inf")
        self.reception = Reception(0, self.clock_rate)
        self._last: tuple[int, int] | None = None

    def forget_order(self) -> None:
        """Another source begins."""
        self._last = None

    def goes_back(self, packet: RtpPacket) -> bool:
        """Whether time runs backwards between two packets that follow each other: pictures that are shown earlier."""
        last = self._last
        self._last = (packet.sequence, packet.timestamp)
        if last is None or packet.sequence != (last[0] + 1) & 0xFFFF:
            return False
        return time_distance(packet.timestamp, last[1]) < 0

    def published(self) -> Published:
        """What viewers must be able to decode."""
        return Published(self.codec, self.profile_rank)


class Publisher:
    """The owner of a publishing session."""

    def __init__(self, session: Session, chosen: Sequence[ChosenMedia], sink: Sink, counters: Counters) -> None:
        self.session = session
        self.tracks = [InboundTrack(media) for media in chosen if media.codecs]
        self.media_at: float | None = None
        self.clock = PublisherClock()
        self.estimate = BandwidthEstimate()
        self._sink = sink
        self._counters = counters
        self._ssrc = secrets.randbits(32) | 1
        self._by_payload_type: dict[int, InboundTrack] = {}
        for track in self.tracks:
            self._by_payload_type[track.payload_type] = track
            if track.rtx_payload_type is not None:
                self._by_payload_type[track.rtx_payload_type] = track
        self._reported_at = 0.0
        session.owner = self

    def track(self, kind: str) -> InboundTrack | None:
        """The track of this kind, if there is one."""
        return next((t for t in self.tracks if t.kind == kind), None)

    @property
    def alive_at(self) -> float:
        """When the publisher was last heard of: media proves life as well as a check does."""
        return max(self.session.consent_at, self.media_at or 0.0)

    # -- called by the session

    def connected(self, keys: SrtpKeys) -> None:
        """ICE and DTLS are up."""
        self._sink.publisher_connected(self)

    def receive_rtp(self, packet: bytes) -> None:
        """A plain packet: media or a retransmission."""
        try:
            parsed = parse_rtp(packet)
        except ValueError:
            self._counters.dropped_bad_rtp += 1
            return
        track = self._by_payload_type.get(parsed.payload_type)
        if track is None:
            self._counters.dropped_not_negotiated += 1
            return
        if parsed.payload_type != track.rtx_payload_type:
            self._take(track, parsed, packet)
        elif track.ssrc >= 0:
            opened = open_rtx(parsed, track.ssrc, track.payload_type)
            if opened is not None:
                self._take(track, opened, bytes(opened))

    def _take(self, track: InboundTrack, parsed: RtpPacket, packet: bytes) -> None:
        now = time.monotonic()
        if parsed.ssrc != track.ssrc and not self._begin_source(track, parsed.ssrc, now):
            self._counters.dropped_not_negotiated += 1
            return
        track.heard_at = self.media_at = now
        if track.codec == "H264" and not track.has_b_frames and track.goes_back(parsed):
            track.has_b_frames = True
            log.warning("publisher sends B-frames, which browsers do not play", session=self.session.id)
        if track.reception.arrived(parsed.sequence, parsed.timestamp, now) and track.can_nack:
            self._send_nack(track, now)
        self._sink.media(track, parsed, packet, time.time())

    def receive_rtcp(self, packet: bytes) -> None:
        """Sender reports are what we need; the rest is skipped."""
        try:
            found = feedback.parse_rtcp(packet)
        except ValueError:
            self._counters.dropped_bad_rtcp += 1
            return
        for item in found:
            if isinstance(item, feedback.SenderReport):
                track = next((t for t in self.tracks if t.ssrc == item.ssrc), None)
                if track is not None:
                    track.reception.heard_report(item.ntp, time.monotonic())
                    wall = self.clock.ours(item.ntp, time.time())
                    self._sink.clock_report(track, item.ntp, item.rtp_timestamp, wall)

    def farewell(self) -> bytes:
        """A publisher receives nothing from us that could end."""
        return b""

    def ended(self, reason: Ending) -> None:
        """The session is over."""
        self._sink.publisher_gone(self, reason)

    # -- feedback

    def _begin_source(self, track: InboundTrack, ssrc: int, now: float) -> bool:
        if now - track.heard_at < SOURCE_SILENT_SECONDS:
            return False
        track.ssrc = ssrc
        track.reception = Reception(ssrc, track.clock_rate)
        track.forget_order()
        self._sink.source_began(self, track)
        return True

    def _send_nack(self, track: InboundTrack, now: float) -> None:
        lost = track.reception.due(now)
        if lost:
            self._counters.nacks_out += 1
            self._counters.packets_lost_in += len(lost)
            self.session.send_rtcp(
                feedback.receiver_report(self._ssrc, ()) + feedback.nack(self._ssrc, track.ssrc, sorted(lost))
            )

    def request_keyframe(self) -> bool:
        """Send a PLI; False when the publisher has no picture or can't be asked."""
        track = self.track("video")
        if track is None or not track.can_pli or track.ssrc < 0:
            return False
        self._counters.keyframe_requests += 1
        self.session.send_rtcp(
            feedback.receiver_report(self._ssrc, ()) + feedback.picture_loss(self._ssrc, track.ssrc)
        )
        return True

    def tick(self, now: float) -> None:
        """Several times a second: ask again for what is missing; once a second: reports and the estimate."""
        for track in self.tracks:
            if track.can_nack and track.ssrc >= 0:
                self._send_nack(track, now)
        if now - self._reported_at >= REPORT_INTERVAL_SECONDS:
            self._reported_at = now
            self._send_reports(now)

    def _send_reports(self, now: float) -> None:
        heard = [track for track in self.tracks if track.ssrc >= 0]
        if not heard:
            return
        packet = feedback.receiver_report(self._ssrc, [t.reception.report(now) for t in heard])
        estimate = self.estimate.update(max(t.reception.fraction_lost for t in heard))
        if any(track.can_remb for track in heard):
            packet += feedback.bandwidth(self._ssrc, estimate, [t.ssrc for t in heard])
        self.session.send_rtcp(packet)
