"""A session that plays: its lanes in the stream's tracks, and what the viewer asks for (packets again, keyframes)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from media.answer import ChosenMedia, SendingTrack
from media.glue import SrtpKeys
from media.rtp import feedback
from media.rtp.choice import MAIN_RID, Choice
from media.rtp.counters import Counters
from media.rtp.fanout import Fanout
from media.rtp.lane import RESENDS_PER_SECOND, Lane, LaneOptions
from media.session import Ending, Session

CNAME = b"dongting"  # one for sound and picture: players keep what has the same name together


class Source(Protocol):
    """The stream, as far as a viewer is concerned."""

    @property
    def tracks(self) -> Mapping[str, Fanout]: ...
    def request_keyframe(self) -> None: ...
    def viewer_gone(self, viewer: Viewer) -> None: ...


class Viewer:
    """The owner of a playing session."""

    def __init__(self, session: Session, chosen: Sequence[ChosenMedia], source: Source, counters: Counters) -> None:
        self.session = session
        self.sending: dict[str, SendingTrack] = {}
        self.lanes: dict[str, Lane] = {}
        self.bandwidth = 0
        self.fraction_lost = 0.0
        self.choice = Choice()
        self._keys: SrtpKeys | None = None
        self._source = source
        self._counters = counters
        self._chosen = [media for media in chosen if media.codecs]
        for media in self._chosen:
            self.sending[media.offer.kind] = SendingTrack(secrets.randbits(31) | 1, secrets.randbits(31) & ~1)
        session.owner = self

    def choose(self, choice: Choice) -> None:
        """From now on the viewer wants this."""
        self.choice = choice

    @property
    def selected(self) -> str:
        """The rid of the layer that the viewer gets now; "" when he gets no pictures."""
        return MAIN_RID if "video" in self.lanes else ""

    # -- called by the session

    def connected(self, keys: SrtpKeys) -> None:
        """ICE and DTLS are up: join the tracks."""
        self._keys = keys  # the lanes point into it
        for media in self._chosen:
            kind = media.offer.kind
            track = self.sending[kind]
            codecs = {c.name: (c.codec.payload_type, c.rtx_payload_type) for c in media.codecs}
            options = LaneOptions(codecs, keys.overhead)
            lane = Lane(track.ssrc, track.rtx_ssrc, options, self.session.path, keys.outbound)
            self.lanes[kind] = lane
            self._source.tracks[kind].join(lane)
        if any(self._source.tracks[kind].wanted_keyframes(time.monotonic()) for kind in self.lanes):
            self._source.request_keyframe()

    def receive_rtp(self, packet: bytes) -> None:
        """A viewer has nothing to send."""
        self._counters.dropped_not_negotiated += 1

    def receive_rtcp(self, packet: bytes) -> None:
        """What the viewer's player reports and asks for."""
        try:
            found = feedback.parse_rtcp(packet)
        except ValueError:
            self._counters.dropped_bad_rtcp += 1
            return
        for item in found:
            if isinstance(item, feedback.Lost):
                self._resend(item)
            elif isinstance(item, feedback.KeyframeWanted):
                self._source.request_keyframe()
            elif isinstance(item, feedback.ReportBlock):
                self.fraction_lost = item.fraction_lost / 256
            elif isinstance(item, feedback.Bandwidth):
                self.bandwidth = item.bits_per_second

    def _resend(self, lost: feedback.Lost) -> None:
        self._counters.nacks_in += 1
        for kind, lane in self.lanes.items():
            if lane.ssrc == lost.ssrc:
                self._source.tracks[kind].resend(lane, lost.sequences)

    def farewell(self) -> bytes:
        """BYE for our sources, so that a player knows at once."""
        if not self.sending:
            return b""
        ssrcs = [track.ssrc for track in self.sending.values()]
        return feedback.receiver_report(ssrcs[0], ()) + feedback.goodbye(ssrcs)

    def ended(self, reason: Ending) -> None:
        """The session is over: leave the tracks."""
        for kind, lane in self.lanes.items():
            self._source.tracks[kind].leave(lane)
        self.lanes = {}
        self._source.viewer_gone(self)

    def tick(self, wall: float) -> None:
        """Once a second: sender reports, and a new allowance of repeated packets."""
        for kind, lane in self.lanes.items():
            lane.resends_left = RESENDS_PER_SECOND
            told = self._source.tracks[kind].report_for(lane, wall)
            if told is not None:
                self.session.send_rtcp(feedback.sender_report(*told) + feedback.source_name(lane.ssrc, CNAME))
