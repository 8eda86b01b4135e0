"""A take stays in the spool until the servers have heard of it: Redis may be away, the process may die."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisAway

import media.app
import media.events
from config.bus import Payload
from config.objects import Objects
from config.settings import MediaSettings
from config.tasks import Tasks
from media.app import _recover
from media.authorize import Grant
from media.cluster.neighbours import Neighbours
from media.events import Outbox
from media.node import Node
from media.recording.recorder import Recorder
from media.recording.spool import RecoveredTake, recover_spool
from media.recording.take import Record
from media.recording.take_spool import TakeSpool
from media.recording.tracks import SECOND_NS
from media.stream import Stream, StreamContext, StreamEnding
from tests.harness.scripted_rtp import H264, OPUS, broadcast
from tests.unit.media.object_shelf import ObjectShelf
from tests.unit.media.test_recording_spool import make_spool
from tests.unit.media.tracks import make_fanout


class Bus:
    """A bus that is away until it is told to be there."""

    def __init__(self) -> None:
        self.is_away = True
        self.heard: list[tuple[str, Mapping[str, Any]]] = []

    async def publish_event(self, event: str, fields: Mapping[str, Any]) -> None:
        if self.is_away:
            raise RedisAway("gone")
        self.heard.append((event, fields))

    async def consume_commands(self, handle: Callable[[Payload], Any]) -> None:
        pass

    async def set_lease(self, name: str, value: Payload, seconds: float) -> None:
        pass

    async def drop_lease(self, name: str) -> None:
        pass

    async def claim_lease(self, name: str, value: Payload, seconds: float, *, instead_of: str = "") -> Payload | None:
        return None

    async def give_up_lease(self, name: str, node_id: str) -> bool:
        return True

    async def lease(self, name: str) -> Payload | None:
        return None

    async def leases(self, prefix: str) -> dict[str, Payload]:
        return {}


class NoHook:
    """Nobody asks."""

    async def authorize(self, slug: str, key: str) -> Grant:
        raise AssertionError


class Ears:
    """Hears of recovered takes."""

    def __init__(self, *, understands: bool = True) -> None:
        self.understands = understands
        self.heard: list[str] = []

    async def hear(self, take: RecoveredTake) -> bool:
        self.heard.append(take.stream_id)
        return self.understands


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media.events, "RETRY_SECONDS", 0.001)


@pytest.fixture
def settings(tmp_path: Path) -> MediaSettings:
    return MediaSettings.model_construct(
        spool_folder=str(tmp_path),
        recording_part_seconds=2.0,
        publisher_grace_seconds=0.0,
        internal_secret=SecretStr("s" * 32),
    )


def make_stream(settings: MediaSettings, objects: Objects, outbox: Outbox, tasks: Tasks) -> tuple[Stream, Recorder]:
    """A stream that was live, and its recorder with two seconds of media."""
    recorder = Recorder(
        stream_id="stream", room_id="room", settings=settings, objects=objects, request_keyframe=lambda: None
    )
    context = StreamContext(
        settings=settings,
        make_fanout=make_fanout,
        tasks=tasks,
        emit=outbox.add,
        ended=lambda stream: None,
    )
    stream = Stream("zhang", "room", "stream", lambda *_: recorder, context)
    stream._was_live = True
    return stream, recorder


def spooled(settings: MediaSettings) -> list[str]:
    """The takes in the spool."""
    return [path.name for path in Path(settings.spool_folder).iterdir()]


def feed(recorder: Recorder) -> None:
    began_ns = time.monotonic_ns() - 2 * SECOND_NS
    recorder.begin_run(H264, OPUS)
    for arrival in broadcast("H264", 2):
        recorder.add(arrival.kind, arrival.packet, arrival.at_ns + began_ns)


async def test_a_take_is_announced_again_when_the_node_stopped_while_redis_was_away(settings: MediaSettings) -> None:
    # given a stream that is whole in the object store, and nobody who hears of it
    objects, bus = ObjectShelf(), Bus()
    outbox = Outbox(bus)
    async with Tasks("test") as tasks:
        stream, recorder = make_stream(settings, objects, outbox, tasks)
        await stream.start()
        feed(recorder)
        stream.end(StreamEnding.SHUTDOWN)
        tasks.start("send", outbox.run())
        finishing = tasks.start("finish", stream.finish())
        await objects.has("public/takes/stream/take.json")
        # when the node stops
        done, _ = await asyncio.wait({finishing}, timeout=0.2)
        assert not done
    # then
    ears = Ears()
    await recover_spool(settings, objects, ears.hear)
    assert ears.heard == ["stream"]
    assert spooled(settings) == []


async def test_the_spool_is_empty_once_redis_has_heard_of_the_take(settings: MediaSettings) -> None:
    # given
    objects, bus = ObjectShelf(), Bus()
    outbox = Outbox(bus)
    async with Tasks("test") as tasks:
        stream, recorder = make_stream(settings, objects, outbox, tasks)
        await stream.start()
        feed(recorder)
        stream.end(StreamEnding.DELETED)
        tasks.start("send", outbox.run())
        finishing = tasks.start("finish", stream.finish())
        await objects.has("public/takes/stream/take.json")
        # when
        bus.is_away = False
        await asyncio.wait_for(finishing, 10)
    # then
    assert [event for event, _ in bus.heard] == ["stream_ended", "take_ready"]
    assert bus.heard[1][1]["duration_ms"] == 2000
    assert spooled(settings) == []


async def test_a_recovered_take_is_announced_until_somebody_has_heard(settings: MediaSettings) -> None:
    make_spool(Path(settings.spool_folder)).close()
    objects, ears = ObjectShelf(), Ears(understands=False)
    await recover_spool(settings, objects, ears.hear)
    assert spooled(settings) == ["stream"]
    ears.understands = True
    await recover_spool(settings, objects, ears.hear)
    assert ears.heard == ["stream", "stream"]
    assert spooled(settings) == []


async def test_a_recovered_take_stays_when_its_publisher_goes_on_meanwhile(settings: MediaSettings) -> None:
    # given a publisher who comes back while the servers are being told
    folder = Path(settings.spool_folder)
    make_spool(folder).close()

    async def come_back(_: RecoveredTake) -> bool:
        spool = TakeSpool.open(folder, "stream", "room")
        spool.begin_part(5 * SECOND_NS, keyframe=True)
        spool.write_fragment(b"e" * 100, 6 * SECOND_NS)
        spool.close()
        return True

    # when
    await recover_spool(settings, ObjectShelf(), come_back)
    # then
    spool = TakeSpool.reopen(folder / "stream")
    assert spool.take.end_ns == 6 * SECOND_NS
    spool.close()


async def test_recovery_goes_on_after_a_fault_that_nobody_foresaw(
    settings: MediaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a spool with a take, and a store whose first answer is a bug
    monkeypatch.setattr(media.app, "RECOVERY_SECONDS", 0.01)
    make_spool(Path(settings.spool_folder)).close()
    objects, bus = ObjectShelf(), Bus()
    objects.fault = RuntimeError("a bug")
    bus.is_away = False
    async with aiohttp.ClientSession() as http, Tasks("test") as tasks:
        neighbours = Neighbours(settings, http)
        node = Node(settings, bus, NoHook(), lambda *_: pytest.fail("nobody publishes"), neighbours)
        tasks.start("send", node.outbox.run())
        # when
        tasks.start("recovery", _recover(node, objects))
        await objects.was_asked()
        objects.fault = None
        # then
        await objects.has("public/takes/stream/take.json")
        assert await node.outbox.drained(10)


async def test_a_disk_fault_at_the_first_part_ends_the_recording_and_not_the_node(
    settings: MediaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a disk that takes no note of a part
    append = TakeSpool._append

    def refuse_parts(spool: TakeSpool, record: Record) -> None:
        if record["what"] == "part":
            raise OSError(28, "No space left on device")
        append(spool, record)

    monkeypatch.setattr(TakeSpool, "_append", refuse_parts)
    async with Tasks("test") as tasks:
        _, recorder = make_stream(settings, ObjectShelf(), Outbox(Bus()), tasks)
        await recorder.start()
        feed(recorder)
        # when
        async with asyncio.timeout(10):
            summary = await recorder.finish()
        await recorder.remove()
    # then
    assert summary.duration_ms == 0
