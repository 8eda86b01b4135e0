"""Who hears what in this process: each event is encoded once and written to the pages of its channel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from config.logs import logger
from server.infra.lines import Line, Spoken
from server.infra.packets import NAMESPACE
from server.infra.room_log import NO_NUMBER, ROOM, Told

log = logger(__name__)

MISSED = "missed"  # "join again with your last number"
ROOM_BYTES = 65_536  # may wait for a page before events of rooms pass it by; some 30 batches of a busy chat…
OWN_BYTES = 262_144  # …and before those that only it is told do
CAUGHT_UP_BYTES = 4_096
LOOK_SECONDS = 0.25  # at pages that fell behind
STUCK_SECONDS = 20.0  # a page that reads nothing for so long is cut off
AT_ONCE = 500  # pages, before others get their turn; about 4 ms


@dataclass(slots=True)
class Channel:
    """The pages that hear one channel, by session id, and the number that they have heard last."""

    lines: dict[str, Line] = field(default_factory=dict)
    number: int = NO_NUMBER


def encode(told: Told) -> Spoken:
    """An event as a Socket.IO packet: its name, its data, and its number if it has one."""
    number = b",%d" % told.number if told.number else b""
    return Spoken(b'2%s,["%s",%s%s]' % (NAMESPACE.encode(), told.event.encode(), told.body, number))


class Listeners:
    """The channels of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._channels: dict[str, Channel] = {}
        self._behind: dict[Line, None] = {}
        self._acts: dict[str, Callable[[Told], None]] = {}
        self._clock = clock
        self.left_out = 0  # how often a page fell behind
        self.cut_off = 0

    def enter(self, name: str, sid: str, line: Line) -> None:
        """Let a page hear a channel."""
        self._channels.setdefault(name, Channel()).lines[sid] = line

    def exit(self, name: str, sid: str) -> None:
        """Let a page hear a channel no more."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.lines.pop(sid, None)
            if not channel.lines:
                del self._channels[name]

    def sids(self, name: str) -> list[str]:
        """Who hears a channel here."""
        channel = self._channels.get(name)
        return list(channel.lines) if channel else []

    def act_on(self, event: str, act: Callable[[Told], None]) -> None:
        """Let this process do something itself once pages of its own have been told an event."""
        self._acts[event] = act

    def number(self, name: str) -> int:
        """The last number that a channel heard here; 0: none yet."""
        channel = self._channels.get(name)
        return channel.number if channel else NO_NUMBER

    def note_number(self, name: str, number: int) -> None:
        """A channel's newest number is known to be at least this."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.number = max(channel.number, number)

    def numbered(self) -> Iterator[tuple[str, int]]:
        """Every channel whose events have numbers, with the last; 0: none heard yet."""
        yield from [(name, one.number) for name, one in self._channels.items() if name.startswith(ROOM)]

    async def tell(self, told: Told) -> None:
        """Write an event to everybody who hears its channel; what they have heard already is not written again."""
        channel = self._channels.get(told.channel)
        if channel is None or (told.number and told.number <= channel.number):
            return
        if told.number:
            channel.number = told.number
        await self._write(channel, encode(told), told.page, ROOM_BYTES if told.number else OWN_BYTES)
        if (act := self._acts.get(told.event)) is not None:
            act(told)

    async def ask_to_join_again(self, name: str, number: int) -> None:
        """What a channel was told is not known any more: its pages must look for themselves."""
        await self.tell(Told(name, MISSED, b"{}", number))

    async def _write(self, channel: Channel, spoken: Spoken, page: str | None, limit_bytes: int) -> None:
        lines = list(channel.lines.items())
        for first in range(0, len(lines), AT_ONCE):
            if first:
                await asyncio.sleep(0)
            for sid, line in lines[first : first + AT_ONCE]:
                if sid == page:
                    continue
                if line.behind_since is not None and limit_bytes == ROOM_BYTES:
                    continue
                if not line.send(spoken, limit_bytes):
                    self.leave_out(line)

    def leave_out(self, line: Line) -> None:
        """Something was not said to a page that reads too slowly: it asks again once it has caught up."""
        if line.behind_since is None:
            line.behind_since = self._clock()
            self._behind[line] = None
            self.left_out += 1

    def look_after_slow(self) -> None:
        """Pages that have caught up ask for what they missed; those that are stuck are cut off."""
        now = self._clock()
        for line in list(self._behind):
            if line.is_over:
                del self._behind[line]
            elif line.has_caught_up(CAUGHT_UP_BYTES):
                del self._behind[line]
                line.behind_since = None
                line.send(encode(Told("", MISSED, b"{}")), OWN_BYTES)
            elif line.behind_since is not None and now - line.behind_since > STUCK_SECONDS:
                del self._behind[line]
                self.cut_off += 1
                line.cut()

    async def run(self) -> None:
        """Look after slow pages until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._behind:
                self.look_after_slow()
