"""A whole installation in processes of its own, with people, a room, goods and a hall, for journeys in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from config.settings import ServerSettings
from dongting.child import Child
from dongting.processes import Name
from server.accounts.model import Role
from server.showroom.model import Booth
from server.wiring import open_services
from tests.harness.data_servers import Environment
from tests.harness.halls import make_plan
from tests.harness.processes import MediaProcess, running, running_media

PASSWORD = "a long password"
HOST = "zhanghong"
BUYERS = ("buyer1", "buyer2", "buyer3", "buyer4", "buyer5")
VIEWER = "liming"
ROOM = "zhang"
ALL: tuple[Name, ...] = ("server", "media", "worker")


@dataclass(frozen=True, slots=True)
class Platform:
    """Where it is, its processes, its database, and the ids of what is in it."""

    url: str
    environment: Environment
    processes: dict[str, Child]
    database: Database[dict[str, Any]]
    oranges_id: str
    tea_id: str
    hall_id: str


@dataclass(frozen=True, slots=True)
class _Seed:
    oranges_id: str
    tea_id: str
    hall_id: str


def settings_of(environment: Environment) -> ServerSettings:
    """The server's settings as the processes read them."""
    return ServerSettings.model_validate({name.lower(): value for name, value in environment.items()})


async def _seed(settings: ServerSettings) -> _Seed:
    async with open_services(settings, with_sockets=False) as services:
        accounts, catalog = services.accounts, services.catalog
        host = await accounts.register(HOST, PASSWORD, "张红", None, roles=frozenset({Role.VIEWER, Role.HOST}))
        for name in (VIEWER, *BUYERS):
            await accounts.register(name, PASSWORD, f"乡亲{name[-1]}", None)
        merchant = await catalog.add_merchant("华容果业合作社", "洞庭湖边的果园")
        await services.rooms.open(host, ROOM, "冰糖橙开园", merchant.id)
        oranges = await catalog.add_product(
            merchant.id, name="冰糖橙", description="现摘现发", price_fen=3990, unit="5斤", stock=100, origin="华容"
        )
        tea = await catalog.add_product(
            merchant.id, name="君山银针", description="明前茶", price_fen=16800, unit="100克", stock=20, origin="君山"
        )
        hall = await services.library.showroom.build(make_plan(Booth("booth-1", merchant.id, 0.0, 0.0)))
        return _Seed(oranges.id, tea.id, hall.id)


@contextmanager
def running_platform(
    environment: Environment, folder: Path, media_processes: int = 1, wanted: Sequence[Name] = ALL
) -> Iterator[Platform]:
    """Run server, media nodes and worker with a seeded database; the processes' logs are in `folder`.

    `wanted`: those of them that are run, so that a test pays for no others. Of several media nodes the processes are
    called media-1, media-2 and so on.
    """
    with ThreadPoolExecutor(1) as thread:  # Playwright keeps an event loop of its own in this one
        seed = thread.submit(asyncio.run, _seed(settings_of(environment))).result()
    names = [name for name in wanted if media_processes == 1 or name != "media"]
    several: AbstractContextManager[list[MediaProcess]] = nullcontext([])
    if media_processes > 1:
        several = running_media(environment, folder, media_processes)
    with (
        running(environment, folder, *names) as processes,
        several as nodes,
        MongoClient[dict[str, Any]](environment["MONGODB_URI"], tz_aware=True) as client,
    ):
        yield Platform(
            url=f"http://localhost:{environment['SERVER_PORT']}",
            environment=environment,
            processes={**processes, **{node.node_id: node.child for node in nodes}},
            database=client[environment["MONGODB_DATABASE"]],
            oranges_id=seed.oranges_id,
            tea_id=seed.tea_id,
            hall_id=seed.hall_id,
        )
