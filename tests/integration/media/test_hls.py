"""LL-HLS from a real node over real HTTP: waiting, bad questions, caches, crowds, the way back, and the end."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import m3u8
import pytest
import pytest_asyncio
from m3u8.parser import parse
from multidict import CIMultiDictProxy

from media.recording.take import part_name
from tests.harness.recorded import decode
from tests.integration.media.clients import Client, until
from tests.integration.media.conftest import Running

INDEX = "/hls/oranges/index.m3u8"
LIVE = "/hls/oranges/stream-oranges-1/live.m3u8"
WAIT_SECONDS = 20.0


class Player:
    """Asks like one, without playing."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.http = running.http

    def url(self, name: str) -> str:
        return urljoin(self.running.url(LIVE), name)

    async def get(self, path: str, **headers: str) -> tuple[int, bytes, CIMultiDictProxy[str]]:
        async with self.http.get(self.url(path), headers=headers) as response:
            return response.status, await response.read(), response.headers

    async def playlist(self, query: str = "") -> m3u8.M3U8:
        status, body, _ = await self.get(f"live.m3u8{query}")
        assert status == 200, body
        parse(body.decode(), strict=True)
        return m3u8.loads(body.decode())

    async def newest(self) -> tuple[int, int]:
        """The numbers of the newest fragment."""
        _, body, _ = await self.get("live.m3u8")
        segment, part = re.findall(r'PRELOAD-HINT:TYPE=PART,URI="part-(\d+)\.(\d+)\.m4s"', body.decode())[0]
        return int(segment), int(part) - 1

    async def wait_for_segments(self, count: int) -> m3u8.M3U8:
        async with asyncio.timeout(WAIT_SECONDS):
            await self.get(f"live.m3u8?_HLS_msn={count - 1}")
            while True:
                playlist = await self.playlist()
                if len([segment for segment in playlist.segments if segment.uri]) >= count:
                    return playlist
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture
async def host(running: Running) -> AsyncIterator[Client]:
    host = running.publisher()
    assert await host.connect() == 201
    yield host


@pytest_asyncio.fixture
async def player(running: Running, host: Client) -> Player:
    async def is_on() -> bool:
        async with running.http.get(running.url(INDEX)) as response:
            return response.status == 200

    async with asyncio.timeout(WAIT_SECONDS):
        while not await is_on():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return Player(running)


async def test_a_player_follows_fragment_by_fragment_and_what_it_gets_decodes(player: Player) -> None:
    # given a player that has found the rendition
    async with player.http.get(player.running.url(INDEX)) as response:
        index = await response.text()
    parse(index, strict=True)
    rendition, aac = m3u8.loads(index).playlists
    assert aac.stream_info.codecs.endswith(",mp4a.40.2")
    assert urljoin(player.running.url(INDEX), rendition.uri) == player.running.url(LIVE)
    assert "opus" in rendition.stream_info.codecs
    # when it asks for each next fragment
    segment, part = await player.newest()
    fragments: list[str] = []
    while len(fragments) < 6:
        playlist = await player.playlist(f"?_HLS_msn={segment}&_HLS_part={part + 1}")
        listed = [p.uri for s in playlist.segments for p in s.parts]
        new = [uri for uri in listed if uri not in fragments] if fragments else listed
        assert new, "a blocking reload brings something new"
        fragments += new
        segment, part = (int(number) for number in re.findall(r"part-(\d+)\.(\d+)", fragments[-1])[0])
    # then
    data = (await player.get("init-0.mp4"))[1]
    for uri in fragments:
        status, body, headers = await player.get(uri)
        assert (status, headers["Content-Type"]) == (200, "video/iso.segment")
        data += body
    seen = decode(data)
    assert len(seen.pictures_ms) > 30
    assert seen.channels == 2
    assert all(0.45 < p.duration < 0.62 for s in playlist.segments if s.uri for p in s.parts[:-1])


