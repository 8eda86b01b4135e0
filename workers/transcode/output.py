"""Encoding one rendition: H.264 or AAC into fMP4 segments with a playlist, or both into one MP4 file."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from server.recordings.ladder import PicturePlan, SoundPlan
from workers.transcode.pace import Tick
from workers.transcode.plan import AUDIO_RATE, FRAMES_PER_SECOND, KEYFRAME_EVERY_MS, PLAYLIST
from workers.transcode.sound import LAYOUTS

VIDEO_CLOCK = Fraction(1, 90_000)
NEVER_BY_ITSELF = 100_000  # keyframes come where we want them and nowhere else
SLIDE_AGAIN_MS = 1000.0  # a slide is shown again as an empty picture, so that players see that there is one


def open_segments(folder: Path, prefix: str, segment_ms: float = KEYFRAME_EVERY_MS) -> OutputContainer:
    """A container that writes fMP4 segments and their playlist into a folder; all names begin with `prefix`."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "hls_time": str(segment_ms / 1000),
        "hls_playlist_type": "vod",
        "hls_segment_type": "fmp4",
        "hls_fmp4_init_filename": f"{prefix}init.mp4",
        "hls_segment_filename": str(folder / f"{prefix}%04d.m4s"),
        "hls_flags": "independent_segments",
        # Fragments say where on the whole video's timeline they are, though this file begins in its middle.
        "hls_segment_options": "movflags=+frag_discont",
    }
    return av.open(str(folder / f"{prefix}{PLAYLIST}"), "w", format="hls", options=options)


def open_file(path: Path) -> OutputContainer:
    """A container that writes one MP4 that plays while it loads."""
    return av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})


class PictureTrack:
    """The encoder of one rendition's pictures. Each is shown at its tick until the next one is."""

    def __init__(self, container: OutputContainer, plan: PicturePlan, threads: int) -> None:
        self.plan = plan
        self.frames = 0
        self.begins_ms: float | None = None
        self.ends_ms = 0.0
        self._container = container
        self._stream = self._add(plan, threads)
        self._held: Packet[VideoStream] | None = None
        self._slide: VideoFrame | None = None
        self._next_slide_ms = self._last_ms = 0.0

    def _add(self, plan: PicturePlan, threads: int) -> VideoStream:
        buffer_seconds = plan.every_ms / 1000 if plan.every_ms else 2
        stream = self._container.add_stream(
            "libx264",
            rate=FRAMES_PER_SECOND,
            options={
                "preset": "veryfast",
                "crf": str(plan.crf),
                "maxrate": str(plan.bits),
                "bufsize": str(round(plan.bits * buffer_seconds)),
                # No B-frames: cheap phones decode them badly, and every frame keeps its place in all players.
                "bf": "0",
                "forced-idr": "1",
                "x264-params": "scenecut=0:open-gop=0",
            },
        )
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = plan.width, plan.height, "yuv420p"
        context.time_base = VIDEO_CLOCK
        context.gop_size = NEVER_BY_ITSELF
        context.thread_count = threads
        return stream

    @property
    def headers(self) -> bytes:
        """The parameter sets of H.264."""
        return self._stream.codec_context.extradata or b""

    def show(self, picture: VideoFrame, tick: Tick) -> None:
        """Encode a picture; of slides, one now and then."""
        if not self.plan.every_ms:
            self._encode(picture, tick.at_ms, tick.is_key)
        elif self._slide is None or tick.at_ms >= self._next_slide_ms:
            self._slide = picture
            self._next_slide_ms = tick.at_ms + self.plan.every_ms
            self._encode(picture, tick.at_ms, True)
        elif tick.at_ms - self._last_ms >= SLIDE_AGAIN_MS:
            self._encode(self._slide, tick.at_ms, False)

    def finish(self, end_ms: float) -> None:
        """Write what is left; the last picture stands until the end."""
        self.ends_ms = end_ms
        self._write(self._stream.encode(None))
        self._write_held(ticks(end_ms))

    def _encode(self, picture: VideoFrame, at_ms: float, is_key: bool) -> None:
        self._last_ms = at_ms
        if self.begins_ms is None:
            self.begins_ms = at_ms
        self.frames += 1
        picture.pts, picture.time_base = ticks(at_ms), VIDEO_CLOCK
        picture.pict_type = PictureType.I if is_key else PictureType.NONE
        self._write(self._stream.encode(picture))

    def _write(self, packets: Sequence[Packet[VideoStream]]) -> None:
        # The encoder thinks that all pictures last equally long; how long one lasts is known when the next is there.
        for packet in packets:
            if packet.pts is not None:
                self._write_held(packet.pts)
            self._held = packet

    def _write_held(self, next_pts: int) -> None:
        if self._held is not None and self._held.pts is not None:
            self._held.duration = max(1, next_pts - self._held.pts)
            self._container.mux(self._held)
        self._held = None


class SoundTrack:
    """The encoder of one rendition's sound, which comes as a steady run of frames from 0 on."""

    def __init__(self, container: OutputContainer, plan: SoundPlan) -> None:
        self.plan = plan
        self.frames = 0
        self._container = container
        self._stream = container.add_stream("aac", rate=AUDIO_RATE, layout=LAYOUTS[plan.channels])
        self._stream.codec_context.bit_rate = plan.bits
        self._stream.codec_context.time_base = Fraction(1, AUDIO_RATE)

    def play(self, sound: AudioFrame) -> None:
        """Encode sound."""
        self._write(self._stream.encode(sound))

    def finish(self) -> None:
        """Write what is left."""
        self._write(self._stream.encode(None))

    def _write(self, packets: Sequence[Packet[AudioStream]]) -> None:
        for packet in packets:
            # The encoder begins with a frame of nothing before 0; players would play all else later by so much.
            if packet.pts is not None and packet.pts >= 0:
                self.frames += 1
                self._container.mux(packet)


def ticks(at_ms: float) -> int:
    """A moment on the clock of the pictures."""
    return round(at_ms * VIDEO_CLOCK.denominator / 1000)
