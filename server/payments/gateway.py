"""HTTP to payment providers: bounded in time and size, never led elsewhere, and every failure is one error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from server.payments.service import ProviderAway

MOST_ANSWER_BYTES = 256_000  # a provider's answers have a few kB
CONNECTIONS = 20  # at once; who finds none free waits within his time
SERVER_ERROR = 500
TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """What a provider answered; not believed yet."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text. Raises ProviderAway."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise ProviderAway("the answer is not UTF-8") from None


class Gateway:
    """Speaks to providers over one client that somebody else closes."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: str = "") -> GatewayAnswer:
        """One request, not repeated. `url` is sent as it is, since signatures cover it. Raises ProviderAway."""
        data = body.encode() if body else None
        try:
            async with self._client.request(
                method, URL(url, encoded=True), data=data, headers=headers, allow_redirects=False
            ) as response:
                if response.status >= SERVER_ERROR or response.status == TOO_MANY:
                    raise ProviderAway(f"status {response.status}")
                received = bytearray()
                async for chunk in response.content.iter_any():
                    received += chunk
                    if len(received) > MOST_ANSWER_BYTES:
                        raise ProviderAway("the answer is too long")
                return GatewayAnswer(response.status, response.headers, bytes(received))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderAway(type(error).__name__) from error


@asynccontextmanager
async def open_gateway(timeout_seconds: float) -> AsyncIterator[Gateway]:
    """A client for as long as the context lasts; `timeout_seconds` bounds each request as a whole."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "dongting"},
    ) as client:
        yield Gateway(client)
