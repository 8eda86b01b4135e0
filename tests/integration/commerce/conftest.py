"""Rigs on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from config.settings import ServerSettings
from tests.integration.commerce.rig import Rig, open_rig
from tests.integration.server.conftest import new_page, server, stall

__all__ = ["new_page", "server", "stall"]


@pytest_asyncio.fixture
async def rig(load_settings: Callable[[type[ServerSettings]], ServerSettings]) -> AsyncIterator[Rig]:
    """The commerce of one server."""
    async with open_rig(load_settings(ServerSettings)) as opened:
        yield opened


@pytest_asyncio.fixture
async def second_rig(rig: Rig, load_settings: Callable[[type[ServerSettings]], ServerSettings]) -> AsyncIterator[Rig]:
    """A second server on the same database and by the same clock."""
    async with open_rig(load_settings(ServerSettings), rig.clock) as opened:
        yield opened
