"""What the benchmark needs around it: the data servers, people who are signed in, rooms with a sale each."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.settings import ServerSettings
from dongting.child import Child
from dongting.ports import free_ports
from dongting.processes import program_of
from dongting.servers import Size
from server.catalog.store import CatalogStore
from server.flash.model import Sale, SaleTerms, open_sale
from server.flash.store import SaleStore
from server.ids import new_id
from server.infra.mongo import Database, open_mongo
from server.infra.transactions import Transactions
from server.orders.store import OrderStore
from server.rooms.model import Room
from server.rooms.store import RoomStore
from server.streams.model import Stream, StreamState
from tests.harness.data_servers import DataServers, Environment
from tests.harness.platform import settings_of
from tests.harness.processes import ROOT

HOLD_SECONDS = 3_600  # nothing runs out while we measure
SALE_SECONDS = 3_600
PRICE_FEN = 990


@dataclass(frozen=True, slots=True)
class Counter:
    """One room and the sale that is on in it."""

    slug: str
    sale: Sale


class Stage:
    """One installation: its data servers, its settings, its database."""

    def __init__(self, folder: Path, environment: Environment, database: Database) -> None:
        self.folder = folder
        self.environment = environment
        self.database = database

    async def prepare(self) -> None:
        """Make the indexes, as a server does when it starts."""
        for store in (CatalogStore(self.database), SaleStore(self.database), OrderStore(self.database)):
            await store.make_indexes()
        await RoomStore(self.database).make_indexes()

    async def open_counter(self, quantity: int, per_buyer: int) -> Counter:
        """A merchant with a room, and a sale in it, as if he were on the air."""
        number, now = new_id(), datetime.now(UTC)
        product = {
            "_id": new_id(),
            "merchant_id": f"merchant-{number}",
            "merchant_name": "华容果业合作社",
            "name": "冰糖橙",
            "description": "现摘现发",
            "price_fen": 3990,
            "unit": "5斤",
            "origin": "华容",
            "stock": 0,
            "picture_url": "/files/public/pictures/oranges.webp",
            "created_at": now,
        }
        await self.database["products"].insert_one(product)
        kept = await CatalogStore(self.database).get(str(product["_id"]))
        assert kept is not None
        host = f"host-{number}"
        room = Room(number, f"bench-{number}", "开园", host, "张红", kept.merchant_id, None, None, 1, created_at=now)
        await RoomStore(self.database).add(room)
        stream = Stream(f"stream-{number}", room.id, room.host_id, "开园", StreamState.LIVE, now, now, now)
        terms = SaleTerms(kept.id, PRICE_FEN, quantity, per_buyer, SALE_SECONDS, HOLD_SECONDS)
        sale = open_sale(new_id(), terms, stream, kept, now)
        store, transactions = SaleStore(self.database), Transactions(self.database, 10.0)
        await transactions.run(lambda session: store.add(sale, session))
        return Counter(room.slug, sale)

    async def sign_in(self, count: int) -> list[str]:
        """So many people with accounts; answers the tokens of their sessions."""
        return await sign_in(self.database, count)


async def sign_in(database: Database, count: int) -> list[str]:
    """So many people with accounts; answers the tokens of their sessions."""
    now = datetime.now(UTC)
    names = [f"buyer-{number}" for number in range(count)]
    tokens = [f"token-of-{name}" for name in names]
    common = {"roles": ["viewer"], "phone": None, "password_hash": "", "created_at": now}
    await database["users"].insert_many(
        [{"_id": name, "name": name, "display_name": "乡亲", **common} for name in names]
    )
    until = now + timedelta(days=1)
    await database["sessions"].insert_many(
        [
            {
                "_id": hashlib.sha256(token.encode()).hexdigest(),
                "user_id": name,
                "created_at": now,
                "expires_at": until,
            }
            for name, token in zip(names, tokens, strict=True)
        ]
    )
    return tokens


@contextmanager
def running_servers(environment: Environment, folder: Path, count: int) -> Iterator[list[Child]]:
    """Run so many server processes, as in production; yields them, ready. A test may kill one and start it again."""
    children: list[Child] = []
    with ExitStack() as stack:
        for number, port in enumerate(free_ports(count)):
            own = {**environment, "SERVER_PORT": str(port), "LOG_LEVEL": "warning"}
            program = program_of("server", ROOT, own, folder / f"server-{number}.log", f"server-{number}")
            children.append(Child(program))
            stack.callback(children[-1].stop)
            children[-1].start()
        for child in children:
            child.wait_ready()
        yield children


def address_of(child: Child) -> str:
    """Where a server process listens."""
    return f"127.0.0.1:{child.program.environment['SERVER_PORT']}"


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    """Start the data servers; everything is killed at the end."""
    servers = DataServers(folder, Size())  # as `make up` starts them
    try:
        environment = servers.new_environment(folder)
        settings: ServerSettings = settings_of(environment)
        async with open_mongo(settings) as database:
            stage = Stage(folder, environment, database)
            await stage.prepare()
            yield stage
    finally:
        servers.close()
