"""When a stream moves to another node, or only its publisher is away, nobody who watches over HLS hears of an end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import m3u8
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisAway

from config.bus import Payload
from config.settings import MediaSettings
from config.tasks import Tasks
from media.cluster.leases import LeaseKeeper
from media.cluster.neighbours import Neighbours
from media.cluster.passing import Handler, Passing
from media.cluster.presence import Presence
from media.cluster.registry import Registry
from media.cluster.turns import UNTOLD_SEGMENTS, Turn, lease_of, take_turn
from media.events import Outbox
from media.hls.airing import Airings
from media.hls.http import PART_TYPE, HlsRoutes
from media.hls.live import Point
from media.hls.shelf import Shelf
from media.http import cors_and_problems
from media.node import Node
from media.problems import Problem, not_found
from media.recording.recorder import Recorder
from media.recording.take import Take
from media.recording.tracks import SECOND_NS
from media.recording.upload import take_key
from media.stream import Stream, StreamContext, StreamEnding
from tests.harness.recorded import decode, record
from tests.harness.scripted_rtp import H264, OPUS, broadcast
from tests.unit.media.conditions import WAIT_SECONDS
from tests.unit.media.object_shelf import ObjectShelf
from tests.unit.media.test_live_playlist import BEGAN, S, Studio, plain
from tests.unit.media.test_recording_told import Bus, NoHook, feed
from tests.unit.media.tracks import make_fanout

ELSEWHERE = "https://another.example.cn"


@pytest.fixture
def settings(tmp_path: Path) -> MediaSettings:
    return MediaSettings.model_construct(
        spool_folder=str(tmp_path),
        recording_part_seconds=2.0,
        publisher_grace_seconds=0.0,
        internal_secret=SecretStr("s" * 32),
        node_id="here",
        trusted_proxy_hops=0,
    )


class TwoNodes(Bus):
    """Leases that say which stream another node has in the room."""

    def __init__(self, stream_id: str) -> None:
        super().__init__()
        self.found: dict[str, Payload] = {
            "stream:zhang": {"node_id": "there", "stream_id": stream_id},
            "node:there": {"node_id": "there", "internal_url": "http://there", "public_url": ELSEWHERE},
        }

    async def lease(self, name: str) -> Payload | None:
        return self.found.get(name)


async def recorded(settings: MediaSettings, reason: StreamEnding, *, was_live: bool = True) -> Airings:
    """The airings of a node when a stream has left it."""
    airings = Airings()
    async with Tasks("test") as tasks:
        recorder = Recorder(
            stream_id="stream",
            room_id="room",
            settings=settings,
            objects=ObjectShelf(),
            request_keyframe=lambda: None,
            onlooker=airings.open("stream"),
        )
        bus = Bus()
        bus.is_away = False
        outbox = Outbox(bus)
        tasks.start("send", outbox.run())
        context = StreamContext(settings, make_fanout, tasks, outbox.add, lambda _: None)
        stream = Stream("zhang", "room", "stream", lambda *_: recorder, context)
        stream._was_live = was_live
        await stream.start()
        feed(recorder)
        stream.end(reason)
        await stream.finish()
        await asyncio.sleep(0)  # what the thread told last
    return airings


def playlist_of(airings: Airings) -> str:
    airing = airings.get("stream")
    assert airing is not None
    return plain(airing)


@pytest.mark.parametrize("reason", [StreamEnding.DELETED, StreamEnding.VANISHED, StreamEnding.COMMAND])
async def test_a_stream_that_has_ended_ends_for_its_viewers(settings: MediaSettings, reason: StreamEnding) -> None:
    airings = await recorded(settings, reason)
    assert playlist_of(airings).endswith("#EXT-X-ENDLIST\n")


async def test_a_stream_that_moved_to_another_node_has_no_end_here(settings: MediaSettings) -> None:
    airings = await recorded(settings, StreamEnding.MOVED)
    assert "part-000000.m4s" in playlist_of(airings)
    assert "ENDLIST" not in playlist_of(airings)


async def test_a_publisher_who_came_back_and_sent_nothing_ends_nothing(settings: MediaSettings) -> None:
    airings = await recorded(settings, StreamEnding.VANISHED, was_live=False)
    assert "ENDLIST" not in playlist_of(airings)


async def test_who_waits_for_what_comes_elsewhere_is_sent_to_ask_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("media.hls.airing.WAIT_SECONDS", 3600.0)
    studio, leaving = Studio(), asyncio.Event()
    studio.segment()
    waiting = asyncio.create_task(studio.airing.wait_for(Point(1, 0), leaving))
    await asyncio.sleep(0)
    studio.airing.ended(is_over=False)
    async with asyncio.timeout(WAIT_SECONDS):
        assert not await waiting
        assert not await studio.airing.wait_for(Point(1, 0), leaving)
    assert studio.over == [studio.airing]


def test_the_playlist_of_the_next_node_says_that_another_timeline_begins() -> None:
    studio = Studio(turn=Turn(2))
    studio.segment()
    studio.run()
    studio.segment()
    playlist = m3u8.loads(studio.text())
    assert playlist.discontinuity_sequence == 2000
    assert [segment.discontinuity for segment in playlist.segments if segment.uri] == [False, True]
    assert "DISCONTINUITY-SEQUENCE" not in Studio().text()


async def test_the_next_node_counts_on_while_its_files_have_names_of_their_own() -> None:
    studio = Studio(first_number=1_795_348_800, turn=Turn(1, 731, 731))
    studio.segment()
    studio.part()
    studio.grow()
    playlist = m3u8.loads(studio.text())
    assert playlist.media_sequence == 731
    assert playlist.segments[0].uri == "part-1795348800.m4s"
    assert 'URI="part-1795348801.1.m4s"' in studio.text()
    assert studio.airing.listed == range(731, 733)


def test_a_playlist_names_no_segment_that_died_with_the_node_before() -> None:
    # given a node that had told of 731 segments when it died, and may have listed some more that never left its disk
    dead = lease_of(Turn(), None, "dead") | {"next_sequence": 731}
    turn = take_turn(dead, "next")

    # when another one goes on twenty seconds later
    studio = Studio(first_number=1_795_348_800, turn=turn)
    studio.now_ns = 20 * S
    studio.segment()

    # then its playlist begins behind all of them, on the same wall clock: there is nothing to mark as EXT-X-GAP
    playlist = m3u8.loads(studio.text())
    assert playlist.media_sequence == turn.first_sequence == 731 + UNTOLD_SEGMENTS
    assert [segment.uri for segment in playlist.segments if segment.uri] == ["part-1795348800.m4s"]
    assert playlist.segments[0].program_date_time == BEGAN + timedelta(seconds=20)
    assert playlist.discontinuity_sequence == 1000


async def test_who_asks_the_next_node_with_the_numbers_of_the_one_before_gets_all_of_it() -> None:
    studio = Studio(first_number=1_795_348_800, turn=Turn(1, 40, 40))
    for _ in range(30):
        studio.segment()
    assert "EXT-X-SKIP" in studio.text(is_delta=True)
    assert studio.airing.knows(Point(40, 1))
    assert not studio.airing.knows(Point(40, 0))
    assert not studio.airing.knows(Point(17, 3))


async def test_each_node_that_goes_on_with_a_stream_knows_that_it_is_the_next(settings: MediaSettings) -> None:
    class Shared(Bus):
        found: Payload | None = None

        async def lease(self, name: str) -> Payload | None:
            return self.found if name == "recorded:stream" else None

        async def set_lease(self, name: str, value: Mapping[str, Any], seconds: float) -> None:
            self.found = dict(value)

    bus = Shared()
    turns = []
    for node, before in (("a", ""), ("a", ""), ("b", "a"), ("b", "a"), ("a", "b")):
        turns.append((await Registry(bus, node).take_turn("stream")).number)
        assert bus.found is not None
        assert bus.found["before"] == before
    assert turns == [0, 0, 1, 1, 2]


async def from_here(_: web.Request) -> web.StreamResponse:
    return web.Response(text="from here")


async def asked(
    settings: MediaSettings,
    airings: Airings,
    path: str,
    *,
    there: str = "stream",
    bus: TwoNodes | None = None,
    handler: Handler = from_here,
) -> web.StreamResponse:
    """What a node answers about HLS while another node has the room."""
    async with aiohttp.ClientSession() as http:
        neighbours = Neighbours(settings, http)
        node = Node(
            settings, bus or TwoNodes(there), NoHook(), lambda *_: pytest.fail("nobody publishes"), neighbours
        )
        passing = Passing(node, node.registry, neighbours, airings.answers)
        _, _, slug, stream_id, *name = path.split("/")
        found = {"slug": slug, "stream": stream_id} | ({"name": name[0]} if name[0] != "live.m3u8" else {})
        request = make_mocked_request("GET", path, match_info=found)
        return await passing.middleware(request, handler)


async def test_the_end_is_told_here_although_the_rooms_next_stream_is_elsewhere(settings: MediaSettings) -> None:
    airings = await recorded(settings, StreamEnding.DELETED)
    answer = await asked(settings, airings, "/hls/zhang/stream/live.m3u8", there="stream-2")
    assert answer.status == 200
    answer = await asked(settings, airings, "/hls/zhang/unknown/live.m3u8", there="stream-2")
    assert answer.status == 307


async def test_who_asks_another_node_while_a_stream_is_handed_over_or_over_is_sent_to_who_recorded_it(
    settings: MediaSettings,
) -> None:
    # given a room that nobody has at the moment
    bus = TwoNodes("stream")
    del bus.found["stream:zhang"]
    answer = await asked(settings, Airings(), "/hls/zhang/stream/live.m3u8", bus=bus)
    assert answer.status == 200
    # when it is known who recorded the stream
    bus.found["recorded:stream"] = {"node_id": "there", "turn": 0}
    # then
    answer = await asked(settings, Airings(), "/hls/zhang/stream/live.m3u8", bus=bus)
    assert answer.status == 307


class Rooms(TwoNodes):
    """Leases that are kept."""

    async def set_lease(self, name: str, value: Payload, seconds: float) -> None:
        self.found[name] = value

    async def claim_lease(self, name: str, value: Payload, seconds: float, *, instead_of: str = "") -> Payload | None:
        held = self.found.setdefault(name, value)
        return None if held["node_id"] == value["node_id"] else held

    async def give_up_lease(self, name: str, node_id: str) -> bool:
        is_ours = self.found.get(name, {}).get("node_id") == node_id
        return is_ours and self.found.pop(name) is not None


async def told(settings: MediaSettings, bus: Bus, airings: Airings, path: str) -> Problem:
    """How a node refuses what it does not have."""
    async with aiohttp.ClientSession() as http:
        node = Node(settings, bus, NoHook(), lambda *_: pytest.fail("nobody publishes"), Neighbours(settings, http))
        routes = HlsRoutes(node, airings, Shelf(settings.spool_folder, ObjectShelf()))
        found = dict(zip(("slug", "stream", "name"), path.split("/")[2:], strict=False))
        request = make_mocked_request("GET", path, match_info=found)
        with pytest.raises(Problem) as refusal:
            await (routes.index if found["stream"] == "index.m3u8" else routes.playlist)(request)
    return refusal.value


@pytest.mark.parametrize("path", ["/hls/zhang/index.m3u8", "/hls/zhang/stream/live.m3u8"])
async def test_until_another_node_goes_on_with_a_stream_players_are_asked_to_come_again(
    settings: MediaSettings, path: str
) -> None:
    # given a stream whose node leaves
    bus = Rooms("another")
    bus.found.clear()
    keeper = LeaseKeeper(Registry(bus, "leaving"), Presence(cast(Any, None)))
    await keeper.claim("zhang", {"stream_id": "stream"})
    await keeper.release("zhang", None)

    # then
    refusal = await told(settings, bus, Airings(), path)
    assert (refusal.status, refusal.headers.get("Retry-After")) == (503, "1")

    # but not when it has ended
    await keeper.release("zhang", "stream")
    refusal = await told(settings, bus, Airings(), path)
    assert (refusal.status, refusal.headers) == (404, {})


async def test_while_nobody_can_say_who_has_a_stream_players_are_asked_to_come_again(settings: MediaSettings) -> None:
    class Away(Bus):
        async def lease(self, name: str) -> Payload | None:
            raise RedisAway("gone")

    assert (await told(settings, Away(), Airings(), "/hls/zhang/stream/live.m3u8")).status == 503


async def test_who_comes_before_the_first_fragment_waits_for_it(
    settings: MediaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.hls.airing.WAIT_SECONDS", 0.0)
    airings = Airings()
    airings.open("stream").opened(Take("stream", "room"))
    assert (await told(settings, Bus(), airings, "/hls/zhang/stream/live.m3u8")).status == 503
    airing = airings.get("stream")
    assert airing is not None
    airing.ended(is_over=True)
    assert (await told(settings, Bus(), airings, "/hls/zhang/stream/live.m3u8")).status == 404


async def test_the_segments_of_a_node_that_is_gone_are_read_from_the_object_store(settings: MediaSettings) -> None:
    # given a node that goes on with a stream, and one that begins it
    objects, airings = ObjectShelf(), Airings()
    await objects.put(take_key("stream", "part-000007.m4s"), b"pictures", content_type=PART_TYPE)
    airings.open("stream", Turn(1)).opened(Take("stream", "room", first_number=1_795_348_800))
    begun = Airings()
    begun.open("stream").opened(Take("stream", "room", first_number=1_795_348_800))

    # then
    assert await fetched(settings, airings, objects, "part-000007.m4s") == (200, b"pictures")
    for where, name in ((airings, "part-000008.m4s"), (airings, "part-1795348801.m4s"), (begun, "part-000007.m4s")):
        assert (await fetched(settings, where, objects, name))[0] == 404


async def test_fragments_and_aac_of_a_node_that_is_gone_are_made_of_what_is_in_the_object_store(
    settings: MediaSettings, tmp_path: Path
) -> None:
    # given a take of another node, all of it in the object store, and this node that goes on with the stream
    objects, airings = ObjectShelf(), Airings()
    take = record(tmp_path / "gone", [(H264, OPUS, broadcast("H264", 4, SECOND_NS))])
    files = {run.init for run in take.runs} | {part.name for part in take.parts}
    for name in files:
        await objects.put(take_key("stream", name), (tmp_path / "gone/stream" / name).read_bytes(), PART_TYPE)
    airings.open("stream", Turn(1)).opened(Take("stream", "room", first_number=1_795_348_800))

    # when
    pieces = [await fetched(settings, airings, objects, f"part-000001.{number}.m4s") for number in range(4)]
    init = (await fetched(settings, airings, objects, "aac/init-0.mp4"))[1]
    whole = [(await fetched(settings, airings, objects, f"aac/{part.name}"))[1] for part in take.parts]
    cut = [(await fetched(settings, airings, objects, f"aac/part-000001.{number}.m4s"))[1] for number in range(4)]

    # then the fragments are the part, and players hear all of it, whichever way they asked
    assert b"".join(body for _, body in pieces) == objects.held[take_key("stream", "part-000001.m4s")]
    assert (await fetched(settings, airings, objects, "part-000001.4.m4s"))[0] == 404
    heard = decode(init + b"".join(whole))
    assert len(heard.pictures_ms) == 120
    assert heard.beeps_ms == pytest.approx([0, 1000, 2000, 3000], abs=40)
    assert decode(init + whole[0] + b"".join(cut)).beeps_ms == pytest.approx([0, 1000, 2000, 3000], abs=40)


async def fetched(settings: MediaSettings, airings: Airings, objects: ObjectShelf, name: str) -> tuple[int, bytes]:
    """A file as a player gets it."""
    async with aiohttp.ClientSession() as http:
        node = Node(settings, Bus(), NoHook(), lambda *_: pytest.fail("nobody publishes"), Neighbours(settings, http))
    app = web.Application(middlewares=[cors_and_problems])
    HlsRoutes(node, airings, Shelf(settings.spool_folder, objects)).add_to(app)
    async with TestClient(TestServer(app)) as player:
        answer = await player.get(f"/hls/zhang/stream/{name}")
        return answer.status, await answer.read()


async def test_a_segment_that_the_recording_node_never_had_is_asked_for_at_the_node_before(
    settings: MediaSettings,
) -> None:
    bus = TwoNodes("stream")
    bus.found["stream:zhang"] = {"node_id": "here", "stream_id": "stream"}
    bus.found["recorded:stream"] = {"node_id": "here", "turn": 1, "before": "there"}

    async def handler(_: web.Request) -> web.StreamResponse:
        raise not_found("there is no such part")

    answer = await asked(settings, Airings(), "/hls/zhang/stream/part-000000.m4s", bus=bus, handler=handler)
    assert answer.status == 307


async def test_after_a_move_the_playlist_comes_from_there_and_old_segments_still_from_here(
    settings: MediaSettings,
) -> None:
    airings = await recorded(settings, StreamEnding.MOVED)
    for name, status in {
        "live.m3u8": 307,
        "init-0.mp4": 200,
        "part-000000.m4s": 200,
        "part-000000.1.m4s": 200,
        "part-1795348800.m4s": 307,
        "init-1795348800.mp4": 307,
    }.items():
        answer = await asked(settings, airings, f"/hls/zhang/stream/{name}")
        assert answer.status == status, name
