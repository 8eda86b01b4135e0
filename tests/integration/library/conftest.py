"""A server, a host with a room, and real worker processes to make the library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from config.settings import ServerSettings
from dongting.child import Child
from server.accounts.model import Role, User
from server.catalog.model import Product
from server.rooms.model import Room
from server.streams.model import Stream
from tests.harness.app import Page, RunningServer, running_server
from tests.harness.data_servers import Environment
from tests.harness.processes import running
from tests.harness.takes import RunOf, put_take

StartWorker = Callable[[], Awaitable[Child]]

PASSWORD = "a long password"
DONE_SECONDS = 90.0


@pytest.fixture
def environment(environment: Environment, tmp_path: Path) -> Environment:
    """Short leases and sweeps, so that what is lost is found while a test waits."""
    environment |= {
        "JOB_LEASE_SECONDS": "3",
        "JOB_SWEEP_SECONDS": "0.5",
        "TRANSCODE_THREADS": "1",
        "CHUNK_SECONDS": "4",
        "UPLOAD_LIMIT_BYTES": "1000000",
        "UPLOAD_FOLDER": str(tmp_path / "uploads"),
    }
    return environment


@pytest_asyncio.fixture
async def server(
    environment: Environment, load_settings: Callable[[type[ServerSettings]], ServerSettings]
) -> AsyncIterator[RunningServer]:
    """The server on a free port."""
    async with running_server(load_settings(ServerSettings)) as running_one:
        yield running_one


@pytest_asyncio.fixture
async def start_worker(environment: Environment, tmp_path: Path) -> AsyncIterator[StartWorker]:
    """Starts a worker process and waits until it is ready; all are stopped at the end.

    That takes seconds, in which the server in this process must go on; and a child lives no longer than the thread
    that started it: so all is done in one thread that stays.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:

        def start() -> Child:
            return stack.enter_context(running(environment, tmp_path, "worker"))["worker"]

        try:
            yield lambda: loop.run_in_executor(thread, start)
        finally:
            await loop.run_in_executor(thread, stack.close)


@dataclass(frozen=True, slots=True)
class Farm:
    """A host, his room, two products."""

    server: RunningServer
    host: User
    room: Room
    oranges: Product
    tea: Product

    async def broadcast(
        self,
        runs: Sequence[RunOf],
        pins: Sequence[tuple[int, int, Product]] = (),
        lesson_pins: Sequence[tuple[int, int, str]] = (),
    ) -> Stream:
        """A stream that was on, recorded, with cards pinned from…to, and reported as a media node does it."""
        services = self.server.services
        stream = await services.streams.let_in("zhang", services.rooms.key_of(self.room))
        await services.streams.publisher_joined(stream.id, services.clock.now(), services.clock.now())
        duration_ms = await self.record(stream, runs)
        cards: list[tuple[int, int, str | None, str | None, str]] = [
            *((start, end, product.id, None, product.name) for start, end, product in pins),
            *((start, end, None, lesson_id, lesson_id) for start, end, lesson_id in lesson_pins),
        ]
        for start_ms, end_ms, product_id, lesson_id, title in cards:
            await services.database["moments"].insert_one(
                {
                    "_id": f"{stream.id}-{start_ms}",
                    "stream_id": stream.id,
                    "room_id": stream.room_id,
                    "product_id": product_id,
                    "lesson_id": lesson_id,
                    "title": title,
                    "pinned_at": services.clock.now(),
                    "start_ms": start_ms,
                    "end_ms": end_ms,
                }
            )
        await self.tell(stream, duration_ms, runs)
        return stream

    async def record(self, stream: Stream, runs: Sequence[RunOf]) -> int:
        """Put a take into the object store; answers how long it is."""
        services = self.server.services
        began_at = (await services.streams.get(stream.id)).first_picture_at
        return (await put_take(services.objects, stream.id, runs, began_at)).duration_ms

    async def tell(self, stream: Stream, duration_ms: int, runs: Sequence[RunOf]) -> None:
        """Report a take as a media node does."""
        services = self.server.services
        fields = {
            "stream_id": stream.id,
            "room_id": stream.room_id,
            "node_id": "media-1",
            "at": services.clock.now().isoformat(),
            "duration_ms": duration_ms,
            "has_video": any(run.video for run in runs),
            "has_audio": any(run.channels for run in runs),
        }
        for _ in range(2):  # events come twice now and then
            await services.bus.publish_event("take_ready", fields)

    async def lesson_of(self, page: Page, stream: Stream) -> str:
        """The lesson of a stream, as soon as there is one and the stream knows it, which comes a moment later."""

        async def find() -> str | None:
            status, body = await page.ask("GET", f"/api/streams/{stream.id}/replay")
            known = (await self.server.services.streams.get(stream.id)).lesson_id
            return str(body["lesson_id"]) if status == 200 and known else None

        return str(await eventually(find))


@pytest_asyncio.fixture
async def farm(server: RunningServer) -> Farm:
    """张红 sells oranges and tea in the room `zhang`."""
    services = server.services
    host = await services.accounts.register(
        "zhanghong", PASSWORD, "张红", None, roles=frozenset({Role.VIEWER, Role.HOST})
    )
    merchant = await services.catalog.add_merchant("华容果业合作社", "")
    room = await services.rooms.open(host, "zhang", "冰糖橙开园", merchant.id)

    async def add(name: str) -> Product:
        return await services.catalog.add_product(
            merchant.id, name=name, description="", price_fen=3990, unit="5斤", stock=100
        )

    return Farm(server, host, room, await add("冰糖橙"), await add("君山银针"))


@pytest_asyncio.fixture
async def page(server: RunningServer) -> AsyncIterator[Page]:
    """A browser in which nobody is signed in."""
    async with Page.open(server.url) as opened:
        yield opened


async def eventually(find: Callable[[], Any], seconds: float = DONE_SECONDS) -> Any:
    """What `find` answers once it is not None."""
    async with asyncio.timeout(seconds):
        while (found := await find()) is None:  # noqa: ASYNC110 -- what is waited for is in another process
            await asyncio.sleep(0.05)
    return found


async def settled(page: Page, lesson_id: str) -> dict[str, Any]:
    """A lesson once its asset is ready or failed."""

    async def find() -> dict[str, Any] | None:
        _, lesson = await page.ask("GET", f"/api/lessons/{lesson_id}")
        return lesson if lesson["state"] in {"ready", "failed"} else None

    found: dict[str, Any] = await eventually(find)
    return found
