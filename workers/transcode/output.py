"""Encoding one rendition: H.264 and AAC into fMP4 segments with a playlist, or into one MP4 file."""

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

from workers.transcode.pace import Tick
from workers.transcode.plan import AUDIO_RATE, FRAMES_PER_SECOND, KEYFRAME_EVERY_MS, RenditionPlan, Size
from workers.transcode.sound import LAYOUTS

VIDEO_CLOCK = Fraction(1, 90_000)
NEVER_BY_ITSELF = 100_000  # keyframes come where we want them and nowhere else
PLAYLIST = "index.m3u8"


def open_segments(folder: Path) -> OutputContainer:
    """A container that writes fMP4 segments and their playlist into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "hls_time": str(KEYFRAME_EVERY_MS / 1000),
        "hls_playlist_type": "vod",
        "hls_segment_type": "fmp4",
        "hls_fmp4_init_filename": "init.mp4",
        "hls_segment_filename": str(folder / "%05d.m4s"),
        "hls_flags": "independent_segments",
    }
    return av.open(str(folder / PLAYLIST), "w", format="hls", options=options)


def open_file(path: Path) -> OutputContainer:
    """A container that writes one MP4 that plays while it loads."""
    return av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})


class Output:
    """The encoders of one rendition. Frames are shown at their tick; sound comes as a steady run."""

    def __init__(self, container: OutputContainer, plan: RenditionPlan, threads: int) -> None:
        self._container = container
        self._video = self._add_video(plan, plan.size, threads) if plan.size else None
        self._audio = self._add_audio(plan) if plan.has_audio else None
        self._held: Packet[VideoStream] | None = None

    def _add_video(self, plan: RenditionPlan, size: Size, threads: int) -> VideoStream:
        stream = self._container.add_stream(
            "libx264",
            rate=FRAMES_PER_SECOND,
            options={
                "preset": "veryfast",
                "crf": str(plan.crf),
                "maxrate": str(plan.video_bits),
                "bufsize": str(plan.video_bits * 2),
                # No B-frames: cheap phones decode them badly, and every frame keeps its place in all players.
                "bf": "0",
                "forced-idr": "1",
                "x264-params": "scenecut=0:open-gop=0",
            },
        )
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = size.width, size.height, "yuv420p"
        context.time_base = VIDEO_CLOCK
        context.gop_size = NEVER_BY_ITSELF
        context.thread_count = threads
        return stream

    def _add_audio(self, plan: RenditionPlan) -> AudioStream:
        stream = self._container.add_stream("aac", rate=AUDIO_RATE, layout=LAYOUTS[plan.channels])
        context = stream.codec_context
        context.bit_rate = plan.audio_bits * plan.channels // 2 if plan.channels == 1 else plan.audio_bits
        context.time_base = Fraction(1, AUDIO_RATE)
        return stream

    def show(self, picture: VideoFrame, tick: Tick) -> None:
        """Encode a picture."""
        if self._video is None:
            return
        picture.pts = round(tick.at_ms * VIDEO_CLOCK.denominator / 1000)
        picture.time_base = VIDEO_CLOCK
        picture.pict_type = PictureType.I if tick.is_key else PictureType.NONE
        self._write_pictures(self._video.encode(picture))

    def play(self, sound: AudioFrame) -> None:
        """Encode sound."""
        if self._audio is not None:
            self._container.mux(self._audio.encode(sound))

    def finish(self, end_ms: float) -> bytes:
        """Write what is left and close; answers the H.264 parameter sets, b"" without pictures."""
        headers = b""
        if self._video is not None:
            self._write_pictures(self._video.encode(None))
            self._write_held(round(end_ms * VIDEO_CLOCK.denominator / 1000))
            headers = self._video.codec_context.extradata or b""
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()
        return headers

    def _write_pictures(self, packets: Sequence[Packet[VideoStream]]) -> None:
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
