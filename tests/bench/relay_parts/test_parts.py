"""The benchmark counts right: figures from counts, and the C receiver beside the C publisher without a relay."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from media.system import UDP_SEGMENT
from tests.bench.relay_parts.figures import bytes_each, delivered_share, lost_packets, percentile
from tests.bench.relay_parts.native import (
    Native,
    Publisher,
    Receiver,
    TrackCount,
    ViewerCount,
    compile_library,
    make_session,
)
from tests.bench.relay_parts.peer import UDP_GRO, PeerFailed, read_answer
from tests.bench.relay_parts.rivals import RIVALS, NoRival

SENT = 1800
KEY = bytes(range(28))
SSRCS = (1111, 2222)
WAIT_SECONDS = 10.0


def track(received: int, advance: int | None) -> TrackCount:
    return TrackCount(received, 0, received, advance)


@pytest.mark.parametrize(
    ("count", "lost"),
    [
        (track(SENT, SENT), 0),
        (track(SENT - 7, SENT), 7),  # holes
        (track(SENT - 20, SENT - 20), 0),  # the last ones are on their way
        (track(SENT // 2, SENT // 2), SENT // 2),  # nothing came any more
        (track(SENT + 5, SENT + 5), 0),
        (track(0, None), SENT),  # nothing ever came
    ],
)
def test_lost_are_holes_and_what_stopped_coming_but_not_what_is_on_its_way(count: TrackCount, lost: int) -> None:
    assert lost_packets(count, SENT) == lost


def test_the_share_is_of_all_that_was_sent_to_all_viewers() -> None:
    whole = ViewerCount((track(SENT, SENT), track(500, 500)), 0, 0, 0)
    torn = ViewerCount((track(SENT - 46, SENT), track(500, 500)), 0, 0, 0)
    assert delivered_share([whole, torn], (SENT, 500)) == pytest.approx(0.99)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile([3.0], 99)) == (50.0, 99.0, 3.0)


def test_memory_of_a_viewer_is_the_difference_to_a_few_viewers() -> None:
    assert bytes_each(29_000_000, 200, 10_000_000, 10) == 100_000
    assert bytes_each(29_000_000, 10, 10_000_000, 10) is None


def test_an_answer_is_read_by_what_it_says_first_of_each_kind() -> None:
    text = (
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 ab:CD\r\n"
        "a=candidate:9 1 tcp 5 127.0.0.1 7 typ host tcptype passive\r\na=candidate:1 1 udp 5 127.0.0.1 8 typ host\r\n"
        "a=ssrc:5 cname:x\r\na=ssrc:6 cname:x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ssrc:7 cname:x\r\n"
    )
    answer = read_answer(text)
    assert (answer.address, answer.ssrcs, answer.fingerprint) == (("127.0.0.1", 8), (5, 7), "AB:CD")
    with pytest.raises(PeerFailed):
        read_answer(text.replace("udp", "tcp"))


@pytest.mark.parametrize("name", RIVALS)
def test_a_server_to_compare_with_that_is_not_installed_is_missed_before_anything_starts(
    name: str, tmp_path: Path
) -> None:
    check, _ = RIVALS[name]
    with pytest.raises(NoRival):
        check({"NODE_PATH": str(tmp_path)})


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler; only the benchmark needs one")
    return Native(compile_library(tmp_path_factory.mktemp("native")))


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with ExitStack() as stack:
        one, other = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        one.connect(other.getsockname())
        other.connect(one.getsockname())
        yield one, other


def test_a_publisher_who_is_heard_directly_is_heard_whole(
    native: Native, pair: tuple[socket.socket, socket.socket]
) -> None:
    # given
    with ExitStack() as stack:
        receiver = Receiver(native, 1)
        stack.callback(receiver.close)
        receiver.add(pair[1], SSRCS, make_session(KEY, is_inbound=True), None)
        publisher = Publisher(native, pair[0], SSRCS, (96, 111), make_session(KEY, is_inbound=False))
        stack.callback(publisher.close)
        receiver.watch(publisher)
        # when
        publisher.start()
        until(lambda: receiver.received() > 50, "the first pictures")
        receiver.open_window()
        until(lambda: receiver.received() > 250, "more pictures")
        receiver.close_window()
        # then
        assert delivered_share(receiver.counts(), receiver.sent_in_window) == 1.0
        assert receiver.checked >= 2
        assert receiver.wrong == publisher.failed == 0
        assert sum(receiver.sent_in_window) >= 150


def test_a_frame_that_the_kernel_did_not_cut_is_counted_packet_by_packet(
    native: Native, pair: tuple[socket.socket, socket.socket]
) -> None:
    # given
    with ExitStack() as stack:
        receiver = Receiver(native, 1)
        stack.callback(receiver.close)
        pair[1].setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        receiver.add(pair[1], SSRCS, make_session(KEY, is_inbound=True), None)
        sender = make_session(KEY, is_inbound=False)
        headers = [struct.pack("!BBHLL", 0x80, 96, sequence, 0, SSRCS[0]) for sequence in range(100, 106)]
        packets = [sender.protect(header + bytes(800)) for header in headers]
        # when
        one_size = struct.pack("H", len(packets[0]))
        pair[0].sendmsg([b"".join(packets)], [(socket.IPPROTO_UDP, UDP_SEGMENT, one_size)])
        until(lambda: receiver.received() == 6, "the six packets")
        # then
        assert receiver.counts()[0].tracks[0].duplicates == 0


def test_lost_doubled_late_and_foreign_packets_are_told_apart(
    native: Native, pair: tuple[socket.socket, socket.socket]
) -> None:
    # given
    with ExitStack() as stack:
        receiver = Receiver(native, 1)
        stack.callback(receiver.close)
        receiver.add(pair[1], SSRCS, make_session(KEY, is_inbound=True), None)
        sender = make_session(KEY, is_inbound=False)

        def send(sequence: int, times: int = 1) -> None:
            packet = struct.pack("!BBHLL", 0x80, 96, sequence & 0xFFFF, 0, SSRCS[0]) + os.urandom(1100)
            data = sender.protect(packet)
            for _ in range(times):
                pair[0].send(data)

        # when
        send(65530)
        until(lambda: receiver.received() == 1, "the first packet")
        receiver.open_window()
        sent = [*range(65531, 65536), *range(65538, 65600), 65537]  # over the end of the numbers; 65536 is lost
        for sequence in sent:
            send(sequence, times=2 if sequence == 65540 else 1)
        until(lambda: receiver.received() == 1 + len(sent), "the others")
        receiver.close_window()
        # then
        video = receiver.counts()[0].tracks[0]
        assert (video.window_advance, video.window_received) == (69, 68)
        assert (lost_packets(video, 69), video.duplicates) == (1, 1)
        assert receiver.wrong == receiver.checked >= 1
