"""Reading sources: opening strangers' files with care, their frames in order on one timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from server.recordings.take import Timeline
from workers.transcode.plan import SourceRefused

# Containers that hold their own data: a playlist or a concat script could name other files or addresses.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,ogg,asf"
OPEN_OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
LARGE_PIXELS = 1920 * 1088  # pictures above this are decoded by one thread: each more holds some of them
LANDED_LATE_MS = 1.0
BROKEN_IN_A_ROW = 3_000  # packets that can't be decoded, one after the other: this is noise, not a video

Frame = VideoFrame | AudioFrame


class Track(Enum):
    """What a file is read for."""

    VIDEO = "video"
    AUDIO = "audio"


BOTH = frozenset(Track)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file. `begins_ms`: where its first picture (or sound) is on the stream's timeline, if it is of a stream."""

    path: Path
    begins_ms: float = 0.0
    timeline: Timeline | None = None

    def place(self, since_begin_ms: float) -> float:
        """Where something of the file is in the asset; without a timeline: in the stream."""
        if self.timeline is None:
            return self.begins_ms + since_begin_ms
        return self.timeline.replay_time(self.begins_ms + since_begin_ms)


@dataclass(frozen=True, slots=True)
class Timed:
    """A decoded frame and where it belongs in the asset."""

    at_ms: float
    frame: Frame
    pixel_aspect: float = 1.0


class Reader:
    """One open file: its first picture track and its first sound track, those of them that are wanted.

    `threads` decode the pictures; with one, a picture comes out as soon as it can.
    """

    def __init__(self, piece: Piece, tracks: frozenset[Track] = BOTH, threads: int = 1) -> None:
        self.piece = piece
        self._tracks = tracks
        self._threads = threads
        self._open()

    def _open(self) -> None:
        try:
            self._container: InputContainer = av.open(str(self.piece.path), options=OPEN_OPTIONS)
        except (FFmpegError, ValueError):
            raise SourceRefused("broken_source") from None
        moving = (s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic)
        video: VideoStream | None = next(moving, None)
        audio: AudioStream | None = next(iter(self._container.streams.audio), None)
        self._zero_ms = _begin(self._container, video or audio)
        self.video = video if Track.VIDEO in self._tracks else None
        self.audio = audio if Track.AUDIO in self._tracks else None
        if self.video is not None:
            context = self.video.codec_context
            context.thread_type = "AUTO"
            context.thread_count = 1 if context.width * context.height > LARGE_PIXELS else self._threads
        self._broken_in_a_row = 0

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def track_count(self) -> int:
        """How many of the wanted tracks there are."""
        return (self.video is not None) + (self.audio is not None)

    @property
    def told_duration_ms(self) -> float:
        """What the headers say; 0 if they say nothing."""
        told = [
            float(stream.duration * stream.time_base) * 1000
            for stream in (self.video, self.audio)
            if stream is not None and stream.duration is not None and stream.time_base is not None
        ]
        if told:
            return max(told)
        return 0.0 if self._container.duration is None else self._container.duration / 1000

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel, its height being 1."""
        ratio = self.video.codec_context.sample_aspect_ratio if self.video else None
        return float(ratio) if ratio else 1.0

    def frames_from(self, start_ms: float) -> Iterator[Timed]:
        """Everything from the last keyframe before a moment on; from the beginning if that cannot be found."""
        since_begin_ms = start_ms - self.piece.begins_ms
        if since_begin_ms <= 0 or self.piece.timeline is not None or not self._seek(since_begin_ms):
            yield from self.frames()
            return
        frames = self.frames()
        first = next(frames, None)
        if first is None or first.at_ms > start_ms + LANDED_LATE_MS:
            self.close()
            self._open()
            yield from self.frames()
            return
        yield first
        yield from frames

    def frames(self) -> Iterator[Timed]:
        """Everything that can be decoded, as it comes."""
        for packet in self.packets():
            for frame in self.decode(packet):
                if frame.pts is None or frame.time_base is None:
                    continue
                yield Timed(self.place(frame.pts, frame.time_base), frame, self.pixel_aspect)

    def place(self, pts: int, time_base: Fraction) -> float:
        """Where something of the file is in the asset."""
        return self.piece.place(float(pts * time_base) * 1000 - self._zero_ms)

    def packets(self) -> Iterator[Packet[Stream]]:
        """The packets of the wanted tracks; a file that was cut off ends where it was cut."""
        streams = [stream for stream in (self.video, self.audio) if stream is not None]
        try:
            yield from self._container.demux(*streams)
        except FFmpegError:
            return

    def decode(self, packet: Packet[Stream]) -> list[Frame]:
        """The frames of a packet; broken ones are left out. Raises SourceRefused when nothing else comes."""
        try:
            frames: list[Frame] = [frame for frame in packet.decode() if isinstance(frame, VideoFrame | AudioFrame)]
        except (FFmpegError, ValueError):
            self._broken_in_a_row += 1
            if self._broken_in_a_row > BROKEN_IN_A_ROW:
                raise SourceRefused("broken_source") from None
            return []
        if frames:
            self._broken_in_a_row = 0
        return frames

    def flush(self) -> list[VideoFrame]:
        """The pictures that the decoder still holds."""
        if self.video is None:
            return []
        try:
            frames = self.video.codec_context.decode(None)
        except FFmpegError:
            return []
        for frame in frames:
            frame.time_base = self.video.time_base  # only packets tell it to theirs
        return frames

    def _seek(self, start_ms: float) -> bool:
        stream = self.video or self.audio
        if stream is None or stream.time_base is None:
            return False
        try:
            self._container.seek(round((start_ms + self._zero_ms) / 1000 / stream.time_base), stream=stream)
        except FFmpegError:
            return False
        return True


def _begin(container: InputContainer, stream: VideoStream | AudioStream | None) -> float:
    """Where a file's own clock begins."""
    if stream is not None and stream.start_time is not None and stream.time_base is not None:
        return float(stream.start_time * stream.time_base) * 1000
    return 0.0 if container.start_time is None else container.start_time / 1000
