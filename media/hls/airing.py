"""Takes on the air: each grows as its recorder writes, and lets players wait for what comes next."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from media.cluster.turns import Turn
from media.hls.history import History, Text
from media.hls.live import LiveSegment, LiveTake, Point, fragment_of
from media.hls.places import Places
from media.recording.take import Part, Run, Take, part_name

WAIT_SECONDS = 8.0  # hls.js gives an answer ten seconds to begin
LEAVING_WAIT_SECONDS = 1.0  # a node that is about to stop goes on, but keeps nobody for long
MOST_WAITING = 4000  # requests of one node that may wait at once; each costs a task and its connection
FIRST_TURN = Turn()
AFTER_SECONDS = 60.0  # so long after the end players may still fetch what they have not shown
_FILE = re.compile(r"(?:init|part)-(\d{1,12})\.(?:mp4|m4s)")


class Airing:
    """One take on the air. Everything on the event loop; a recorder's Onlooker."""

    def __init__(
        self, when_opened: Callable[[Airing], None], when_over: Callable[[Airing], None], turn: Turn = FIRST_TURN
    ) -> None:
        """`turn`: which nodes had the stream before this one."""
        self.live = LiveTake(turn.first_sequence, turn.number)
        self.runs: list[Run] = []
        self.inits: dict[str, bytes] = {}  # of the runs of this process, by name
        self.has_left = False  # nothing comes here any more, but the stream has not ended
        self._when_opened = when_opened
        self._when_over = when_over
        self._turn = turn
        self._first_number = 0  # of its files
        self._history = History()
        self._take: Take | None = None
        self._begins_run = True
        self._texts: dict[bool, Text] = {}
        self._news = asyncio.Event()

    # -- what the recorder tells

    def opened(self, take: Take) -> None:
        """What was recorded before: of a take that goes on."""
        first = self._turn.first_sequence if take.parts else self._turn.next_sequence
        self.live = LiveTake(first, self._turn.number)
        self.live.began_at = take.began_at
        self._first_number = take.first_number
        self.runs = list(take.runs)
        before = -1
        for part in take.parts:
            segment = _segment(part, take.runs[part.run], begins_run=part.run != before)
            segment.closed_ns, segment.bytes = part.end_ns, part.bytes
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
        self.live.open(_segment(part, self.runs[-1], begins_run=self._begins_run))
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

    def ended(self, *, is_over: bool) -> None:
        """Nothing comes here any more; twice is fine. Players are told of an end only if the stream `is_over`: else
        it goes on elsewhere, or when its publisher is back."""
        if self.live.is_over or self.has_left:
            return
        if is_over:
            self.live.end()
        else:
            self.live.close_open()
            self.has_left = True
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
    def listed(self) -> range:
        """The numbers of its segments."""
        return range(self.live.first_sequence, self.live.next_sequence)

    @property
    def next_name(self) -> str:
        """The name of the segment that comes next."""
        return part_name(self._first_number + len(self.live.segments))

    def text(self, *, is_delta: bool) -> Text:
        """The playlist, written once for all who ask."""
        found = self._texts.get(is_delta)
        if found is None:
            page = self.live.page(self.next_name, is_delta=is_delta)
            settled = self.live.settled[page.first : page.last] if page.first else self.live.settled
            history = History() if page.first else self._history
            found = history.text(page.head, settled, page.last - page.first, page.tail)
            self._texts[is_delta] = found
        return found

    def knows(self, point: Point) -> bool:
        """Whether who asks for it has read a playlist of this node, and not only one of the node before."""
        return (point.sequence, point.part or 0) > (self.live.first_sequence, 0)

    def is_earlier(self, name: str) -> bool:
        """Whether it is the name of a file, or a fragment of one, that a node before may have recorded."""
        fragment = fragment_of(name)
        found = _FILE.fullmatch(name if fragment is None else fragment[0])
        return self._turn.number > 0 and found is not None and int(found[1]) < self._first_number

    def has_file(self, name: str) -> bool:
        """Whether it was recorded here."""
        fragment = fragment_of(name)
        segment = self.live.find(name if fragment is None else fragment[0])
        return segment is not None or any(run.init == name for run in self.runs)

    async def wait(self, is_there: Callable[[], bool], leaving: asyncio.Event) -> bool:
        """Until it is there; False when it did not come in WAIT_SECONDS, or will not come here."""
        was_leaving = leaving.is_set()
        try:
            async with asyncio.timeout(LEAVING_WAIT_SECONDS if was_leaving else WAIT_SECONDS):
                while not is_there() and not self.has_left and leaving.is_set() == was_leaving:
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
        self._places = Places(MOST_WAITING)

    def open(self, stream_id: str, turn: Turn = FIRST_TURN) -> Airing:
        """The airing of a stream that is about to be recorded, after whom its turn says; it can be found once its
        recording begins."""
        return Airing(partial(self._airings.__setitem__, stream_id), partial(self._over, stream_id), turn)

    def get(self, stream_id: str) -> Airing | None:
        """A stream's airing."""
        return self._airings.get(stream_id)

    def answers(self, stream_id: str, name: str) -> bool:
        """Whether to ask this node for a stream's file, or for its playlist if `name` is empty: when the stream has
        left, only for what was recorded here."""
        airing = self._airings.get(stream_id)
        return airing is not None and (not airing.has_left or airing.has_file(name))

    def place(self, client: str) -> AbstractContextManager[None]:
        """A place to wait in. Raises Problem: 503 when there is none."""
        return self._places.take(client)

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


def _segment(part: Part, run: Run, *, begins_run: bool) -> LiveSegment:
    is_independent = part.keyframe or run.video_codec is None
    return LiveSegment(part.name, run.init, part.start_ns, begins_run, is_independent)
