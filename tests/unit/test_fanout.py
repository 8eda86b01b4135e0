"""How an event reaches pages: encoded once, in order, by the shortest way each page allows, never without a bound."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from engineio.async_server import AsyncServer
from engineio.async_socket import AsyncSocket
from hypothesis import given
from hypothesis import strategies as st

from server.infra.fanout import newest_states
from server.infra.lines import QUEUE_PACKETS, Line, Spoken, line_of, text_frame
from server.infra.listeners import ROOM_BYTES, STUCK_SECONDS, Listeners, encode
from server.infra.room_log import Told, decode
from tests.bench.chat_parts.viewer import TEXT_FRAME, split_frames

BODIES = st.dictionaries(st.text(max_size=5), st.text(max_size=300) | st.integers(), max_size=5).map(
    lambda data: json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
)
ROOM = "room:r1"


class Wire:
    """A transport that notes what is written; `waiting` is what the page has not read."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.is_aborted = False
        self.is_closed = False

    def is_closing(self) -> bool:
        return self.is_closed

    def write(self, data: bytes) -> None:
        assert not self.is_closed  # uvloop raises
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.is_aborted = True


def make_line(*, polls: bool = False) -> tuple[Line, Wire, AsyncSocket]:
    """A page of a real Engine.IO server, with a wire of ours."""
    eio = AsyncSocket(AsyncServer(async_mode="asgi"), "sid")
    eio.connected = True
    wire, line = Wire(), line_of(eio)
    if not polls:
        eio.upgraded = True
        line.transport = cast("asyncio.Transport", wire)
    return line, wire, eio


def texts(wire: Wire) -> list[bytes]:
    frames, rest = split_frames(b"".join(wire.written))
    assert (rest, {first for first, _ in frames} - {TEXT_FRAME}) == (b"", set())
    return [payload for _, payload in frames]


@given(st.lists(st.tuples(BODIES, st.integers(0, 2**52), st.none() | st.just("page1")), min_size=1, max_size=5))
def test_what_servers_tell_each_other_comes_out_as_it_went_in(words: list[tuple[bytes, int, str | None]]) -> None:
    told = [Told(ROOM, "chat", body, number, page) for body, number, page in words]
    assert decode(b"\n".join(one.encode() for one in told)) == told


@pytest.mark.parametrize("message", [b"", b"1", b"x room:r1 chat - {}", b"1 room:r1 chat -", b"\xff \xff \xff - {}"])
def test_a_message_that_is_none_of_ours_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(message)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_has_the_right_length(size: int) -> None:
    text = b"x" * size
    assert split_frames(text_frame(text)) == ([(TEXT_FRAME, text)], b"")


def test_an_event_is_a_socket_io_packet_with_its_number() -> None:
    assert encode(Told(ROOM, "likes", b'{"total":3}', 17)).packet.data == '2/room,["likes",{"total":3},17]'
    assert encode(Told("user:u", "order", b"{}")).packet.data == '2/room,["order",{}]'


async def test_everybody_in_the_channel_gets_the_same_bytes_once() -> None:
    # given
    listeners = Listeners()
    pages = [make_line() for _ in range(1_200)]
    for number, (line, _, _) in enumerate(pages):
        listeners.enter(ROOM, f"sid{number}", line)
    elsewhere, other_wire, _ = make_line()
    listeners.enter("room:r2", "other", elsewhere)

    # when: the second comes twice and the first too late
    for number in (6, 7, 7, 6):
        await listeners.tell(Told(ROOM, "likes", b'{"total":%d}' % number, number))

    # then
    for _, wire, _ in pages:
        assert texts(wire) == [b'42/room,["likes",{"total":6},6]', b'42/room,["likes",{"total":7},7]']
    assert pages[0][1].written[0] is pages[-1][1].written[0]
    assert other_wire.written == []


async def test_the_page_that_was_answered_and_the_page_that_left_hear_nothing() -> None:
    listeners = Listeners()
    (one, first, _), (two, second, _), (three, third, _) = make_line(), make_line(), make_line()
    for sid, line in (("one", one), ("two", two), ("three", three)):
        listeners.enter("user:u", sid, line)
    listeners.exit("user:u", "three")
    await listeners.tell(Told("user:u", "order", b"{}", page="one"))
    assert (first.written, len(second.written), third.written) == ([], 1, [])


