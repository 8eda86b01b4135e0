"""What slow players hold is bounded: all together, and each address; and what many hold together counts once."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import aiohttp
import pytest
from aiohttp import web

from media.hls.http import send
from media.hls.places import Places
from media.problems import Problem


def is_full(places: Places, client: str, size: int = 1, what: str | None = None) -> bool:
    try:
        with places.take(client, size, what):
            return False
    except Problem as problem:
        return problem.status == 503


def test_one_address_takes_a_quarter_and_leaves_the_rest_to_others() -> None:
    places = Places(8)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(places.take("a"))
        assert is_full(places, "a")
        for client in "bcd":
            held.enter_context(places.take(client, 2))
        assert is_full(places, "e")
    assert not is_full(places, "a", 2)


def test_a_crowd_that_watches_the_same_takes_its_place_once() -> None:
    places = Places(100)
    with ExitStack() as crowd:
        for number in range(20):
            crowd.enter_context(places.take(f"viewer-{number}", 25, "part-000000.m4s"))
        crowd.enter_context(places.take("another", 25, "part-000001.m4s"))
        crowd.enter_context(places.take("a third", 25, "part-000002.m4s"))
        crowd.enter_context(places.take("a fourth", 25, "part-000003.m4s"))
        assert is_full(places, "a fifth", 25, "part-000004.m4s")
        assert not is_full(places, "a fifth", 25, "part-000000.m4s")
    assert not is_full(places, "a fifth", 25, "part-000004.m4s")


def test_a_place_is_free_again_when_an_answer_fails() -> None:
    places = Places(4)
    for _ in range(3):
        with pytest.raises(ConnectionResetError), places.take("a"):
            raise ConnectionResetError
    assert not is_full(places, "a")


async def test_a_player_that_hangs_up_in_the_middle_of_an_answer_is_no_fault() -> None:
    # given
    sent = asyncio.get_running_loop().create_future()

    async def segment(request: web.Request) -> web.StreamResponse:
        try:
            answer = await send(request, "part-000000.m4s", [bytes(1_000_000)] * 100)
        except Exception as fault:
            sent.set_exception(fault)
            raise
        sent.set_result(answer.status)
        return answer

    app = web.Application()
    app.router.add_get("/part", segment)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()

    # when
    async with aiohttp.ClientSession() as player:
        answer = await player.get(f"http://127.0.0.1:{runner.addresses[0][1]}/part")
        await answer.content.readexactly(1000)
        answer.close()

        # then
        async with asyncio.timeout(10):
            assert await sent == 200
    await runner.cleanup()
