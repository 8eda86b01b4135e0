"""What the recorder gets of a stream: of its pictures one layer at a time, as one track without a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from media.recording.health import Health
from media.recording.take import TakeSummary
from media.recording.tracks import Kind, TrackFormat
from media.rtp.packet import RtpPacket
from media.rtp.seq import time_distance

LAYER_SILENT_SECONDS = 1.5  # a browser short of upload pauses its best layer; the next one is recorded then


class TakeRecorder(Protocol):
    """What a stream needs of its recorder (media/recording)."""

    @property
    def first_picture_at(self) -> datetime | None: ...
    @property
    def health(self) -> Health: ...
    @property
    def listed(self) -> range: ...
    async def start(self) -> None: ...
    def begin_run(self, video: TrackFormat | None, audio: TrackFormat | None) -> None: ...
    def add(self, kind: Kind, packet: bytes, arrival_ns: int) -> None: ...
    def add_sender_report(self, kind: Kind, ntp: int, rtp_timestamp: int) -> None: ...
    async def finish(self, *, is_over: bool) -> TakeSummary: ...
    async def aclose(self) -> None: ...
    async def remove(self) -> None: ...


RecorderFactory = Callable[[str, str, Callable[[], None]], TakeRecorder]  # stream, room, how to ask for a keyframe


class RecorderFeed:
    """Hands a stream's packets, which carry the track's own numbers, to its recorder."""

    def __init__(self, recorder: TakeRecorder) -> None:
        self._recorder = recorder
        self._has_pictures = False  # in a codec that goes into MP4
        self._order: Sequence[str] = ("",)
        self._heard: dict[str, float] = {}
        self._rid: str | None = None
        self._first = 0
        self._shift = 0
        self._time_shift = 0
        self._last_sequence = -1
        self._last_timestamp = 0

    def begin_run(self, video: TrackFormat | None, audio: TrackFormat | None, rids: Sequence[str]) -> None:
        """A publisher begins, with these layers, best first."""
        self._has_pictures = video is not None
        self._order, self._heard, self._rid = rids, {}, None
        self._recorder.begin_run(video, audio)

    def wanted(self, now: float) -> str:
        """The layer whose next keyframe the recorder needs: the best one that flows."""
        flowing = (rid for rid in self._order if now - self._heard.get(rid, float("-inf")) < LAYER_SILENT_SECONDS)
        return next(flowing, self._rid or self._order[-1])

    def sound(self, packet: RtpPacket, now: float) -> None:
        """A packet of sound."""
        self._recorder.add("audio", bytes(packet), int(now * 1e9))

    def picture(self, rid: str, packet: RtpPacket, now: float, *, is_keyframe: bool) -> None:
        """A packet of a layer; `is_keyframe`: a picture that needs no other begins with it."""
        if not self._has_pictures:
            return
        self._heard[rid] = now
        if rid != self._rid:
            if not is_keyframe or not self._is_better(rid, now):
                return
            self._switch(rid, packet)
        if packet.sequence < self._first:
            return
        sequence = packet.sequence + self._shift
        timestamp = packet.timestamp + self._time_shift & 0xFFFFFFFF
        if sequence > self._last_sequence:
            self._last_sequence, self._last_timestamp = sequence, timestamp
        moved = RtpPacket(packet.payload_type, packet.marker, sequence, timestamp, packet.ssrc, packet.payload)
        self._recorder.add("video", bytes(moved), int(now * 1e9))

    def clock(self, kind: Kind, rid: str, ntp: int, own_timestamp: int) -> None:
        """The publisher's sender report, in the track's own time."""
        if kind == "audio":
            self._recorder.add_sender_report(kind, ntp, own_timestamp)
        elif rid == self._rid:
            self._recorder.add_sender_report(kind, ntp, own_timestamp + self._time_shift & 0xFFFFFFFF)

    def _is_better(self, rid: str, now: float) -> bool:
        current = self._rid
        if current is None or current not in self._order:
            return True
        if self._order.index(rid) < self._order.index(current):
            return True
        return now - self._heard.get(current, float("-inf")) >= LAYER_SILENT_SECONDS

    def _switch(self, rid: str, packet: RtpPacket) -> None:
        is_first = self._last_sequence < 0
        self._rid, self._first = rid, packet.sequence
        self._shift = 0 if is_first else self._last_sequence + 1 - packet.sequence
        gap = time_distance(packet.timestamp, self._last_timestamp)
        self._time_shift = 0 if is_first or gap > 0 else 1 - gap
