"""Many pages at once: they come, some of them talk, and what a window of time costs is counted."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.chat_parts.viewer import Heard, Viewer
from tests.bench.relay_parts.figures import percentile
from tests.bench.relay_parts.process import cpu_seconds, memory_bytes, stolen_seconds, waited_seconds

JOINING_AT_ONCE = 32
JOIN_SECONDS = 60.0
SAMPLE_EVERY = 25  # of so many pages one looks at the times
SETTLE_SECONDS = 2.0  # from the first message to the window, and after joining
LATE_SECONDS = 2.0  # what is on its way at the window's end


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted while messages were sent."""

    sockets: int
    closed: int
    refused: int
    seconds: float
    sent: int
    messages: int  # deliveries
    frames: int
    cpu: float
    load_cpu: float
    waited: float
    stolen: float
    delay_ms_p50: float
    delay_ms_p99: float
    bytes_per_socket: float
    frame_bytes: float

    @property
    def us_per_delivery(self) -> float:
        """CPU of the server for one message to one page."""
        return self.cpu * 1e6 / max(1, self.messages)

    @property
    def delivered_share(self) -> float:
        """Deliveries of those that were due."""
        return self.messages / max(1, self.sent * self.sockets)


@dataclass(slots=True)
class Crowd:
    """The pages of one server's one room."""

    port: int
    pid: int
    slug: str
    offers_deflate: bool = False
    heard: Heard = field(default_factory=Heard)
    viewers: list[Viewer] = field(default_factory=list)
    speakers: list[Viewer] = field(default_factory=list)
    memory_before: int = 0

    async def come(self, count: int, cookies: Sequence[str]) -> None:
        """Open so many pages; the first ones are signed in."""
        # The first few pay for what is loaded once.
        await self._open(len(cookies), cookies)
        self.memory_before = memory_bytes(self.pid)
        await self._open(count - len(cookies), ())
        await asyncio.sleep(SETTLE_SECONDS)

    async def _open(self, count: int, cookies: Sequence[str]) -> None:
        turns = asyncio.Semaphore(JOINING_AT_ONCE)
        loop = asyncio.get_running_loop()

        async def one(number: int, cookie: str) -> None:
            async with turns, asyncio.timeout(JOIN_SECONDS):
                at = len(self.viewers)
                viewer = Viewer(
                    self.slug,
                    self.heard,
                    cookie=cookie,
                    address=f"10.1.{number // 250}.{number % 250 + 1}",
                    offers_deflate=self.offers_deflate,
                    samples=at % SAMPLE_EVERY == 0,
                )
                self.viewers.append(viewer)
                await loop.create_connection(lambda: viewer, "127.0.0.1", self.port)
                await viewer.joined
                if cookie:
                    self.speakers.append(viewer)

        base = len(self.viewers)
        cookie_of = dict(enumerate(cookies))
        await asyncio.gather(*(one(base + i, cookie_of.get(i, "")) for i in range(count)))

    async def talk(self, per_second: float, seconds: float) -> Window:
        """Let the speakers talk in turn, and count."""
        stop = asyncio.Event()
        sent = itertools.count()
        talking = asyncio.create_task(self.keep_talking(per_second, stop, sent))
        try:
            await asyncio.sleep(SETTLE_SECONDS)
            self.heard.delays_ms.clear()
            memory = memory_bytes(self.pid)
            began, frames, size = time.monotonic(), self.heard.frames, self.heard.bytes
            first, messages = next(sent), self.heard.messages
            cpu, waited, stolen, load = (
                cpu_seconds(self.pid),
                waited_seconds(self.pid),
                stolen_seconds(),
                time.process_time(),
            )
            await asyncio.sleep(seconds)
            cpu, waited, stolen, load = (
                cpu_seconds(self.pid) - cpu,
                waited_seconds(self.pid) - waited,
                stolen_seconds() - stolen,
                time.process_time() - load,
            )
            messages, last = self.heard.messages - messages, next(sent)
            frames, size = self.heard.frames - frames, self.heard.bytes - size
            took = time.monotonic() - began
        finally:
            stop.set()
            await talking
        await asyncio.sleep(LATE_SECONDS)
        later = len(self.viewers) - len(self.speakers)
        return Window(
            sockets=len(self.viewers) - self.heard.closed,
            closed=self.heard.closed,
            refused=self.heard.refused,
            seconds=took,
            sent=last - first - 1,
            messages=messages,
            frames=frames,
            cpu=cpu,
            load_cpu=load,
            waited=waited,
            stolen=stolen,
            delay_ms_p50=percentile(self.heard.delays_ms, 50),
            delay_ms_p99=percentile(self.heard.delays_ms, 99),
            bytes_per_socket=(memory - self.memory_before) / max(1, later),
            frame_bytes=size / max(1, frames),
        )

    async def keep_talking(self, per_second: float, stop: asyncio.Event, sent: itertools.count[int]) -> None:
        """The speakers talk in turn until told to stop."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for speaker in itertools.cycle(self.speakers):
            if stop.is_set():
                return
            speaker.say(f"这橙子甜不甜？第{next(sent)}条")
            due += 1 / per_second
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def go(self) -> None:
        """Hang up, all of them."""
        for viewer in self.viewers:
            if viewer.joined.done():
                viewer.joined.exception()
            viewer.close()
        await asyncio.sleep(0.1)
