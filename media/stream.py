"""One broadcast in a room: its publisher, viewers, tracks and recording, from the first offer to the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from config.logs import logger
from config.settings import MediaSettings
from config.tasks import Tasks
from media.answer import Published
from media.cluster.turns import Turn
from media.inbound import InboundTrack
from media.picture_size import picture_size
from media.publisher import Publisher
from media.recording.feed import RecorderFactory, RecorderFeed
from media.recording.health import Health
from media.recording.take import TakeSummary
from media.recording.tracks import AUDIO_CLOCK, VIDEO_CLOCK, Kind, TrackFormat
from media.rtp.choice import MAIN_RID, LayerState
from media.rtp.fanout import Fanout
from media.rtp.keyframe import KeyframeRequests
from media.rtp.packet import RtpPacket
from media.session import Ending
from media.viewer import Viewer

log = logger(__name__)

FIRST_PICTURE_SECONDS = 3.0  # how long `publisher_joined` waits for the recorder's first picture
PUBLISHER_SILENT_SECONDS = 5.0  # a publisher silent for so long is replaced without asking for a take-over


class StreamState(StrEnum):
    """Where a stream stands."""

    STARTING = "starting"
    LIVE = "live"
    INTERRUPTED = "interrupted"
    ENDED = "ended"


class StreamEnding(StrEnum):
    """Why a stream ended, as PROTOCOL.md names it."""

    DELETED = "deleted"
    VANISHED = "vanished"
    COMMAND = "command"
    SHUTDOWN = "shutdown"
    MOVED = "moved"  # only this node's part in it: another node goes on with the stream


@dataclass(frozen=True, slots=True)
class StreamContext:
    """What all streams of a node share."""

    settings: MediaSettings
    make_fanout: Callable[[str, int], Fanout]  # kind, clock rate
    tasks: Tasks
    emit: Callable[[str, Mapping[str, object]], asyncio.Future[bool]]  # answers later whether it was sent
    ended: Callable[[Stream], None]


class Stream:
    """Everything here runs on the event loop; only `finish` waits for anything."""

    def __init__(
        self, slug: str, room_id: str, stream_id: str, make_recorder: RecorderFactory, context: StreamContext
    ) -> None:
        self.slug = slug
        self.room_id = room_id
        self.stream_id = stream_id
        self.turn = Turn()  # who had the stream before, if its publisher is here
        self.state = StreamState.STARTING
        self.publisher: Publisher | None = None
        self.viewers: set[Viewer] = set()
        self.published: dict[str, Published] = {}
        self.tracks: dict[str, Fanout] = {
            "video": context.make_fanout("video", VIDEO_CLOCK),
            "audio": context.make_fanout("audio", AUDIO_CLOCK),
        }
        self._context = context
        self._recorder = make_recorder(stream_id, room_id, self._recorder_needs_keyframe)
        self._feed = RecorderFeed(self._recorder)
        self._keyframes: dict[str, KeyframeRequests] = {}  # by rid
        self._first_picture_at: datetime | None = None
        self._run_of: Publisher | None = None  # whose packets the recorder's current run holds
        self._run_tracks: tuple[InboundTrack, ...] = ()  # only theirs are taken
        self._grace: asyncio.Task[None] | None = None
        self._was_live = False
        self.is_moved = False
        self._is_over = False  # for everybody: nobody goes on with it
        self._unannounced: tuple[Publisher, float, datetime] | None = None
        self._measured_at = 0.0
        self._layers: tuple[LayerState, ...] = ()

    async def start(self) -> None:
        """Make the recorder ready."""
        await self._recorder.start()

    async def become_origin(self, make_recorder: RecorderFactory, context: StreamContext) -> None:
        """This was a copy of another node's stream, and its publisher comes to this node: record it, tell of it.

        Viewers stay; nobody may feed the copy any more.
        """
        self._context = context
        self._recorder = make_recorder(self.stream_id, self.room_id, self._recorder_needs_keyframe)
        self._feed = RecorderFeed(self._recorder)
        self._run_of, self._run_tracks = None, ()
        self._first_picture_at, self._unannounced = None, None
        await self.start()

    # -- the publisher

    def attach(self, publisher: Publisher) -> None:
        """A publisher's offer was accepted: whoever was here before is replaced."""
        before, self.publisher = self.publisher, publisher
        self._run_tracks = ()
        self.published = {track.kind: track.published() for track in publisher.tracks}
        if before is not None:
            before.session.end(Ending.REPLACED)

    @property
    def recording(self) -> Health:
        """Whether what comes in now will be in the replay."""
        return self._recorder.health

    @property
    def listed(self) -> range:
        """The numbers of the segments in the HLS playlist."""
        return self._recorder.listed

    def is_held(self, now: float) -> bool:
        """Whether a publisher is here who was heard of lately."""
        return self.publisher is not None and now - self.publisher.alive_at < PUBLISHER_SILENT_SECONDS

    def publisher_connected(self, publisher: Publisher) -> None:
        """ICE and DTLS are up; the stream is live when media comes."""
        log.info("publisher connected", stream=self.stream_id, session=publisher.session.id)

    def source_began(self, publisher: Publisher, track: InboundTrack, rid: str) -> None:
        """The first packet of a layer is about to come, or its SSRC changed."""
        if publisher is not self.publisher:
            return
        if self._run_of is not publisher:
            self._run_of = publisher
            self._run_tracks = tuple(publisher.tracks)
            self._begin_run(publisher)
            self._joined(publisher)
        else:
            self.tracks[track.kind].begin_layer(rid)

    def _begin_run(self, publisher: Publisher) -> None:
        video, audio = publisher.track("video"), publisher.track("audio")
        self._feed.begin_run(_format(video), _format(audio), video.rids if video is not None else ("",))
        self._keyframes, self._layers = {}, ()
        for track in publisher.tracks:
            self.tracks[track.kind].begin_source(
                track.codec, track.rids, answers_requests=track.can_pli, extensions=track.passed_on
            )
        for viewer in self.viewers:
            viewer.layers_changed(time.monotonic())

    def media(self, track: InboundTrack, rid: str, packet: RtpPacket, wall: float) -> None:
        """A packet of the publisher: to the viewers first, then to the recorder."""
        if track not in self._run_tracks:
            return
        if self.state is StreamState.INTERRUPTED and self.publisher is not None:
            self._joined(self.publisher)
        fanout = self.tracks[track.kind]
        layer = fanout.deliveries[rid].layer
        keyframes = layer.keyframes
        if not fanout.push(packet, wall, rid):
            return
        is_keyframe = layer.keyframes != keyframes
        if is_keyframe and rid in self._keyframes:
            self._keyframes[rid].arrived()
        if track.kind == "video":
            self._feed.picture(rid, packet, time.monotonic(), is_keyframe=is_keyframe)
        else:
            self._feed.sound(packet, time.monotonic())

    def clock_report(self, track: InboundTrack, rid: str, ntp: int, rtp_timestamp: int, wall: float) -> None:
        """The publisher's sender report."""
        if track not in self._run_tracks:
            return
        fanout = self.tracks[track.kind]
        fanout.set_clock(rtp_timestamp, wall, rid)
        self._feed.clock(_kind(track), rid, ntp, fanout.deliveries[rid].layer.own_timestamp(rtp_timestamp))

    def publisher_gone(self, publisher: Publisher, reason: Ending) -> None:
        """A publisher's session ended."""
        if publisher is not self.publisher or self.state == StreamState.ENDED:
            return
        self.publisher = None
        self._run_tracks = ()
        if reason == Ending.DELETED:
            self.end(StreamEnding.DELETED)
            return
        self._interrupt(reason)
        self._wait_for_return()

    def _interrupt(self, reason: str) -> None:
        if self.state == StreamState.LIVE:
            self.state = StreamState.INTERRUPTED
            log.info("publisher left", stream=self.stream_id, reason=reason)
            if self._unannounced is None:  # else nobody knows yet that he had come
                self._emit("publisher_left", reason=reason)
            self._unannounced = None

    def _wait_for_return(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
        self._grace = self._context.tasks.start("publisher's grace", self._end_after_grace())

    async def _end_after_grace(self) -> None:
        await asyncio.sleep(self._context.settings.publisher_grace_seconds)
        self._grace = None
        if self.publisher is None:
            self.end(StreamEnding.VANISHED)

    def _joined(self, publisher: Publisher) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self.state = StreamState.LIVE
        self._was_live = True
        self._unannounced = (publisher, time.monotonic() + FIRST_PICTURE_SECONDS, datetime.now(UTC))

    def _announce(self, now: float) -> None:
        """Say `publisher_joined`, as soon as the take's first picture is known."""
        if self._unannounced is None:
            return
        publisher, patience, began_at = self._unannounced
        if self._first_picture_at is None:
            if self._recorder.first_picture_at is None and now < patience:
                return
            self._first_picture_at = self._recorder.first_picture_at or began_at
        self._unannounced = None
        if self.publisher is not publisher or self.state != StreamState.LIVE:
            return
        video, audio = publisher.track("video"), publisher.track("audio")
        log.info("publisher joined", stream=self.stream_id, session=publisher.session.id)
        self._emit(
            "publisher_joined",
            session_id=publisher.session.id,
            video_codec=video.codec if video else None,
            audio_codec=audio.codec if audio else None,
            first_picture_at=self._first_picture_at.isoformat(),
        )

    # -- the viewers

    def add_viewer(self, viewer: Viewer) -> None:
        """A viewer's offer was accepted; if the stream has ended meanwhile, his session does, too."""
        self.viewers.add(viewer)
        if self.state is StreamState.ENDED:
            viewer.session.end(Ending.STREAM_ENDED)

    def viewer_gone(self, viewer: Viewer) -> None:
        """A viewer's session ended."""
        self.viewers.discard(viewer)

    def request_keyframe(self, rid: str) -> None:
        """A viewer or the recorder needs a keyframe of this layer; requests are gathered."""
        self._keyframes.setdefault(rid, KeyframeRequests()).ask()
        self._ask_publisher(time.monotonic())

    def _recorder_needs_keyframe(self) -> None:
        self.request_keyframe(self._feed.wanted(time.monotonic()))

    def _ask_publisher(self, now: float) -> None:
        if self.publisher is not None:
            for rid, requests in self._keyframes.items():
                if requests.due(now):
                    self.publisher.request_keyframe(rid)

    def layers(self) -> tuple[LayerState, ...]:
        """The encodings of the published pictures, best first; none while nobody publishes pictures.

        Looked at once a second, since every viewer asks.
        """
        if self.publisher is None or self.publisher.track("video") is None:
            return ()
        if not self._layers:
            self._layers = self._look_at_layers()
        return self._layers

    def _look_at_layers(self) -> tuple[LayerState, ...]:
        video = self.tracks["video"]
        found = []
        for rid, delivery in video.deliveries.items():
            layer = delivery.layer
            width, height = picture_size(video.codec, layer.group.packets) if layer.group is not None else (0, 0)
            found.append(LayerState(rid or MAIN_RID, layer.bits_per_second, width, height))
        return tuple(found)

    @property
    def bits_per_second(self) -> int:
        """What comes in: all layers, and sound."""
        return sum(d.layer.bits_per_second for track in self.tracks.values() for d in track.deliveries.values())

    def _measure(self, now: float) -> None:
        if now - self._measured_at >= 1.0:
            for track in self.tracks.values():
                track.measure(now - self._measured_at)
            self._measured_at = now
            self._layers = ()

    def tick(self, now: float) -> None:
        """Several times a second."""
        self._announce(now)
        self._measure(now)
        if self.publisher is None:
            return
        for rid in self.tracks["video"].wanted_keyframes(now):
            self._keyframes.setdefault(rid, KeyframeRequests()).ask()
        self._ask_publisher(now)
        if self.publisher.session.is_connected:
            self.publisher.tick(now)
        if now - (self.publisher.media_at or now) > PUBLISHER_SILENT_SECONDS:
            self._interrupt("silent")  # his session stays: when media flows again, he is back

    # -- the end

    def end(self, reason: StreamEnding) -> None:
        """The broadcast is over: close everybody, then finish the recording in the background. Twice is fine."""
        if self.state == StreamState.ENDED:
            return
        self.state = StreamState.ENDED
        self._run_tracks = ()
        if self._grace is not None:
            self._grace.cancel()
        ending = Ending.SHUTDOWN if reason == StreamEnding.SHUTDOWN else Ending.STREAM_ENDED
        if self.publisher is not None:
            self.publisher.session.end(ending)
        for viewer in self.viewers:
            viewer.session.end(ending)
        log.info("stream ended", stream=self.stream_id, reason=reason)
        self.is_moved = reason == StreamEnding.MOVED
        # A publisher who came back and sent nothing may come once more.
        self._is_over = not self.is_moved and (self._was_live or reason != StreamEnding.VANISHED)
        if self._is_over:
            self._emit("stream_ended", reason=reason, duration_ms=self._duration_ms())
        self._context.ended(self)

    def _duration_ms(self) -> int:
        if self._first_picture_at is None:
            return 0
        return max(0, int((datetime.now(UTC) - self._first_picture_at).total_seconds() * 1000))

    async def finish(self) -> None:
        """Finish the recording and say so; the spool keeps it until that was heard.

        What fails here is mended, and said, from the spool.
        """
        try:
            summary = await self._recorder.finish(is_over=self._is_over)
        finally:
            await self._recorder.aclose()
        log.info("take ready", stream=self.stream_id, duration_ms=summary.duration_ms)
        is_silent = self.is_moved or not self._was_live  # who goes on with a stream tells of the whole take
        if is_silent or await self._say_take_ready(summary):
            await self._recorder.remove()

    def _say_take_ready(self, summary: TakeSummary) -> asyncio.Future[bool]:
        return self._emit(
            "take_ready",
            duration_ms=summary.duration_ms,
            has_video=summary.has_video,
            has_audio=summary.has_audio,
        )

    def _emit(self, event: str, **fields: object) -> asyncio.Future[bool]:
        about = {"stream_id": self.stream_id, "room_id": self.room_id}
        return self._context.emit(event, {**about, **fields})


def _kind(track: InboundTrack) -> Kind:
    return "video" if track.kind == "video" else "audio"


def _format(track: InboundTrack | None) -> TrackFormat | None:
    if track is None:
        return None
    codec = track.codec
    if codec not in ("H264", "VP8", "opus"):
        return None
    return TrackFormat(_kind(track), codec, track.clock_rate, track.channels, track.payload_type)  # type: ignore[arg-type]
