"""Who sends a video has a place for it, and loses it to others when he does nothing with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from server.errors import TooManyRequests, Unavailable
from server.uploads.model import TakenOver, UploadStopped
from server.uploads.places import OF_ONE_TEACHER, RECEIVED_AT_ONCE, WINDOW_BYTES, Place, Places

SOON = 0.05


async def all_of(place: Place, body: AsyncIterator[bytes]) -> int:
    """How many bytes of a body come through."""
    size = 0
    async for chunk in place.read(body):
        size += len(chunk)
    return size


async def pieces(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(0)
        yield bytes(size)


def test_a_teacher_takes_a_few_places_and_others_still_have_theirs() -> None:
    places = Places()
    with ExitStack() as sending:
        for n in range(OF_ONE_TEACHER):
            sending.enter_context(places.take("li", f"u{n}"))
        with pytest.raises(TooManyRequests), places.take("li", "one more"):
            pass
        sending.enter_context(places.take("wang", "another's"))


def test_a_server_takes_in_so_many_at_once_and_each_place_is_given_back() -> None:
    places = Places()
    with ExitStack() as sending:
        for n in range(RECEIVED_AT_ONCE):
            sending.enter_context(places.take(f"t{n}", f"u{n}"))
        with pytest.raises(Unavailable), places.take("late", "late"):
            pass
    with places.take("late", "late"):
        pass


async def test_who_goes_on_with_an_upload_takes_the_place_of_the_request_before() -> None:
    # given: a teacher's last place, whose request waits for a phone that is gone
    places, never = Places(), asyncio.Event()

    async def hangs() -> AsyncIterator[bytes]:
        yield b"some"
        await never.wait()

    with ExitStack() as sending:
        for n in range(OF_ONE_TEACHER - 1):
            sending.enter_context(places.take("li", f"u{n}"))
        first = sending.enter_context(places.take("li", "video"))
        waiting = asyncio.create_task(all_of(first, hangs()))
        await asyncio.sleep(0)

        # when
        second = sending.enter_context(places.take("li", "video"))

        # then
        with pytest.raises(TakenOver) as ended:
            await waiting
        assert (ended.value.status, ended.value.code) == (409, "wrong_offset")
        assert await all_of(second, pieces(100, 3)) == 300


async def test_who_takes_over_begins_once_the_request_before_has_kept_what_came() -> None:
    # given
    places, is_kept = Places(), asyncio.Event()
    told: list[str] = []

    async def first() -> None:
        with places.take("li", "video"):
            await is_kept.wait()
            told.append("kept")

    async def second() -> None:
        with places.take("li", "video") as place:
            await place.wait_for_before()
            told.append("goes on")

    # when
    async with asyncio.TaskGroup() as requests:
        requests.create_task(first())
        await asyncio.sleep(0)
        requests.create_task(second())
        await asyncio.sleep(0)
        is_kept.set()

    # then
    assert told == ["kept", "goes on"]


async def test_a_request_that_hangs_is_not_waited_for_for_ever() -> None:
    places = Places()
    with places.take("li", "video"), places.take("li", "video") as place:
        await place.wait_for_before(SOON)
        assert await all_of(place, pieces(100, 3)) == 300


async def test_who_is_taken_over_while_he_waits_gives_up() -> None:
    places = Places()
    with ExitStack() as requests:
        _, second, _ = [requests.enter_context(places.take("li", "video")) for _ in range(3)]
        with pytest.raises(TakenOver):
            await second.wait_for_before(SOON)


def test_requests_that_lost_their_upload_count_until_they_are_over() -> None:
    # given: each hangs in S3 with what it has in memory
    places = Places()
    with ExitStack() as hanging:
        for _ in range(OF_ONE_TEACHER + 1):  # the one that is being taken over makes room
            hanging.enter_context(places.take("li", "video"))
        # then
        with pytest.raises(TooManyRequests), places.take("li", "video"):
            pass


def test_a_place_that_was_taken_over_is_given_back_by_who_has_it_now() -> None:
    places = Places()
    with ExitStack() as later:
        with places.take("li", "video"):
            later.enter_context(places.take("li", "video"))
        with ExitStack() as sending:
            for n in range(OF_ONE_TEACHER - 1):
                sending.enter_context(places.take("li", f"u{n}"))
            with pytest.raises(TooManyRequests), places.take("li", "one more"):
                pass


async def test_a_body_that_drips_is_ended() -> None:
    with Places(SOON).take("li", "video") as place, pytest.raises(UploadStopped):
        await all_of(place, pieces(1, WINDOW_BYTES * 100))


async def test_a_body_that_stands_still_is_ended() -> None:
    async def stands_still() -> AsyncIterator[bytes]:
        yield bytes(WINDOW_BYTES)
        await asyncio.Event().wait()

    with Places(SOON).take("li", "video") as place, pytest.raises(UploadStopped):
        await all_of(place, stands_still())


async def test_what_the_server_does_with_a_piece_is_not_the_clients_slowness() -> None:
    with Places(SOON).take("li", "video") as place:
        size = 0
        async for chunk in place.read(pieces(10, 3)):
            await asyncio.sleep(SOON)
            size += len(chunk)
    assert size == 30
