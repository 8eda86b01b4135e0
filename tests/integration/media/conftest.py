"""A real media node on free ports, with real Redis and S3 and a real hook server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from config.bus import Bus
from config.objects import S3Objects
from config.settings import MediaSettings
from media.app import run_node
from media.node import Node
from tests.harness.chromium import FLAGS, chromium_path
from tests.harness.data_servers import Environment
from tests.integration.media.clients import Client, Heard, HookServer, publisher, viewer


@pytest_asyncio.fixture
async def hook(environment: Environment) -> AsyncIterator[HookServer]:
    """The hook, named in `environment`."""
    async with HookServer(secret=environment["INTERNAL_SECRET"]).running() as server:
        environment["AUTHORIZE_URL"] = server.url
        yield server


@pytest.fixture
def media_settings(
    request: pytest.FixtureRequest,
    environment: Environment,
    hook: HookServer,
    load_settings: Callable[[type[MediaSettings]], MediaSettings],
) -> MediaSettings:
    """Free ports, short waits; a test adds its own by parametrizing this fixture."""
    environment.update(MEDIA_HTTP_PORT="0", MEDIA_UDP_PORT="0", PUBLISHER_GRACE_SECONDS="10")
    environment.update(getattr(request, "param", {}))
    return load_settings(MediaSettings)


@dataclass(frozen=True, slots=True)
class Running:
    """A node, and clients for it that are closed with the test."""

    node: Node
    http: aiohttp.ClientSession
    heard: Heard
    clients: list[Client]

    def url(self, path: str) -> str:
        """An address at the node."""
        return f"http://127.0.0.1:{self.node.http_port}{path}"

    def publisher(self, path: str = "/whip/oranges", key: str | None = None) -> Client:
        """A host who is not connected yet."""
        client = publisher(self.http, self.url(path)) if key is None else publisher(self.http, self.url(path), key)
        self.clients.append(client)
        return client

    def viewer(self, path: str = "/whep/oranges") -> Client:
        """A viewer who is not connected yet."""
        client = viewer(self.http, self.url(path))
        self.clients.append(client)
        return client


@pytest_asyncio.fixture
async def running(media_settings: MediaSettings, objects: S3Objects, bus: Bus) -> AsyncIterator[Running]:
    """A node with an ear on its events."""
    heard = Heard()
    listening = asyncio.create_task(heard.listen(bus))
    async with aiohttp.ClientSession() as http:
        async with run_node(media_settings) as node:
            made = Running(node, http, heard, [])
            yield made
            for client in made.clients:
                await client.vanish()
        await asyncio.sleep(0.05)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


@pytest_asyncio.fixture
async def browser(running: Running) -> AsyncIterator[Browser]:
    """Chromium with a camera that shows a clock and a microphone that beeps."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        yield opened
        await opened.close()