async def test_a_page_with_packets_in_its_queue_gets_the_event_behind_them() -> None:
    line, wire, eio = make_line()
    eio.queue.put_nowait(cast("Any", "an ack"))
    assert line.send(Spoken(b"2/room,[1]"), ROOM_BYTES)
    assert wire.written == []
    assert [eio.queue.get_nowait(), eio.queue.get_nowait().encode()] == ["an ack", "42/room,[1]"]


async def test_a_page_that_polls_has_a_bounded_queue() -> None:
    line, _, eio = make_line(polls=True)
    sent = [line.send(Spoken(b"2/room,[1]"), ROOM_BYTES) for _ in range(QUEUE_PACKETS + 5)]
    assert sent == [True] * QUEUE_PACKETS + [False] * 5
    assert eio.queue.qsize() == QUEUE_PACKETS


async def test_a_page_that_changes_over_to_a_websocket_gets_nothing_past_its_queue() -> None:
    line, wire, eio = make_line()
    eio.upgraded, eio.upgrading = False, True
    line.send(Spoken(b"2/room,[1]"), ROOM_BYTES)
    assert (wire.written, eio.queue.qsize()) == ([], 1)


async def test_a_page_that_is_closing_gets_nothing() -> None:
    line, wire, eio = make_line()
    eio.closing = True
    assert line.send(Spoken(b"2/room,[1]"), ROOM_BYTES)
    eio.closing, wire.is_closed = False, True
    assert line.send(Spoken(b"2/room,[1]"), ROOM_BYTES)
    assert (wire.written, eio.queue.qsize()) == ([], 0)


async def test_a_slow_page_is_left_out_until_it_has_read_and_then_asks_for_what_it_missed() -> None:
    # given
    listeners = Listeners()
    slow, slow_wire, _ = make_line()
    quick, quick_wire, _ = make_line()
    listeners.enter(ROOM, "slow", slow)
    listeners.enter(ROOM, "quick", quick)
    listeners.enter("user:u", "slow", slow)

    # when: too much waits for it
    slow_wire.waiting = ROOM_BYTES + 1
    await listeners.tell(Told(ROOM, "likes", b"{}", 1))
    slow_wire.waiting = ROOM_BYTES - 1
    await listeners.tell(Told(ROOM, "likes", b"{}", 2))
    await listeners.tell(Told("user:u", "order", b"{}"))

    # then: rooms pass it by, what only it is told does not
    assert (texts(slow_wire), len(quick_wire.written)) == ([b'42/room,["order",{}]'], 2)

    # when it has read nearly all
    slow_wire.waiting = 0
    listeners.look_after_slow()
    await listeners.tell(Told(ROOM, "likes", b"{}", 3))

    # then
    assert texts(slow_wire)[1:] == [b'42/room,["missed",{}]', b'42/room,["likes",{},3]']
    assert (listeners.left_out, listeners.cut_off) == (1, 0)


async def test_a_page_that_reads_nothing_is_cut_off_in_the_end() -> None:
    now = 100.0
    listeners = Listeners(lambda: now)
    line, wire, _ = make_line()
    listeners.enter(ROOM, "stuck", line)
    wire.waiting = ROOM_BYTES + 1
    await listeners.tell(Told(ROOM, "likes", b"{}", 1))
    now += STUCK_SECONDS - 1
    listeners.look_after_slow()
    assert not wire.is_aborted
    now += 2
    listeners.look_after_slow()
    assert wire.is_aborted


def test_of_states_only_the_newest_is_kept_and_the_order_stays() -> None:
    told = [Told(ROOM, event, b"%d" % number, number) for number, event in enumerate("aXbXca", start=1)]
    kept = newest_states(told, frozenset("X"))
    assert [(one.event, one.number) for one in kept] == [("a", 1), ("b", 3), ("X", 4), ("c", 5), ("a", 6)]
