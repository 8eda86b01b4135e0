"""A running server with a host and his room, and browsers to use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest_asyncio

from config.settings import ServerSettings
from server.accounts.model import Role, User
from server.catalog.model import Product
from server.rooms.model import Room
from tests.harness.app import Page, RunningServer, running_server

PASSWORD = "a long password"


@pytest_asyncio.fixture
async def server(load_settings: Callable[[type[ServerSettings]], ServerSettings]) -> AsyncIterator[RunningServer]:
    """The server on a free port."""
    async with running_server(load_settings(ServerSettings)) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Stall:
    """A host with a room and one product to sell."""

    host: User
    room: Room
    product: Product


@pytest_asyncio.fixture
async def stall(server: RunningServer) -> Stall:
    """张红 sells oranges in the room `zhang`."""
    services = server.services
    host = await services.accounts.register(
        "zhanghong", PASSWORD, "张红", None, roles=frozenset({Role.VIEWER, Role.HOST})
    )
    merchant = await services.catalog.add_merchant("华容果业合作社", "")
    room = await services.rooms.open(host, "zhang", "冰糖橙开园", merchant.id)
    product = await services.catalog.add_product(
        merchant.id, name="冰糖橙", description="", price_fen=3990, unit="5斤", stock=100
    )
    return Stall(host, room, product)


@pytest_asyncio.fixture
async def new_page(server: RunningServer) -> AsyncIterator[Callable[[], Page]]:
    """Makes browsers; they are closed at the end."""
    async with AsyncExitStack() as stack:
        opened: list[Page] = []

        def make() -> Page:
            page = Page.open(server.url)
            opened.append(page)
            return page

        yield make
        for page in opened:
            await stack.enter_async_context(page)
