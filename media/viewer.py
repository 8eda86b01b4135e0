"""A session that plays: its lanes in the stream's tracks, which layer he gets, and what he asks for again."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from media.answer import PASSED_ON, ChosenMedia, SendingTrack
from media.glue import SrtpKeys
from media.rtp import extension, feedback
from media.rtp.adaptation import BAD_LOSS, FINE_LOSS, Adaptation
from media.rtp.choice import MAIN_RID, Choice, LayerState, Mode
from media.rtp.counters import Counters
from media.rtp.fanout import Fanout
from media.rtp.lane import REPAIR_OCTETS, Lane, LaneOptions, State
from media.rtp.loss import LossMeter
from media.rtp.opening import Opening
from media.rtp.seq import distance
from media.rtp.timeline import to_ntp
from media.session import Ending, Session

SLIDES_BITS_PER_SECOND = 60_000  # sound and pictures together
LEAST_SLIDE_BITS = 8_000  # per second, when the sound alone needs nearly everything
STALLING_SECONDS = 10.0  # a sign of trouble counts for so long
START_SECONDS = 3.0  # a keyframe asked for so soon belongs to the beginning
MOST_REPAIR_OCTETS = 500_000  # per second; who asks for more is not helped by more
FIRST_REPORTS = 3  # sender reports at each of the first seconds, so that sound and picture find together
REPORT_TICKS = 3  # and then every so many seconds (RFC 3550 asks for about five)
LAG_TICKS = 2  # reports that are so many seconds behind what was sent


class Source(Protocol):
    """The stream, as far as a viewer is concerned."""

    @property
    def tracks(self) -> Mapping[str, Fanout]: ...
    def layers(self) -> tuple[LayerState, ...]: ...
    def request_keyframe(self, rid: str) -> None: ...
    def viewer_gone(self, viewer: Viewer) -> None: ...


@dataclass(slots=True)
class Placed:
    """A lane in its track. `is_copy`: it stays on one layer, since another node takes all of them."""

    fanout: Fanout
    lane: Lane
    is_copy: bool
    sent: deque[int]  # his newest numbers at the last ticks
    loss: LossMeter

    @property
    def is_video(self) -> bool:
        return self.fanout.kind == "video"


class Viewer:
    """The owner of a playing session."""

    def __init__(self, session: Session, chosen: Sequence[ChosenMedia], source: Source, counters: Counters) -> None:
        self.session = session
        self.sending: dict[str, SendingTrack] = {}
        self.choice = Choice()
        self.rtt_seconds = 0.0  # 0: not known
        self.nacks = 0
        self.bits_per_second = 0
        self._adaptation = Adaptation()
        self.placed: list[Placed] = []
        self._keys: SrtpKeys | None = None
        self._next_piece: asyncio.TimerHandle | None = None  # of his first second
        self._source = source
        self._counters = counters
        self._chosen = [media for media in chosen if media.codecs]
        self._connected_at = 0.0
        self._troubled_at = float("-inf")
        self._octets_before = 0
        self._ticks = 0
        lines = (n for n, media in enumerate(chosen) if media.codecs and media.offer.kind == "video")
        self.video_line = next(lines, None)  # which m-line of the offer the pictures are; None: he takes none
        for media in self._chosen:
            self.sending[media.offer.kind] = SendingTrack(secrets.randbits(31) | 1, secrets.randbits(31) & ~1)
        session.owner = self

    # -- what he wants

    def choose(self, choice: Choice) -> None:
        """From now on the viewer wants this."""
        self.choice = choice
        self._adapt(time.monotonic())

    @property
    def selected(self) -> str:
        """The rid of the layer that the viewer gets now; "" when he gets no pictures."""
        layers = (p.lane.layer for p in self.placed if p.is_video)
        return next((layer.rid or MAIN_RID for layer in layers if layer is not None), "")

    @property
    def fraction_lost(self) -> float:
        """Of his packets, lately, before repair; the worst of his tracks."""
        now = time.monotonic()
        return max((placed.loss.share(now) for placed in self.placed), default=0.0)

    def layers_changed(self, now: float) -> None:
        """The publisher sends other layers than before. A node that takes all of them has to ask anew for others."""
        published = tuple(rid for rid in self._source.tracks["video"].deliveries if rid)
        if any(media.offer.rids and media.rids != published for media in self._chosen):
            self.session.end(Ending.REPLACED)
        self._adapt(now)

    def _adapt(self, now: float) -> None:
        for placed in self.placed:
            if not placed.is_video or placed.is_copy:
                continue
            self._adaptation.can_probe = placed.lane.rtx_payload_type is not None
            if self._has_what_there_is(placed):
                self._adaptation.rest()
            else:
                rid, slides = self._wanted(placed.lane.wanted, now)
                if (rid, slides) != (placed.lane.wanted, placed.lane.takes_slides):
                    placed.fanout.want(placed.lane, rid, slides=slides, catches_up=self._adaptation.catches_up)
                    self._ask_for_pictures(placed.fanout, now)

    def _has_what_there_is(self, placed: Placed) -> bool:
        """Most streams have one layer, and their viewers no other wish: nothing to weigh."""
        wants_pictures = self.choice.mode in (Mode.AUTO, Mode.LAYER)
        layers, lane = placed.fanout.deliveries, placed.lane
        return wants_pictures and len(layers) == 1 and lane.wanted in layers and not lane.takes_slides

    def _wanted(self, current: str | None, now: float) -> tuple[str | None, bool]:
        """Which layer he is to get, and whether slides."""
        if self.choice.mode in (Mode.AUDIO, Mode.SLIDES):
            self._adaptation.rest()
            return None, self.choice.mode is Mode.SLIDES
        layers = self._source.layers()
        if not layers:
            self._adaptation.rest()
            return current or "", False
        named = (current or MAIN_RID) if current is not None else None
        loss = next((placed.loss.share(now) for placed in self.placed if placed.is_video), 0.0)
        rid = self._adaptation.choose(layers, self.choice, named, self._sound_bits, now, loss)
        return "" if rid == MAIN_RID else rid, False

    @property
    def _sound_bits(self) -> int:
        return sum(d.layer.bits_per_second for d in self._source.tracks["audio"].deliveries.values())

    def _ask_for_pictures(self, fanout: Fanout, now: float) -> None:
        for rid in fanout.wanted_keyframes(now):
            self._source.request_keyframe(rid)

    # -- called by the session

    def connected(self, keys: SrtpKeys) -> None:
        """ICE and DTLS are up: join the tracks."""
        self._keys = keys  # the lanes point into it
        now = self._connected_at = time.monotonic()
        for media in self._chosen:
            fanout = self._source.tracks[media.offer.kind]
            for rid in media.rids or (None,):
                self._join(media, fanout, rid, keys, now)
            self._ask_for_pictures(fanout, now)

    def _join(self, media: ChosenMedia, fanout: Fanout, rid: str | None, keys: SrtpKeys, now: float) -> None:
        numbers = media.extensions
        options = LaneOptions(
            codecs={c.name: (c.codec.payload_type, c.rtx_payload_type) for c in media.codecs},
            overhead=keys.overhead,
            send_time_id=numbers.get(extension.ABS_SEND_TIME, 0),
            extensions={uri: numbers[uri] for uri in PASSED_ON if uri in numbers},
            constant_id=numbers[extension.RID] if rid is not None else 0,
            constant=(rid or "").encode(),
        )
        track = self.sending[media.offer.kind]
        if rid is not None:
            track = SendingTrack(secrets.randbits(31) | 1, secrets.randbits(31) & ~1)
        lane = Lane(track.ssrc, track.rtx_ssrc, options, self.session.path, keys.outbound)
        placed = Placed(fanout, lane, rid is not None, deque(maxlen=LAG_TICKS), LossMeter())
        self.placed.append(placed)
        if rid is not None:
            lane.wanted = rid
        elif placed.is_video:
            now_sent = (c for c in media.codecs if c.name == fanout.codec)
            reports = any(c.rtx_payload_type and "goog-remb" in c.codec.feedback for c in now_sent)
            self._adaptation.can_open = reports and options.send_time_id != 0
            lane.wanted, lane.takes_slides = self._wanted(None, now)
        opening = self._adaptation.opening if placed.is_video else None
        lane.is_paced = opening is not None
        fanout.join(lane)
        if opening is not None:
            self._send_next(placed, opening)

    def _send_next(self, placed: Placed, opening: Opening) -> None:
        """The next packet of his first second, and so on until his line is known or has had its time."""
        now, lane = time.monotonic(), placed.lane
        if opening.is_over(now) and self._adaptation.opening is opening:
            self._adaptation.opening = None
        if self._adaptation.opening is not opening:
            lane.is_paced = False
            return
        octets = placed.fanout.send_next(lane) if opening.is_trying else 0
        if lane.is_paced and lane.state is State.CATCHING_UP and lane.layer and not opening.is_patient(now):
            self._source.request_keyframe(lane.layer.rid)  # it is less than what is left of the group
        loop = asyncio.get_running_loop()
        self._next_piece = loop.call_later(opening.pause(octets), self._send_next, placed, opening)

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
        now, is_worse = time.monotonic(), False
        for item in found:
            if isinstance(item, feedback.ReportBlock):  # what comes most often comes first
                is_worse = self._heard_report(item, now) or is_worse
            elif isinstance(item, feedback.Bandwidth):
                is_worse = self._adaptation.reported(item.bits_per_second, now) or is_worse
            elif isinstance(item, feedback.Lost):
                self._resend(item, now)
            elif isinstance(item, feedback.KeyframeWanted):
                self._keyframe_wanted(item.ssrc, now)
        if is_worse:  # else his next turn is early enough
            self._adapt(now)
            repair = self._repair_octets()
            for placed in self.placed:
                placed.lane.repair_left = min(placed.lane.repair_left, repair)

    def _repair_octets(self) -> int:
        """How much of a track he may be sent again within a second: repeats that fill his line cost him pictures."""
        carries = self._adaptation.bits_per_second
        octets = max(REPAIR_OCTETS, self.bits_per_second // 16) if carries is None else carries // 16
        return min(octets, MOST_REPAIR_OCTETS)

    def _placed_at(self, ssrc: int) -> Placed | None:
        for placed in self.placed:
            if placed.lane.ssrc == ssrc:
                return placed
        return None

    def _resend(self, lost: feedback.Lost, now: float) -> None:
        self._counters.nacks_in += 1
        self.nacks += len(lost.sequences)
        placed = self._placed_at(lost.ssrc)
        if placed is not None:
            placed.fanout.resend(placed.lane, lost.sequences)
            if FINE_LOSS < placed.loss.share(now) <= BAD_LOSS:
                # A browser asks for the third time only after 100 ms more: the picture would freeze.
                placed.fanout.resend(placed.lane, lost.sequences)

    def _keyframe_wanted(self, ssrc: int, now: float) -> None:
        placed = self._placed_at(ssrc)
        layer = placed.lane.layer if placed is not None else None
        if layer is None:
            return
        if now - self._connected_at > START_SECONDS:
            self._troubled_at = now
        self._source.request_keyframe(layer.rid)

    def _heard_report(self, block: feedback.ReportBlock, now: float) -> bool:
        """Whether the line carries less than was believed."""
        placed = self._placed_at(block.ssrc)
        if placed is None:
            return False
        if block.last_report:
            ago = (to_ntp(time.time()) >> 16 & 0xFFFFFFFF) - block.last_report - block.delay & 0xFFFFFFFF
            self.rtt_seconds = ago / 65536 if ago < 1 << 22 else 0.0
        is_behind = len(placed.sent) == LAG_TICKS and distance(block.highest & 0xFFFF, placed.sent[0] & 0xFFFF) < 0
        is_measured = placed.loss.heard(block.highest, block.packets_lost, now)
        share = placed.loss.share(now)
        if is_behind or (is_measured and share >= BAD_LOSS):
            self._troubled_at = now
        is_chosen = is_measured and placed.is_video and not placed.is_copy
        return is_chosen and self._adaptation.lost(share, now)

    @property
    def is_probing(self) -> bool:
        """Whether more than his pictures is to be sent, to see what his line carries: `probe` is to be called."""
        return self._adaptation.probe is not None

    def stop_probing(self) -> None:
        """There is nothing to send."""
        self._adaptation.rest()

    def probe(self, now: float) -> None:
        """Several times a second while `is_probing`: send what is due."""
        probe = self._adaptation.probe
        for placed in self.placed:
            if probe is not None and placed.is_video:
                probe.paid(placed.fanout.repeat(placed.lane, probe.due(now)))

    def is_stalling(self, now: float) -> bool:
        """Whether his player was in trouble within STALLING_SECONDS: lost much, lagged, or lost the picture."""
        return now - self._troubled_at < STALLING_SECONDS

    def farewell(self) -> bytes:
        """BYE for our sources, so that a player knows at once."""
        ssrcs = [placed.lane.ssrc for placed in self.placed]
        return feedback.compound(ssrcs[0], (), feedback.goodbye(ssrcs)) if ssrcs else b""

    def ended(self, reason: Ending) -> None:
        """The session is over: leave the tracks."""
        if self._next_piece is not None:
            self._next_piece.cancel()
        for placed in self.placed:
            placed.fanout.leave(placed.lane)
        self.placed = []
        self._source.viewer_gone(self)

    def tick(self, wall: float) -> None:
        """Once a second: sender reports, new allowances, and another look at what his line carries."""
        octets, repair = 0, self._repair_octets()
        is_reporting = self._ticks < FIRST_REPORTS or self._ticks % REPORT_TICKS == 0
        self._ticks += 1
        for placed in self.placed:
            lane = placed.lane
            lane.repair_left = repair
            if lane.takes_slides:
                lane.allow_slides(max(LEAST_SLIDE_BITS, SLIDES_BITS_PER_SECOND - self._sound_bits))
            octets += lane.totals()[1]
            newest = lane.newest_sent
            if newest is not None:
                placed.sent.append(newest)
            if is_reporting:
                self._report(placed, wall)
        self.bits_per_second, self._octets_before = 8 * max(0, octets - self._octets_before), octets
        self._adapt(time.monotonic())

    def _report(self, placed: Placed, wall: float) -> None:
        told = placed.fanout.report_for(placed.lane, wall)
        if told is not None:
            self.session.send_rtcp(feedback.sender_report(*told) + feedback.source_name(placed.lane.ssrc))
