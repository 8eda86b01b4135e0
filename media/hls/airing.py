"""Takes on the air: each grows as its recorder writes, and lets players wait for what comes next."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from media.hls.live import LiveSegment, LiveTake, Point
from media.problems import crowded
from media.recording.take import Part, Run, Take, part_name

WAIT_SECONDS = 8.0  # hls.js gives an answer ten seconds to begin
LEAVING_WAIT_SECONDS = 1.0  # a node that is about to stop goes on, but keeps nobody for long
MOST_WAITING = 4000  # requests of one node that may wait at once; each costs a task and its connection
MOST_OF_ONE_ADDRESS = MOST_WAITING // 4
AFTER_SECONDS = 60.0  # so long after the end players may still fetch what they have not shown


class Text(NamedTuple):
    """A playlist as it is sent."""

    plain: bytes
    zipped: bytes
    etag: str


class Airing:
    """One take on the air. Everything on the event loop; a recorder's Onlooker."""

    def __init__(self, when_opened: Callable[[Airing], None], when_over: Callable[[Airing], None]) -> None:
        self.live = LiveTake()
        self.runs: list[Run] = []
        self.inits: dict[str, bytes] = {}  # of the runs of this process, by name
        self._when_opened = when_opened
        self._when_over = when_over
        self._take: Take | None = None
        self._begins_run = True
        self._texts: dict[bool, Text] = {}
        self._news = asyncio.Event()

    # -- what the recorder tells

    def opened(self, take: Take) -> None:
        """What was recorded before: of a take that goes on."""
        self.live = LiveTake(take.first_number)
        self.live.began_at = take.began_at
        self.runs = list(take.runs)
        before = -1
        for part in take.parts:
            segment = LiveSegment(
                part.name, take.runs[part.run].init, part.start_ns, part.run != before, part.keyframe
            )
            segment.closed_ns = part.end_ns
            self.live.add_closed(segment)
            before = part.run
        self._take = take
        self._when_opened(self)

    def run_began(self, run: Run, init: bytes) -> None:
        """A run of one codec set-up begins."""
        if self.live.began_at is None and self._take is not None:
            self.live.began_at = self._take.began_at
        self.runs.append(run)
        self.inits[run.init] = init
        self._begins_run = True

    def part_began(self, part: Part) -> None:
        """A segment begins."""
        init = self.runs[-1].init
        self.live.open(LiveSegment(part.name, init, part.start_ns, self._begins_run, part.keyframe))
        self._begins_run = False

    def fragment_written(self, data: bytes, end_ns: int) -> None:
        """The segment has grown."""
        self.live.add(data, end_ns)
        self._tell()

    def part_closed(self, end_ns: int) -> None:
        """The segment is whole."""
        if self.live.segments:
            before = len(self.live.segments)
            self.live.close(end_ns)
            # A run whose only segment never was begins with the next one.
            self._begins_run = self._begins_run or len(self.live.segments) < before
        self._tell()

    def ended(self) -> None:
        """Nothing comes any more; twice is fine."""
        if not self.live.is_over:
            self.live.end()
            self._tell()
            self._when_over(self)

    def _tell(self) -> None:
        self._texts.clear()
        self._news.set()
        self._news = asyncio.Event()

    # -- what players ask

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to play yet."""
        return self.live.is_empty

    @property
    def next_name(self) -> str:
        """The name of the segment that comes next."""
        return part_name(self.live.next_sequence)

    def text(self, *, is_delta: bool) -> Text:
        """The playlist, written once for all who ask."""
        found = self._texts.get(is_delta)
        if found is None:
            plain = self.live.playlist(self.next_name, is_delta=is_delta).encode()
            etag = hashlib.blake2b(plain, digest_size=12).hexdigest()
            found = self._texts[is_delta] = Text(plain, gzip.compress(plain, 1, mtime=0), etag)
        return found

    async def wait(self, is_there: Callable[[], bool], leaving: asyncio.Event) -> bool:
        """Until it is there; False when it did not come in WAIT_SECONDS, or the node begins to leave."""
        was_leaving = leaving.is_set()
        try:
            async with asyncio.timeout(LEAVING_WAIT_SECONDS if was_leaving else WAIT_SECONDS):
                while not is_there() and leaving.is_set() == was_leaving:
                    await self._news.wait()
        except TimeoutError:
            return False
        return is_there()

    async def wait_for(self, point: Point, leaving: asyncio.Event) -> bool:
        """Until the playlist has what is asked for."""
        return await self.wait(lambda: self.live.has(point), leaving)

    def wake(self) -> None:
        """Let all who wait look again."""
        self._tell()


class Airings:
    """All takes that are on the air at this node, or were a moment ago; and who waits for them."""

    def __init__(self) -> None:
        self.is_leaving = asyncio.Event()
        self._airings: dict[str, Airing] = {}
        self._waiting: Counter[str] = Counter()
        self._count = 0

    def open(self, stream_id: str) -> Airing:
        """The airing of a stream that is about to be recorded; it can be found once its recording begins."""
        return Airing(partial(self._airings.__setitem__, stream_id), partial(self._over, stream_id))

    def get(self, stream_id: str) -> Airing | None:
        """A stream's airing."""
        return self._airings.get(stream_id)

    def is_on_air(self, stream_id: str) -> bool:
        """Whether a stream grows here."""
        airing = self._airings.get(stream_id)
        return airing is not None and not airing.live.is_over

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._count

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place to wait in. Raises Problem: 503 when there is none."""
        if self._count >= MOST_WAITING or self._waiting[client] >= MOST_OF_ONE_ADDRESS:
            raise crowded()
        self._count += 1
        self._waiting[client] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]

    def leave(self) -> None:
        """The node is about to stop: who waits asks again, and waits shorter."""
        self.is_leaving.set()
        for airing in self._airings.values():
            airing.wake()

    def _over(self, stream_id: str, airing: Airing) -> None:
        asyncio.get_running_loop().call_later(AFTER_SECONDS, self._remove, stream_id, airing)

    def _remove(self, stream_id: str, airing: Airing) -> None:
        if self._airings.get(stream_id) is airing:
            del self._airings[stream_id]
