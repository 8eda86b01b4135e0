"""Workers that are lost at a fill: a take that is filled already never counts as failed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from config.clock import SystemClock
from config.objects import ObjectNotFound, ObjectsUnavailable
from server.fills.model import Fill
from server.fills.service import Fills
from server.making.model import MAX_FAULTS, WorkState, begin, claim
from server.making.service import Queue

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
RUN = {"video_codec": "avc1.42e01f", "audio_codec": "opus", "width": 640, "height": 360}


def take_json(*inits: str) -> bytes:
    """A take with a second of each of these runs."""
    parts = [
        {"name": f"part-{n}.m4s", "run": n, "start_ms": n * 1000, "duration_ms": 1000, "bytes": 1}
        for n in range(len(inits))
    ]
    runs = [{"init": init, **RUN} for init in inits]
    return json.dumps({"stream_id": "s1", "duration_ms": 1000 * len(inits), "parts": parts, "runs": runs}).encode()


class Records:
    """One fill, whose worker is always lost."""

    def __init__(self) -> None:
        self.fill = Fill("s1", "host", NOW, begin(NOW))

    async def get(self, thing_id: str) -> Fill | None:
        return self.fill

    async def move(self, before: Fill, after: Fill) -> Fill | None:
        self.fill = after
        return after

    async def due(self, now: datetime) -> list[Fill]:
        return []

    async def lost(self, now: datetime) -> list[Fill]:
        return [self.fill] if self.fill.work.state is WorkState.WORKING else []

    async def streams_with_files_before(self, moment: datetime) -> list[str]:
        return []


class OneTake:
    """An object store with a take.json, or without, or away."""

    def __init__(self, answer: bytes | Exception) -> None:
        self._answer = answer

    async def get(self, key: str) -> bytes:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (take_json("init-0.mp4", "fill-1-0-init.mp4", "init-1.mp4"), WorkState.WAITING),
        (ObjectsUnavailable("away"), WorkState.WAITING),
        (take_json("init-0.mp4", "init-1.mp4"), WorkState.FAILED),
        (ObjectNotFound("take.json"), WorkState.FAILED),
    ],
)
async def test_lost_workers_fail_a_fill_only_before_the_take_is_filled(
    answer: bytes | Exception, state: WorkState
) -> None:
    # given
    records, clock, unused = Records(), SystemClock(), cast("Any", None)
    store, objects = cast("Any", records), cast("Any", OneTake(answer))
    queue = Queue[Fill](store, unused, clock, job="fill", priority=lambda _: 0, lease_seconds=60)
    fills = Fills(store, queue, objects, unused, unused, unused, clock)
    # when
    for _ in range(MAX_FAULTS):
        records.fill = Fill("s1", "host", NOW, claim(records.fill.work, NOW, timedelta(seconds=60)))
        await fills.sweep()
    # then
    assert records.fill.work.state is state
