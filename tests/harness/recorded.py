"""Records scripted RTP without threads, and looks at what a player would get."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av

from media.recording.take import Take
from media.recording.take_spool import TakeSpool
from media.recording.timeline import SenderReport
from media.recording.tracks import SECOND_NS, Kind, TrackFormat
from media.recording.writer import Clocks, TakeWriter
from tests.harness.scripted_rtp import Arrival

TICK_NS = SECOND_NS * 15 // 100
BEGAN = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
CLOCKS = Clocks(0, BEGAN)
Reports = Sequence[tuple[int, Kind, SenderReport]]  # with the times of their arrival
Run = (
    tuple[TrackFormat | None, TrackFormat | None, list[Arrival]]
    | tuple[TrackFormat | None, TrackFormat | None, list[Arrival], Reports]
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a player decodes of one run, in milliseconds of the take."""

    pictures_ms: list[float]
    sounds_ms: list[float]
    sound_end_ms: float
    flashes_ms: list[float]
    beeps_ms: list[float]
    size: tuple[int, int]
    channels: int


def record(
    folder: Path,
    runs: Iterable[Run],
    reports: Iterable[tuple[Kind, SenderReport]] = (),
    part_seconds: float = 2.0,
    tick_ns: int = TICK_NS,
    clocks: Clocks = CLOCKS,
    *,
    is_continued: bool = False,
) -> Take:
    """Record these runs into `folder`/stream; answers the take."""
    spool = TakeSpool.open(folder, "stream", "room")
    writer = TakeWriter(spool, part_seconds, clocks, is_continued=is_continued)
    for video, audio, arrivals, *more in runs:
        writer.begin_run(video, audio)
        for kind, report in reports:
            writer.report(kind, report)
        tick_at = 0
        due = list(more[0]) if more else []
        for arrival in arrivals:
            while due and due[0][0] <= arrival.at_ns:
                _, kind, report = due.pop(0)
                writer.report(kind, report)
            writer.push(arrival.kind, arrival.packet, arrival.at_ns)
            if arrival.at_ns >= tick_at:
                writer.tick(arrival.at_ns)
                tick_at = arrival.at_ns + tick_ns
    writer.end_run()
    spool.close()
    return spool.take


def shown(folder: Path, take: Take, run: int = 0) -> Shown:
    """Decode one run as a player does: its init segment and its parts, one after the other."""
    data = (folder / take.runs[run].init).read_bytes()
    for part in take.parts:
        if part.run == run:
            data += (folder / part.name).read_bytes()
    return decode(data)


def decode(data: bytes) -> Shown:
    """Decode every picture and sound; anything that a decoder complains about fails."""
    pictures: list[float] = []
    sounds: list[float] = []
    flashes: list[float] = []
    beeps: list[float] = []
    size, channels, sound_end, decoded_at = (0, 0), 0, 0.0, {"video": -1, "audio": -1}
    with av.open(io.BytesIO(data), "r", options={"err_detect": "explode"}) as container:
        for packet in container.demux():
            kind = packet.stream.type
            if packet.size and packet.dts is not None and kind in decoded_at:
                assert packet.dts > decoded_at[kind], "decode times must rise"
                decoded_at[kind] = packet.dts
            for frame in packet.decode():
                assert isinstance(frame, av.VideoFrame | av.AudioFrame)
                at_ms = float((frame.pts or 0) * (frame.time_base or 0) * 1000)
                if isinstance(frame, av.VideoFrame):
                    pictures.append(at_ms)
                    size = (frame.width, frame.height)
                    if is_white(frame):
                        flashes.append(at_ms)
                else:
                    sounds.append(at_ms)
                    channels = len(frame.layout.channels)
                    sound_end = at_ms + frame.samples / 48
                    if (offset := beep_ms(frame)) is not None and (not beeps or at_ms - beeps[-1] > 500):
                        beeps.append(at_ms + offset)
    return Shown(pictures, sounds, sound_end, flashes, beeps, size, channels)


def is_white(frame: av.VideoFrame) -> bool:
    """Whether a picture is one of the white ones."""
    middle = frame.planes[0].line_size * (frame.height // 2)
    row = bytes(frame.planes[0])[middle : middle + frame.width]
    return sum(row) / len(row) > 180


def beep_ms(frame: av.AudioFrame) -> float | None:
    """Where in a frame of decoded sound it becomes loud."""
    values = memoryview(bytes(frame.planes[0])).cast("f")[: frame.samples]  # Opus decodes to planar floats
    if max(values) < 0.1:
        return None
    return next(index for index, value in enumerate(values) if value >= 0.1) / 48