@pytest.mark.parametrize(
    "query", ["?_HLS_part=1", "?_HLS_msn=x", "?_HLS_msn=-1", "?_HLS_msn=1&_HLS_part=", "?_HLS_msn=999999"]
)
async def test_a_bad_question_is_answered_at_once(query: str, player: Player) -> None:
    began = time.monotonic()
    status, body, headers = await player.get(f"live.m3u8{query}")
    assert (status, headers["Cache-Control"]) == (400, "no-store"), body
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert time.monotonic() - began < 4


async def test_a_fragment_too_far_ahead_is_refused(player: Player) -> None:
    segment, part = await player.newest()
    status, *_ = await player.get(f"live.m3u8?_HLS_msn={segment}&_HLS_part={part + 60}")
    assert status == 400


@pytest.mark.parametrize(
    "path",
    [
        "part-000900.m4s",
        "part-000900.0.m4s",
        "part-000000.99.m4s",
        "init-9.mp4",
        "take.json",
        "../stream-x/live.m3u8",
    ],
)
async def test_what_is_not_there_is_not_found_and_no_cache_remembers_it(path: str, player: Player) -> None:
    status, _, headers = await player.get(path)
    assert (status, headers["Cache-Control"]) == (404, "no-store")


async def test_a_room_without_a_stream_has_no_playlist(running: Running) -> None:
    async with running.http.get(running.url("/hls/nobody/index.m3u8")) as response:
        assert (response.status, (await response.json())["code"]) == (404, "not_found")


