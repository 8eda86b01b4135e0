"""What the gateways of payment providers have in common here: trades, keys, and days on which nothing works."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import TracebackType
from typing import Protocol, Self

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


class Clock(Protocol):
    """What a gateway's clock shows."""

    def now(self) -> datetime: ...


class Mood(StrEnum):
    """How a gateway behaves."""

    WELL = "well"
    BROKEN = "broken"  # 500 to everything
    SILENT = "silent"  # never answers
    RUBBISH = "rubbish"  # 200 and something that nobody can read
    ENDLESS = "endless"  # 200 and an answer without end
    FORGED = "forged"  # 200 and a signature that is not the provider's


class NotPayable(Exception):
    """The buyer is told that he is too late."""


@cache
def rsa_key(name: str) -> RSAPrivateKey:
    """A real key, the same for the same name in one run."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: RSAPrivateKey) -> str:
    """A private key as its owner keeps it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    """The public part as others get it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed(key: RSAPrivateKey, text: str) -> str:
    """SHA256withRSA in base64, as both providers want it."""
    return b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


@dataclass
class Trade:
    """What a provider knows of a payment."""

    number: str
    total_fen: int
    expires_at: datetime
    notify_url: str
    state: str = "open"  # closed, paid
    refunds: dict[str, int] = field(default_factory=dict)


class FakeGateway(ABC):
    """An HTTP server on a free port; what it is asked is remembered in `asked`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.mood = Mood.WELL
        self.trades: dict[str, Trade] = {}
        self.asked: list[str] = []
        self.refunds_are_slow = False
        self.url = ""
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._behave])
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @abstractmethod
    def add_routes(self, app: web.Application) -> None:
        """What it can be asked."""

    def pay(self, number: str) -> Trade:
        """The buyer pays a trade. Raises NotPayable."""
        trade = self.trades[number]
        if trade.state != "open" or self.clock.now() >= trade.expires_at:
            raise NotPayable(trade.state)
        trade.state = "paid"
        return trade

    @web.middleware
    async def _behave(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        match self.mood:
            case Mood.BROKEN:
                return web.Response(status=500, text='{"code":"SYSTEM_ERROR"}', content_type="application/json")
            case Mood.SILENT:
                await self._closing.wait()
            case Mood.RUBBISH:
                return web.Response(body=b"\xff<html>maintenance", content_type="text/html")
            case Mood.ENDLESS:
                return await self._talk_for_ever(request)
        return await handler(request)

    async def _talk_for_ever(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            try:
                await response.write(b" " * 65_536)
            except ConnectionError:
                return response
