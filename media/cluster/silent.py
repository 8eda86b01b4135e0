"""What a copy of a stream has in the place of a recorder and of events: its origin records, and tells the servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from media.recording.health import Health
from media.recording.take import TakeSummary
from media.recording.tracks import Kind, TrackFormat


class NoRecorder:
    """Records nothing."""

    def __init__(self, stream_id: str, room_id: str, request_keyframe: Callable[[], None]) -> None:
        self.first_picture_at: datetime | None = datetime.now(UTC)
        self.health = Health.ON  # at its origin, as far as we know
        self.listed = range(0)

    async def start(self) -> None:
        """Nothing to open."""

    def begin_run(self, video: TrackFormat | None, audio: TrackFormat | None) -> None:
        """Not kept."""

    def add(self, kind: Kind, packet: bytes, arrival_ns: int) -> None:
        """Not kept."""

    def add_sender_report(self, kind: Kind, ntp: int, rtp_timestamp: int) -> None:
        """Not kept."""

    async def finish(self, *, is_over: bool) -> TakeSummary:
        """An empty take."""
        return TakeSummary(0, has_video=False, has_audio=False)

    async def aclose(self) -> None:
        """Nothing to close."""

    async def remove(self) -> None:
        """Nothing to remove."""


def say_nothing(event: str, fields: Mapping[str, object]) -> asyncio.Future[bool]:
    """In the place of an event to the servers."""
    heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    heard.set_result(True)
    return heard
