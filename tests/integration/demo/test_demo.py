"""The demo on real servers: seeding it twice changes nothing; its host is live, shows a card, ends cleanly, stays."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from config.settings import ServerSettings
from dongting.demo import data
from dongting.demo.host import DemoHost, Times
from dongting.demo.room import signed_in
from dongting.demo.seed import seed
from server.streams.model import StreamState
from server.wiring import Services, open_services
from tests.harness.data_servers import Environment
from tests.harness.platform import settings_of
from tests.harness.processes import running

PATIENCE_SECONDS = 60.0


async def facts(services: Services) -> dict[str, object]:
    """What a visitor finds."""
    rooms = await services.rooms.list()
    hall, booths = await services.library.showroom.look(data.HALLS[0].id)
    course, lessons = await services.library.courses.look_course(data.COURSES[0].id, None)
    return {
        "rooms": sorted(view.room.slug for view in rooms),
        "chat": {view.room.slug: len(await services.chat.history(view.room.id)) for view in rooms},
        "products": sorted(product.id for product in await services.catalog.list()),
        "booths": [(view.booth.id, view.room_slug, len(view.products)) for view in booths],
        "hall": hall.plan.title,
        "course": course.title,
        "lessons": [view.lesson.title for view in lessons],
        "chapters": [chapter.title for view in lessons for chapter in view.asset.chapters],
        "objects": sorted(await services.objects.list_keys(data.PICTURE_PREFIX)),
    }


def booths_of(found: dict[str, object]) -> list[tuple[str, str, int]]:
    return cast("list[tuple[str, str, int]]", found["booths"])


async def test_seeding_makes_everything_and_seeding_again_changes_nothing(environment: Environment) -> None:
    async with open_services(settings_of(environment), with_sockets=False) as services:
        # when
        await seed(services)
        first = await facts(services)
        await seed(services)

        # then
        assert await facts(services) == first
    assert first["rooms"] == sorted(merchant.slug for merchant in data.MERCHANTS)
    assert first["products"] == sorted(product.id for product in data.PRODUCTS)
    assert first["lessons"] == [lesson.title for lesson in data.COURSES[0].lessons]
    assert first["chapters"] == [chapter.title for chapter in data.COURSES[0].lessons[0].chapters]
    assert [booth for booth in booths_of(first) if not booth[2]] == []


async def test_the_host_goes_live_shows_a_card_and_ends_cleanly(environment: Environment, tmp_path: Path) -> None:
    settings: ServerSettings = settings_of(environment)
    async with open_services(settings, with_sockets=False) as services:
        await seed(services)
        room = (await services.rooms.look(data.LIVE_HOST)).room

        with running(environment, tmp_path, "server", "media"):
            # when: the host broadcasts, long enough for one card
            host = DemoHost(settings, Times(first_seconds=data.ACTS[0].from_seconds + 2, pause_seconds=600))
            task = asyncio.ensure_future(host.run())
            states: list[str] = []
            cards: list[str] = []
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while StreamState.ENDED not in states or not host.broadcasts:
                        view = await services.rooms.look(room.slug)
                        stream = view.stream or view.last_stream
                        states += [stream.state] if stream else []
                        card = await services.cards.current(view.stream)
                        cards += [card.product.id] if card and card.product else []
                        await asyncio.sleep(0.2)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        # then: it was live, the right product was shown, and the session was deleted by FFmpeg, not lost
        assert StreamState.LIVE in states
        assert set(cards) == {data.ACTS[0].product}
        said = [message.text for message in await services.chat.history(room.id)]
        assert data.ACTS[0].words in said
        assert StreamState.INTERRUPTED not in states


async def test_the_host_is_still_the_host_after_he_has_entered_and_when_the_server_is_back(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: ServerSettings = settings_of(environment)
    async with open_services(settings, with_sockets=False) as services:
        await seed(services)
    with running(environment, tmp_path, "server") as processes:
        async with signed_in(f"http://127.0.0.1:{settings.server_port}", data.LIVE_HOST, data.PASSWORD) as room:
            # given
            own = await room.look()
            await room.enter()
            # then: over HTTP
            assert await room.look() == own
            # when
            send = room.send

            async def send_and_join_slowly(event: str, fields: dict[str, Any]) -> bool:
                is_agreed = await send(event, fields)
                await asyncio.sleep(0.5 if event == "join" else 0)
                return is_agreed

            monkeypatch.setattr(room, "send", send_and_join_slowly)
            processes["server"].kill()
            processes["server"].start()
            # then: over his socket, which connects again by itself, and he may leave while it still does so
            async with asyncio.timeout(PATIENCE_SECONDS):
                has_spoken = False
                while not has_spoken:
                    await asyncio.sleep(0.2)
                    has_spoken = await room.send("chat", {"text": "大家好"})
