"""Cutting a clip out of one recorded file: whole groups of pictures are copied, only the edges are encoded again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from server.recordings.ladder import SoundPlan
from workers.transcode.avcc import Avcc, has_idr, read_avcc, to_lengths
from workers.transcode.cut import EDGE_MS, Cuts, Seen, choose_cuts
from workers.transcode.output import VIDEO_CLOCK, SoundTrack, open_file, ticks
from workers.transcode.run import Progress, Span, Talk
from workers.transcode.source import Piece, Reader

PROFILES = {66: "baseline", 77: "main", 100: "high"}
FORMATS = frozenset({"yuv420p", "yuvj420p"})
# An edge is short, and should not be seen as one.
EDGE_OPTIONS = {"preset": "veryfast", "crf": "20", "maxrate": "6000000", "bufsize": "12000000", "bf": "0"}


class CannotCopy(Exception):
    """The pictures of this source can't be copied: all of the clip must be encoded."""


class Phase(Enum):
    """Which part of the clip comes."""

    HEAD = "head"
    BODY = "body"  # is copied
    TAIL = "tail"


def splice(piece: Piece, span: Span, sound: SoundPlan | None, path: Path, threads: int, tell: Progress) -> Cuts:
    """Write a clip; answers where it was cut. Raises CannotCopy, SourceRefused."""
    with Reader(piece) as reader:
        plan = _look_through(reader, span)
    try:
        _write(piece, plan, sound, path, threads, tell)
    except FFmpegError as error:  # x264 or the muxer can't make what the source has
        raise CannotCopy(str(error)) from None
    return plan.cuts


def _write(piece: Piece, plan: _Plan, sound: SoundPlan | None, path: Path, threads: int, tell: Progress) -> None:
    with Reader(piece, threads=threads) as reader, open_file(path) as container:
        film = _Film(reader, container, plan, threads)
        voice = SoundTrack(container, sound) if sound else None
        talk = Talk([voice], sound.channels) if voice and sound else None
        for packet in reader.packets():
            if packet.stream is reader.video:
                film.take(packet)
                tell(film.progress)
            elif talk is not None:
                _hear(reader, packet, talk, plan.cuts)
        film.finish()
        if talk is not None and voice is not None:
            talk.finish(plan.cuts.ends_ms - plan.cuts.begins_ms)
            voice.finish()


@dataclass(frozen=True, slots=True)
class _Plan:
    """`delay`: how much earlier than shown a keyframe is decoded, in ticks; so it is with what is encoded again."""

    cuts: Cuts
    delay: int


def _look_through(reader: Reader, span: Span) -> _Plan:
    pictures: list[Seen] = []
    delay = 0
    for packet in reader.packets():
        if packet.stream is reader.video and packet.size and packet.pts is not None and packet.time_base is not None:
            pictures.append(Seen(reader.place(packet.pts, packet.time_base), packet.is_keyframe))
            delay = _composition(packet) if packet.is_keyframe else delay
    cuts = choose_cuts(pictures, span.start_ms, span.end_ms)
    if cuts is None:
        raise CannotCopy("no whole group of pictures")
    return _Plan(cuts, delay)


def _composition(packet: Packet[Stream]) -> int:
    """How many ticks after its decoding a picture is shown."""
    if packet.pts is None or packet.dts is None or packet.time_base is None:
        return 0
    return round((packet.pts - packet.dts) * packet.time_base / VIDEO_CLOCK)


def _hear(reader: Reader, packet: Packet[Stream], talk: Talk, cuts: Cuts) -> None:
    for frame in reader.decode(packet):
        if isinstance(frame, AudioFrame) and frame.pts is not None and frame.time_base is not None:
            at_ms = reader.place(frame.pts, frame.time_base)
            if cuts.begins_ms - EDGE_MS <= at_ms < cuts.ends_ms - EDGE_MS:
                talk.add(at_ms - cuts.begins_ms, frame)


