"""The chat benchmark counts right: frames, messages, delays and ratios."""

from __future__ import annotations

import time

import pytest

from tests.bench.chat_parts.crowd import Window
from tests.bench.chat_parts.figures import Row, summary
from tests.bench.chat_parts.viewer import Heard, Viewer, split_frames, text_frame


def server_frame(text: bytes) -> bytes:
    """As a server sends it: not masked."""
    return bytes((0x81, 126)) + len(text).to_bytes(2, "big") + text


def make_window(cpu: float, messages: int = 1000) -> Window:
    return Window(
        sockets=10,
        closed=0,
        refused=0,
        seconds=2.0,
        sent=100,
        messages=messages,
        frames=50,
        cpu=cpu,
        load_cpu=0.1,
        waited=0.0,
        stolen=0.0,
        delay_ms_p50=1.0,
        delay_ms_p99=2.0,
        bytes_per_socket=1000.0,
        frame_bytes=10.0,
    )


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 100, 303])
def test_frames_are_found_however_they_are_cut(cut: int) -> None:
    data = server_frame(b"a" * 300) + server_frame(b"b")
    frames, rest = split_frames(data[:cut])
    more, end = split_frames(rest + data[cut:])
    assert ([payload for _, payload in frames + more], end) == ([b"a" * 300, b"b"], b"")


def test_a_clients_frame_is_masked_with_zeros() -> None:
    assert text_frame(b"3") == b"\x81\x81\0\0\0\x003"
    assert text_frame(b"x" * 200)[:8] == b"\x81\xfe\x00\xc8\0\0\0\0"


async def test_a_page_counts_messages_and_reads_the_times_in_them() -> None:
    heard = Heard()
    viewer = Viewer("room", heard, samples=True)
    sent = time.monotonic_ns() - 5_000_000
    text = b'42/room,["chat",{"messages":[{"text":"a @%d@"},{"text":"b @%d@"}]},7]' % (sent, sent)
    viewer.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + server_frame(text))
    assert (heard.messages, heard.frames, len(heard.delays_ms)) == (2, 1, 2)
    assert min(heard.delays_ms) >= 5


def test_the_line_has_the_figures_that_are_asked_for() -> None:
    ours, plain = Row("ours", 50, make_window(0.003)), Row("emit", 6, make_window(0.06))
    line = summary(ours, plain, None, None)
    assert (line["sockets"], line["cpu_us_per_delivery"], line["ratio_to_plain_emit"]) == (10, 3.0, 0.05)
    assert (line["delivery_ms_p99"], line["bytes_per_socket"], line["delivered_share"]) == (2.0, 1000, 1.0)