async def test_any_http_cache_may_stand_before_it(player: Player) -> None:
    # given
    playlist = await player.wait_for_segments(1)
    segment = playlist.segments[0].uri
    # then what never changes says so
    for name in (segment, "init-0.mp4", playlist.segments[0].parts[0].uri):
        _, body, headers = await player.get(name)
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = await player.get(name, **{"If-None-Match": headers["ETag"]})
        assert (again[0], again[1], again[2]["ETag"]) == (304, b"", headers["ETag"])
        assert int(headers["Content-Length"]) == len(body)
    # and playlists may be kept shortly, or as long as nobody asks the same again
    _, _, headers = await player.get("live.m3u8")
    assert headers["Cache-Control"] == "public, max-age=1"
    assert headers["Access-Control-Allow-Origin"] == "*"
    _, _, headers = await player.get("live.m3u8?_HLS_msn=0&_HLS_part=0")
    assert headers["Cache-Control"] == "public, max-age=24"
    _, _, plain = await player.get("live.m3u8?_HLS_msn=0&_HLS_part=0", **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain
    assert plain["Vary"] == "Accept-Encoding"


async def test_the_hinted_fragment_is_sent_when_it_is_there(player: Player) -> None:
    segment, part = await player.newest()
    status, body, _ = await player.get(f"part-{segment:06}.{part + 1}.m4s")
    # It may turn out that the segment ended before: then the hint was wrong.
    assert (status, body[4:8]) in ((200, b"moof"), (404, body[4:8]))
    status, body, _ = await player.get(f"{part_name(segment + 1)[:-4]}.0.m4s")
    assert (status, body[4:8]) == (200, b"moof")


async def test_four_hundred_who_wait_are_all_answered_by_one_fragment(player: Player, running: Running) -> None:
    segment, part = await player.newest()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as crowd:

        async def ask() -> str:
            url = player.url(f"live.m3u8?_HLS_msn={segment}&_HLS_part={part + 1}")
            async with crowd.get(url) as response:
                assert response.status == 200
                return str(response.headers["ETag"])

        etags = await asyncio.gather(*(ask() for _ in range(400)))
    assert len(set(etags)) <= 4  # one text for all who ask between two fragments


async def test_too_many_of_one_address_are_asked_to_come_again(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.hls.places.ONE_ADDRESS_SHARE", 10**9)
    segment, _ = await player.newest()
    status, _, headers = await player.get(f"live.m3u8?_HLS_msn={segment + 1}")
    assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "1", "no-store")


async def test_a_silent_host_leaves_nobody_waiting_for_ever(
    player: Player, host: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.hls.airing.WAIT_SECONDS", 1.0)
    await host.vanish()
    segment, _ = await player.newest()
    status, _, headers = await player.get(f"live.m3u8?_HLS_msn={segment + 1}")
    assert (status, headers["Retry-After"]) == (503, "1")


async def test_who_waits_at_the_end_is_told_that_it_is_the_end(player: Player, host: Client) -> None:
    segment, _ = await player.newest()
    waiting = asyncio.create_task(player.playlist(f"?_HLS_msn={segment + 1}"))
    await host.delete()
    assert (await waiting).is_endlist
    assert (await player.playlist()).is_endlist


async def test_a_node_that_leaves_answers_who_waits(player: Player, running: Running) -> None:
    segment, _ = await player.newest()
    waiting = asyncio.create_task(player.get(f"live.m3u8?_HLS_msn={segment + 2}"))
    await asyncio.sleep(0.1)
    running.node.drain()
    async with asyncio.timeout(5):
        status, *_ = await waiting
    assert status == 503
    # but what comes is still told, until the stream has moved
    segment, part = await player.newest()
    status, *_ = await player.get(f"live.m3u8?_HLS_msn={segment}&_HLS_part={part + 1}")
    assert status == 200


async def test_who_lacks_opus_hears_the_same_in_aac(player: Player) -> None:
    # given fragments of two segments, made one by one
    await player.wait_for_segments(2)
    playlist = await player.playlist()
    segments = playlist.segments[:2]
    bodies = [(await player.get(f"aac/{part.uri}"))[1] for segment in segments for part in segment.parts]
    init = (await player.get("aac/init-0.mp4"))[1]
    # when
    seen = decode(init + b"".join(bodies))
    # then sound and picture are those of the whole segments
    wholes = [(await player.get(f"aac/{segment.uri}"))[1] for segment in segments]
    again = decode(init + b"".join(wholes))
    assert seen.sounds_ms == again.sounds_ms
    assert seen.pictures_ms == again.pictures_ms
    assert max(later - one for one, later in pairwise(seen.sounds_ms)) < 22  # unbroken
    assert abs(seen.sounds_ms[0] - seen.pictures_ms[0]) < 40


async def test_the_beginning_can_still_be_watched_when_it_is_no_longer_in_memory(
    player: Player, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the first segment as it was while it was new
    playlist = await player.wait_for_segments(1)
    _, fresh, _ = await player.get(playlist.segments[0].uri)
    # when there is no place for it any more, and the object store has taken it from the disk
    monkeypatch.setattr("media.hls.live.KEPT_BYTES", 0)
    await player.wait_for_segments(3)
    status, _, _ = await player.get(playlist.segments[0].parts[0].uri)
    assert status == 404
    spooled = Path(running.node.settings.spool_folder, "stream-oranges-1", playlist.segments[0].uri)
    await until(lambda: not spooled.exists(), "the upload of the first segment")
    # then
    status, old, headers = await player.get(playlist.segments[0].uri)
    assert (status, old) == (200, fresh)
    assert headers["Cache-Control"].endswith("immutable")
    # and not by everybody at once: who reads slowly holds it in memory
    monkeypatch.setattr("media.hls.places.ONE_ADDRESS_SHARE", 10**9)
    for name in (playlist.segments[0].uri, f"aac/{playlist.segments[0].uri}"):
        status, _, headers = await player.get(name)
        assert (status, headers["Retry-After"]) == (503, "1")


async def test_a_host_who_comes_back_is_a_discontinuity_in_the_same_playlist(
    player: Player, host: Client, running: Running
) -> None:
    await player.wait_for_segments(1)
    await host.vanish()
    again = running.publisher("/whip/oranges?takeover=1")
    assert await again.connect() == 201
    segment, _ = await player.newest()
    playlist = await player.playlist(f"?_HLS_msn={segment + 1}")
    assert sum(segment.discontinuity for segment in playlist.segments) == 1
    assert playlist.media_sequence == 0
    assert {segment.init_section.uri for segment in playlist.segments if segment.uri} == {"init-0.mp4", "init-1.mp4"}
