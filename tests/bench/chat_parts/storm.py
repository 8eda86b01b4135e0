"""A storm: a server dies, and all of its pages come to another one, each asking for what it missed, or for all."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.bench.chat_parts.crowd import Crowd
from tests.bench.chat_parts.stage import SLUG, Running, Stage
from tests.bench.chat_parts.viewer import Heard, Viewer, ViewerFailed
from tests.bench.relay_parts.figures import percentile
from tests.bench.relay_parts.process import cpu_seconds

MESSAGES_PER_SECOND = 20.0  # said all the time
SIGNED_IN = 0.5  # of the pages
COMING_AT_ONCE = 32
SPREAD_SECONDS = (0.5, 1.5)  # after which a page of ours tries again, as socket.io-client does it
PATIENCE_SECONDS = 150.0
SETTLE_SECONDS = 2.0


class ReturningViewer(Viewer):
    """A page that knows the numbers of what it heard, and asks for what came after the last one."""

    last = 0
    holes = 0
    after: int | None = None

    def __init__(self, slug: str, heard: Heard, **options: Any) -> None:
        super().__init__(slug, heard, **options)
        self._early: list[int] = []  # heard before the answer came

    def _hear(self, packet: bytes) -> None:
        if packet.startswith(b"42") and packet.endswith(b"]"):
            self._note(packet.rpartition(b",")[2][:-1])
        super()._hear(packet)

    def _note(self, digits: bytes) -> None:
        if not digits.isdigit():
            return
        number = int(digits)
        if not self.joined.done():
            self._early.append(number)
        elif number > self.last:
            self.holes += number != self.last + 1
            self.last = number

    def _fields(self) -> dict[str, object]:
        return super()._fields() | ({} if self.after is None else {"after": self.after})

    def _acknowledged(self, packet: bytes) -> None:
        if not self.joined.done() and b'"ok":true' in packet[:60].replace(b" ", b""):
            data = json.loads(packet[packet.index(b"[") :])[0]["data"]
            self.last = data["n"]
            super()._acknowledged(packet)
            for number in self._early:
                self._note(b"%d" % number)
            return
        super()._acknowledged(packet)


@dataclass(slots=True)
class Back:
    """How the pages came: seconds until all were there, each one's wait, what it cost the server."""

    way: str
    pages: int
    seconds: float = 0.0
    cpu: float = 0.0
    tries: int = 0
    holes: int = 0
    waits_ms: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float | str]:
        """For people and programs."""
        return {
            "way": self.way,
            "pages": self.pages,
            "all_there_seconds": round(self.seconds, 2),
            "wait_ms_p50": round(percentile(self.waits_ms, 50), 1),
            "wait_ms_p99": round(percentile(self.waits_ms, 99), 1),
            "cpu_ms_per_join": round(self.cpu * 1000 / self.pages, 3),
            "tries": self.tries,
            "pages_with_holes": self.holes,
        }


@dataclass(slots=True)
class Storm:
    """The pages, wherever they are."""

    cookies: Sequence[str]  # of each page; empty: not signed in
    heard: Heard = field(default_factory=Heard)
    viewers: list[ReturningViewer] = field(default_factory=list)

    async def come(self, server: Running) -> Back:
        """All come for the first time, so many at once."""
        back, turns = Back("first visit", len(self.cookies)), asyncio.Semaphore(COMING_AT_ONCE)
        self.viewers = [self._page(number) for number in range(back.pages)]

        async def one(viewer: ReturningViewer) -> None:
            async with turns:
                await self._join(viewer, server.port, back)

        await self._all(server, back, [one(viewer) for viewer in self.viewers])
        return back

    async def come_back(self, server: Running, way: str, *, asks_for_missed: bool) -> Back:
        """All have lost their connections at this moment, and come to another server, each after its pause."""
        back, before = Back(way, len(self.cookies)), self.viewers
        self.viewers = []

        async def one(number: int, old: ReturningViewer) -> None:
            while True:
                await asyncio.sleep(random.uniform(*SPREAD_SECONDS))
                viewer = self._page(number)
                viewer.last = old.last
                viewer.after = old.last if asks_for_missed else None
                with suppress(ViewerFailed, OSError):
                    await self._join(viewer, server.port, back)
                    self.viewers.append(viewer)
                    return

        await self._all(server, back, [one(number, old) for number, old in enumerate(before)])
        return back

    async def listen(self, seconds: float, back: Back) -> None:
        """Hear what is said for a while: were there holes?"""
        await asyncio.sleep(seconds)
        back.holes = sum(viewer.holes > 0 for viewer in self.viewers)

    async def _all(self, server: Running, back: Back, work: Sequence[Coroutine[Any, Any, None]]) -> None:
        begin, cpu = time.monotonic(), cpu_seconds(server.pid)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*work)
        back.seconds, back.cpu = time.monotonic() - begin, cpu_seconds(server.pid) - cpu

    async def _join(self, viewer: ReturningViewer, port: int, back: Back) -> None:
        begin = time.monotonic()
        back.tries += 1
        await asyncio.get_running_loop().create_connection(lambda: viewer, "127.0.0.1", port)
        await viewer.joined
        back.waits_ms.append((time.monotonic() - begin) * 1000)

    def _page(self, number: int) -> ReturningViewer:
        address = f"10.1.{number // 250}.{number % 250 + 1}"
        return ReturningViewer(SLUG, self.heard, cookie=self.cookies[number], address=address)


async def storm(stage: Stage, pages: int) -> list[Back]:
    """A first visit; then the server dies and the pages come to the second; then that one dies too."""
    signed_in = await stage.sign_in(int(pages * SIGNED_IN))
    storm = Storm([*signed_in, *[""] * (pages - len(signed_in))])
    with stage.ours() as third, stage.ours() as second:
        crowd = Crowd(third.port, third.pid, SLUG)
        await crowd.come(len(stage.cookies), stage.cookies)
        stop = asyncio.Event()
        talking = asyncio.create_task(crowd.keep_talking(MESSAGES_PER_SECOND, stop, itertools.count()))
        try:
            with stage.ours() as first:
                rows = [await storm.come(first)]
                await storm.listen(SETTLE_SECONDS, rows[-1])
            rows.append(await storm.come_back(second, "what was missed", asks_for_missed=True))
            await storm.listen(SETTLE_SECONDS, rows[-1])
            second.kill()
            rows.append(await storm.come_back(third, "everything", asks_for_missed=False))
            await storm.listen(SETTLE_SECONDS, rows[-1])
        finally:
            stop.set()
            await talking
            for viewer in (*storm.viewers, *crowd.viewers):
                viewer.close()
    return rows
