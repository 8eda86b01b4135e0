"""Reading sources: opening strangers' files with care, looking into them, frames in order on one timeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from workers.transcode.plan import Size, SourceFacts, SourceRefused, upright

# Containers that hold their own data: a playlist or a concat script could name other files or addresses.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,ogg,asf"
OPEN_OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
LOOKED_AT_PACKETS = 2_000  # of a file that says its size in its header
BROKEN_IN_A_ROW = 3_000  # packets that can't be decoded, one after the other: this is noise, not a video

Frame = VideoFrame | AudioFrame


@dataclass(frozen=True, slots=True)
class Piece:
    """One file. `begins_ms`: where its first picture (or sound) is on the stream's timeline, if it is of a take."""

    path: Path
    begins_ms: float = 0.0
    timeline: Timeline | None = None

    def place(self, since_begin_ms: float) -> float:
        """Where something of the file is in the asset."""
        if self.timeline is None:
            return since_begin_ms
        return self.timeline.replay_time(self.begins_ms + since_begin_ms)


@dataclass(frozen=True, slots=True)
class Timed:
    """A decoded frame and where it belongs in the asset."""

    at_ms: float
    frame: Frame
    pixel_aspect: float = 1.0


class Reader:
    """One open file: its first picture track and its first sound track."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        try:
            self._container: InputContainer = av.open(str(piece.path), options=OPEN_OPTIONS)
        except (FFmpegError, ValueError):
            raise SourceRefused("broken_source") from None
        moving = (s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic)
        self.video: VideoStream | None = next(moving, None)
        self.audio: AudioStream | None = next(iter(self._container.streams.audio), None)
        if self.video is not None:
            self.video.thread_type = "AUTO"
        self._zero_ms = self._begin()
        self._broken_in_a_row = 0

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def told_duration_ms(self) -> int:
        """What the header says."""
        return 0 if self._container.duration is None else round(self._container.duration / 1000)

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel, its height being 1."""
        ratio = self.video.codec_context.sample_aspect_ratio if self.video else None
        return float(ratio) if ratio else 1.0

    def frames(self) -> Iterator[Timed]:
        """Everything that can be decoded, as it comes."""
        for packet in self.packets():
            for frame in self.decode(packet):
                if frame.pts is None or frame.time_base is None:
                    continue
                at_ms = self.piece.place(float(frame.pts * frame.time_base) * 1000 - self._zero_ms)
                yield Timed(at_ms, frame, self.pixel_aspect)

    def packets(self) -> Iterator[Packet[Stream]]:
        """The packets of both tracks; a file that was cut off ends where it was cut."""
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

    def _begin(self) -> float:
        stream = self.video or self.audio
        if stream is not None and stream.start_time is not None and stream.time_base is not None:
            return float(stream.start_time * stream.time_base) * 1000
        return 0.0 if self._container.start_time is None else self._container.start_time / 1000


def look(pieces: Sequence[Piece], duration_ms: int | None) -> SourceFacts:
    """What the pieces hold. Without a known duration the header's is taken, or it is counted.

    Raises:
        SourceRefused: if they cannot be opened, or nothing in them can be decoded.
    """
    sizes: Counter[Size] = Counter()
    channels = 0
    told_ms = 0
    for piece in pieces:
        with Reader(piece) as reader:
            if reader.audio is not None:
                channels = max(channels, reader.audio.codec_context.channels)
            if reader.video is not None:
                sizes += _seen_sizes(reader)
            told_ms += reader.told_duration_ms or _counted_ms(piece)
            if reader.video is not None and not sizes and reader.audio is None:
                raise SourceRefused("broken_source")
    return SourceFacts(duration_ms if duration_ms else told_ms, dict(sizes), channels > 0, channels)


def _seen_sizes(reader: Reader) -> Counter[Size]:
    """The picture sizes at the keyframes: of all of a take's, of the first ones of an upload."""
    sizes: Counter[Size] = Counter()
    stream = reader.video
    if stream is None:
        return sizes
    stream.codec_context.skip_frame = "NONKEY"
    for count, packet in enumerate(reader.packets()):
        if packet.stream is not stream or not (packet.is_keyframe or packet.size == 0):
            continue
        for frame in reader.decode(packet):
            if isinstance(frame, VideoFrame):
                sizes[upright(frame.width, frame.height, frame.rotation, reader.pixel_aspect)] += 1
        if sizes and reader.piece.timeline is None and count > LOOKED_AT_PACKETS:
            break
    return sizes


def _counted_ms(piece: Piece) -> int:
    """The length of a file whose header does not say it (MediaRecorder's WebM)."""
    last = 0.0
    with Reader(piece) as reader:
        for packet in reader.packets():
            if packet.pts is not None and packet.time_base is not None:
                end = packet.pts + (packet.duration or 0)
                last = max(last, float(end * packet.time_base) * 1000)
    return round(last)
