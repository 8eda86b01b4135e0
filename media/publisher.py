"""A session that publishes: its packets go into the stream, our feedback goes back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Protocol

from config.logs import logger
from media.answer import ChosenMedia
from media.glue import SrtpKeys
from media.inbound import Encoding, InboundTrack
from media.rtp import feedback
from media.rtp.counters import Counters
from media.rtp.extension import parse_extensions
from media.rtp.packet import RtpPacket, open_rtx, parse_rtp
from media.rtp.reception import BandwidthEstimate, Reception
from media.rtp.timeline import PublisherClock
from media.rtp.transport_feedback import FEEDBACK_INTERVAL_SECONDS, TransportFeedback
from media.session import Ending, Session

SOURCE_SILENT_SECONDS = 1.0  # a second SSRC under the same payload type takes over only from a silent one
REPORT_INTERVAL_SECONDS = 1.0
log = logger(__name__)


class Sink(Protocol):
    """The stream, as far as its publisher is concerned."""

    def publisher_connected(self, publisher: Publisher) -> None: ...
    def source_began(self, publisher: Publisher, track: InboundTrack, rid: str) -> None: ...
    def media(self, track: InboundTrack, rid: str, packet: RtpPacket, wall: float) -> None: ...
    def clock_report(self, track: InboundTrack, rid: str, ntp: int, rtp_timestamp: int, wall: float) -> None: ...
    def publisher_gone(self, publisher: Publisher, reason: Ending) -> None: ...


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
        self._transport = TransportFeedback()
        self._transport_at = 0.0
        self._reported_at = 0.0
        session.owner = self

    def track(self, kind: str) -> InboundTrack | None:
        """The track of this kind, if there is one."""
        return next((t for t in self.tracks if t.kind == kind), None)

    @property
    def alive_at(self) -> float:
        """When the publisher was last heard of: media proves life as well as a check does."""
        return max(self.session.consent_at, self.media_at or 0.0)

    @property
    def fraction_lost(self) -> float:
        """Of his packets in the interval before the last report, on the worst track."""
        return max((e.reception.fraction_lost for t in self.tracks for e in t.heard), default=0.0)

    @property
    def has_b_frames(self) -> bool:
        """Whether he sends pictures that browsers do not play."""
        return any(e.has_b_frames for t in self.tracks for e in t.heard)

    # -- called by the session

    def connected(self, keys: SrtpKeys) -> None:
        """ICE and DTLS are up."""
        self._sink.publisher_connected(self)

    def receive_rtp(self, packet: bytes) -> None:
        """A plain packet: media or a retransmission."""
        try:
            parsed = parse_rtp(packet)
            elements = parse_extensions(parsed.extension) if parsed.extension else {}
        except ValueError:
            self._counters.dropped_bad_rtp += 1
            return
        track = self._by_payload_type.get(parsed.payload_type)
        if track is None:
            self._counters.dropped_not_negotiated += 1
            return
        now = time.monotonic()
        number = elements.get(track.transport_id)
        if number is not None and len(number) == 2:
            self._transport.arrived(int.from_bytes(number, "big"), now)
        if parsed.payload_type != track.rtx_payload_type:
            self._take(track, track.encoding_of(parsed.ssrc, elements), parsed, now)
            return
        encoding = track.repaired_encoding_of(parsed.ssrc, elements)
        if encoding is not None and encoding.ssrc >= 0:
            opened = open_rtx(parsed, encoding.ssrc, track.payload_type)
            if opened is not None:
                self._take(track, encoding, opened, now)

    def _take(self, track: InboundTrack, encoding: Encoding | None, parsed: RtpPacket, now: float) -> None:
        if encoding is None or (
            parsed.ssrc != encoding.ssrc and not self._begin_source(track, encoding, parsed.ssrc, now)
        ):
            self._counters.dropped_not_negotiated += 1
            return
        encoding.heard_at = self.media_at = now
        if track.codec == "H264" and not encoding.has_b_frames and encoding.goes_back(parsed):
            encoding.has_b_frames = True
            log.warning("publisher sends B-frames, which browsers do not play", session=self.session.id)
        if encoding.reception.arrived(parsed.sequence, parsed.timestamp, now) and track.can_nack:
            self._send_nack(encoding, now)
        self._sink.media(track, encoding.rid, parsed, time.time())

    def receive_rtcp(self, packet: bytes) -> None:
        """Sender reports are what we need; the rest is skipped."""
        try:
            found = feedback.parse_rtcp(packet)
        except ValueError:
            self._counters.dropped_bad_rtcp += 1
            return
        for item in found:
            if isinstance(item, feedback.SenderReport):
                self._heard_report(item)

    def _heard_report(self, report: feedback.SenderReport) -> None:
        for track in self.tracks:
            for encoding in track.heard:
                if encoding.ssrc == report.ssrc:
                    encoding.reception.heard_report(report.ntp, time.monotonic())
                    wall = self.clock.ours(report.ntp, time.time())
                    self._sink.clock_report(track, encoding.rid, report.ntp, report.rtp_timestamp, wall)
                    return

    def farewell(self) -> bytes:
        """A publisher receives nothing from us that could end."""
        return b""

    def ended(self, reason: Ending) -> None:
        """The session is over."""
        self._sink.publisher_gone(self, reason)

    # -- feedback

    def _begin_source(self, track: InboundTrack, encoding: Encoding, ssrc: int, now: float) -> bool:
        if now - encoding.heard_at < SOURCE_SILENT_SECONDS:
            return False
        encoding.begin(ssrc, Reception(ssrc, track.clock_rate))
        self._sink.source_began(self, track, encoding.rid)
        return True

    def _send_nack(self, encoding: Encoding, now: float) -> None:
        lost = encoding.reception.due(now)
        if lost:
            self._counters.nacks_out += 1
            self._counters.packets_lost_in += len(lost)
            self._tell(feedback.nack(self._ssrc, encoding.ssrc, sorted(lost)))

    def request_keyframe(self, rid: str = "") -> bool:
        """Send a PLI about one encoding; False when there is none or it can't be asked for."""
        track = self.track("video")
        encoding = track.encodings.get(rid) if track is not None else None
        if track is None or encoding is None or not track.can_pli or encoding.ssrc < 0:
            return False
        self._counters.keyframe_requests += 1
        self._tell(feedback.picture_loss(self._ssrc, encoding.ssrc))
        return True

    def _tell(self, more: bytes) -> None:
        self.session.send_rtcp(feedback.compound(self._ssrc, (), more))

    def tick(self, now: float) -> None:
        """Several times a second: ask again for what is missing, and say what came; once a second: reports."""
        for track in self.tracks:
            for encoding in track.heard:
                if track.can_nack:
                    self._send_nack(encoding, now)
        if now - self._transport_at >= FEEDBACK_INTERVAL_SECONDS:
            self._transport_at = now
            self._send_transport_feedback()
        if now - self._reported_at >= REPORT_INTERVAL_SECONDS:
            self._reported_at = now
            self._send_reports(now)

    def _send_transport_feedback(self) -> None:
        source = next((e.ssrc for t in self.tracks for e in t.heard), None)
        packet = self._transport.report(self._ssrc, source) if source is not None else None
        if packet is not None:
            self._tell(packet)

    def _send_reports(self, now: float) -> None:
        heard = [encoding for track in self.tracks for encoding in track.heard]
        if not heard:
            return
        blocks = [encoding.reception.report(now) for encoding in heard]
        estimate = self.estimate.update(self.fraction_lost)
        can_remb = any(track.can_remb for track in self.tracks)
        more = feedback.bandwidth(self._ssrc, estimate, [e.ssrc for e in heard]) if can_remb else b""
        self.session.send_rtcp(feedback.compound(self._ssrc, blocks, more))
