"""A shop with all ways to pay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from config.settings import ServerSettings
from tests.integration.payments.tills import Market, open_market
from tests.integration.server.conftest import new_page, server, stall

__all__ = ["new_page", "server", "stall"]


@pytest_asyncio.fixture
async def market(load_settings: Callable[[type[ServerSettings]], ServerSettings]) -> AsyncIterator[Market]:
    """The shop and its providers."""
    async with open_market(load_settings(ServerSettings)) as opened:
        yield opened