class _Film:
    """The pictures of a clip, in the order of decoding."""

    def __init__(self, reader: Reader, container: OutputContainer, plan: _Plan, threads: int) -> None:
        if reader.video is None:
            raise CannotCopy("no pictures")
        self._reader = reader
        self._decoder = reader.video.codec_context
        self._cuts = plan.cuts
        self._delay = plan.delay
        self._threads = threads
        sets, self._number = _sets_of(self._decoder)
        self._encoder: VideoCodecContext | None = None
        if plan.cuts.has_head or plan.cuts.has_tail:
            self._encoder = _edge_encoder(self._decoder, sets, self._number, threads)
            sets = sets.with_sets_of(self._encoder.extradata or b"")
        self._sets = sets
        self._reel = _Reel(container, reader.video, sets, self._place(plan.cuts.ends_ms))
        self._phase = Phase.HEAD
        self.progress = 0.0

    def take(self, packet: Packet[Stream]) -> None:
        """Take the source's next packet."""
        if packet.pts is None or packet.time_base is None or not packet.size:
            return
        at_ms = self._reader.place(packet.pts, packet.time_base)
        self.progress = min(1.0, max(0.0, self._place(at_ms) / self._place(self._cuts.ends_ms)))
        if packet.is_keyframe:
            self._turn(at_ms)
        if self._phase is Phase.BODY:
            if at_ms < self._cuts.ends_ms - EDGE_MS:
                self._copy(packet, at_ms)
        elif self._encoder is not None:
            self._encode(self._reader.decode(packet))

    def finish(self) -> None:
        """Write what is left."""
        self._end_edge()
        self._reel.finish()

    def _turn(self, keyframe_ms: float) -> None:
        """Go on to the next part if this keyframe begins it."""
        if self._phase is Phase.HEAD and keyframe_ms >= self._cuts.copy_from_ms - EDGE_MS:
            self._end_edge()
            self._phase = Phase.BODY
        if self._phase is Phase.BODY and self._cuts.has_tail and keyframe_ms >= self._cuts.copy_until_ms - EDGE_MS:
            self._encoder = self._encoder or _edge_encoder(self._decoder, self._sets, self._number, self._threads)
            self._phase = Phase.TAIL

    def _place(self, at_ms: float) -> int:
        return ticks(at_ms - self._cuts.begins_ms)

    def _copy(self, packet: Packet[Stream], at_ms: float) -> None:
        data = bytes(packet)
        if packet.is_keyframe and not has_idr(data):
            raise CannotCopy("a keyframe is none")
        pts = self._place(at_ms)
        self._reel.add(data, pts, pts - _composition(packet), is_key=packet.is_keyframe)

    def _encode(self, frames: Iterable[object]) -> None:
        if self._encoder is None:
            return
        from_ms, until_ms = (
            (self._cuts.begins_ms, self._cuts.copy_from_ms)
            if self._phase is Phase.HEAD
            else (self._cuts.copy_until_ms, self._cuts.ends_ms)
        )
        for frame in frames:
            if not isinstance(frame, VideoFrame) or frame.pts is None or frame.time_base is None:
                continue
            at_ms = self._reader.place(frame.pts, frame.time_base)
            if from_ms - EDGE_MS <= at_ms < until_ms - EDGE_MS:
                frame.pts, frame.time_base = self._place(at_ms), VIDEO_CLOCK
                frame.pict_type = PictureType.NONE
                self._write(self._encoder.encode(frame))

    def _end_edge(self) -> None:
        if self._encoder is None or self._phase is Phase.BODY:
            return
        self._encode(self._reader.flush())
        self._write(self._encoder.encode(None))
        self._encoder = None
        self._decoder.flush_buffers()

    def _write(self, packets: Sequence[Packet[VideoStream]]) -> None:
        for packet in packets:
            if packet.pts is not None:
                self._reel.add(
                    to_lengths(bytes(packet)), packet.pts, packet.pts - self._delay, is_key=packet.is_keyframe
                )


class _Reel:
    """The track in the clip's file. Each picture waits for the next one, which says how long it lasts."""

    def __init__(self, container: OutputContainer, source: VideoStream, sets: Avcc, length: int) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(source)
        self._stream.codec_context.extradata = sets.body()
        self._length = length
        self._held: Packet[Stream] | None = None

    def add(self, data: bytes, pts: int, dts: int, *, is_key: bool) -> None:
        """Add a picture. Raises CannotCopy where the order of decoding would be lost."""
        if self._held is not None and self._held.dts is not None:
            if dts <= self._held.dts:
                raise CannotCopy("pictures are not in order")
            self._put(dts - self._held.dts)
        packet: Packet[Stream] = Packet(data)
        packet.stream, packet.time_base = self._stream, VIDEO_CLOCK
        packet.pts, packet.dts, packet.is_keyframe = pts, dts, is_key
        self._held = packet

    def finish(self) -> None:
        """The last picture stands until the end."""
        if self._held is not None and self._held.pts is not None:
            self._put(max(1, self._length - self._held.pts))

    def _put(self, duration: int) -> None:
        if self._held is not None:
            self._held.duration = duration
            self._container.mux(self._held)
            self._held = None


def _sets_of(decoder: VideoCodecContext) -> tuple[Avcc, int]:
    """The source's parameter sets, and a number that is free for those of the edges."""
    if decoder.name != "h264" or decoder.pix_fmt not in FORMATS:
        raise CannotCopy("not H.264 as every phone plays it")
    try:
        sets = read_avcc(decoder.extradata or b"")
        return sets, sets.free_number()
    except ValueError as error:
        raise CannotCopy(str(error)) from None


def _edge_encoder(decoder: VideoCodecContext, sets: Avcc, number: int, threads: int) -> VideoCodecContext:
    """An encoder whose pictures a player takes for those of the source; its parameter sets have this number."""
    profile = PROFILES.get(sets.first.profile)
    if profile is None:
        raise CannotCopy("a profile that x264 does not make")
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = decoder.width, decoder.height, decoder.pix_fmt
    encoder.time_base, encoder.framerate = VIDEO_CLOCK, Fraction(30)
    if decoder.sample_aspect_ratio:
        encoder.sample_aspect_ratio = decoder.sample_aspect_ratio
    encoder.color_range, encoder.colorspace = decoder.color_range, decoder.colorspace
    encoder.color_primaries, encoder.color_trc = decoder.color_primaries, decoder.color_trc
    encoder.flags |= Flags.global_header
    encoder.thread_count = threads
    encoder.options = {
        **EDGE_OPTIONS,
        "profile": profile,
        "x264-params": f"sps-id={number}:scenecut=0:open-gop=0:keyint=infinite:level={sets.first.level / 10}",
    }
    encoder.open()
    return encoder
