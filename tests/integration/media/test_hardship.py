"""What goes wrong out there: junk, silence, peers that never come, a stop in the middle, settings that are wrong."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import socket
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiortc import MediaStreamTrack, RTCSessionDescription
from av.packet import Packet

from config.bus import Bus
from config.settings import MediaSettings
from media.sdp import parse_offer
from media.session import Ending
from tests.harness.data_servers import DataServers, Environment
from tests.harness.scripted_rtp import FRAME_RATE, encoded_pictures
from tests.integration.media.clients import WAIT_SECONDS, until
from tests.integration.media.conftest import Running
from tests.unit.media.test_ice import check, reply

ROOT = Path(__file__).parents[3]


async def test_junk_datagrams_are_counted_and_nobody_notices(running: Running) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.connect()
    await viewer.sees(video=3)
    dice = random.Random(1)

    # when
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(2000):
            first = bytes((number % 256,))
            stranger.sendto(first + dice.randbytes(dice.randrange(100)), ("127.0.0.1", running.node.udp_port))
            if number % 100 == 0:
                await asyncio.sleep(0)

    # then
    counters = running.node.counters
    await until(lambda: counters.dropped_unknown_peer > 1000, "strangers to be counted")
    await viewer.sees(video=10, audio=10)


async def test_protected_junk_from_a_known_address_is_dropped(running: Running) -> None:
    # given
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")
    (resource,) = running.node.resources.values()
    assert running.node._port is not None
    demux = running.node._port.demux

    # when
    for head in (b"\x80\x60", b"\x80\xc8", b"\x16\xfe\xfd", b"\x50"):
        demux.memory.view[:40] = (head + bytes(40))[:40]
        demux.dispatch(demux.memory, 40, resource.session.path.address, resource.session.path.way)

    # then
    assert running.node.counters.dropped_protection >= 2
    assert running.node.counters.dropped_junk == 1
    assert resource.session.is_connected


@pytest.mark.parametrize(
    "media_settings", [{"CONNECT_TIMEOUT_SECONDS": "0.2", "PUBLISHER_GRACE_SECONDS": "0.1"}], indirect=True
)
async def test_a_host_who_never_connects_leaves_nothing_behind(running: Running) -> None:
    # given
    host = running.publisher()
    await host.pc.setLocalDescription(await host.pc.createOffer())
    headers = {"Content-Type": "application/sdp", **host.headers}

    # when
    async with running.http.post(host.url, data=host.pc.localDescription.sdp, headers=headers) as response:
        assert response.status == 201

    # then
    await until(lambda: not running.node.resources and not running.node.streams, "the stream to be forgotten")
    assert running.heard.names() == []


async def test_a_silent_host_is_replaced_without_asking(running: Running) -> None:
    # given
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")
    publisher = running.node.streams["oranges"].publisher
    assert publisher is not None

    # when: his phone lost the network a while ago
    publisher.media_at = publisher.session.consent_at = publisher.session.started_at - 60
    publisher.session.receive_rtp = lambda *_: None  # type: ignore[method-assign]
    publisher.session.receive_rtcp = lambda *_: None  # type: ignore[method-assign]

    # then
    assert await running.publisher().connect() == 201


async def test_silence_is_told_and_so_is_its_end(running: Running) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.connect()
    await viewer.sees(video=3)
    publisher = running.node.streams["oranges"].publisher
    assert publisher is not None
    receive = publisher.session.receive_rtp

    # when: nothing comes through for a while
    publisher.session.receive_rtp = lambda *_: None  # type: ignore[method-assign]
    publisher.media_at = publisher.session.started_at - 60
    await running.heard.wait("publisher_joined", "publisher_left")
    publisher.session.receive_rtp = receive  # type: ignore[method-assign]

    # then
    events = await running.heard.wait("publisher_joined", "publisher_left", "publisher_joined")
    assert events[1]["reason"] == "silent"
    assert events[2]["session_id"] == events[0]["session_id"]
    await viewer.sees(video=5)


class BFrames(MediaStreamTrack):
    """Pictures as OBS encodes them unless it is told otherwise: some are shown before others that were sent first."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._pictures = itertools.cycle(encoded_pictures("H264", 2, b_frames=2))

    async def recv(self) -> Packet[Any]:
        """The next picture in the order of decoding."""
        await asyncio.sleep(1 / FRAME_RATE)
        number, data = next(self._pictures)
        packet = Packet(data)
        packet.pts, packet.time_base = number, Fraction(1, FRAME_RATE)
        return packet


async def test_b_frames_are_told_to_the_host(running: Running, bus: Bus) -> None:
    # given
    host = running.publisher()
    sender = host.pc.getSenders()[0]
    sender.replaceTrack(BFrames())

    # when
    assert await host.connect() == 201
    await running.heard.wait("publisher_joined")

    # then: it stands where the studio's figures come from
    ingest: dict[str, Any] = {}
    async with asyncio.timeout(WAIT_SECONDS):
        while not ingest.get("b_frames"):
            await asyncio.sleep(0.1)
            for lease in (await bus.leases("audience:stream-oranges-1")).values():
                ingest = lease.get("ingest") or {}


async def test_stopping_ends_streams_and_tells_the_servers(running: Running) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.connect()
    await viewer.sees(video=3)

    # when
    await running.node.aclose()

    # then
    events = await running.heard.wait("publisher_joined", "stream_ended", "take_ready")
    assert events[1]["reason"] == Ending.SHUTDOWN
    assert not running.node.resources


async def test_the_process_starts_from_its_environment_and_stops_on_sigterm(
    environment: Environment, media_settings: MediaSettings, objects: object
) -> None:
    # given
    environment["MEDIA_HTTP_PORT"] = str(_free_port())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "media", cwd=ROOT, env={**os.environ, **environment}, stderr=asyncio.subprocess.DEVNULL
    )

    # when
    async with aiohttp.ClientSession() as http:
        await _ready(http, f"http://127.0.0.1:{environment['MEDIA_HTTP_PORT']}/readyz")
    process.send_signal(signal.SIGTERM)

    # then
    assert await asyncio.wait_for(process.wait(), WAIT_SECONDS) == 0


async def test_wrong_settings_are_all_named(environment: Environment) -> None:
    env = {"PATH": os.environ["PATH"], "MEDIA_HTTP_PORT": "99999", "INTERNAL_SECRET": "short"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "media", cwd=ROOT, env=env, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), WAIT_SECONDS)
    assert process.returncode == 2
    assert all(name in said.decode() for name in ("REDIS_URL", "S3_ENDPOINT", "MEDIA_HTTP_PORT", "INTERNAL_SECRET"))


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def _ready(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)


async def test_a_viewer_who_changes_network_is_followed(running: Running) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.connect()
    await viewer.sees(video=3)
    session = next(r.session for r in running.node.resources.values() if r.key_digest is None)

    pwd = parse_offer(viewer.pc.localDescription.sdp).ice_pwd

    # when: the same peer checks from another address, and answers there
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mobile:
        mobile.setblocking(False)
        mobile.connect(("127.0.0.1", running.node.udp_port))
        mobile.send(check(session.credentials, nominate=True, theirs=session._remote.ufrag))

        # then
        got = bytearray()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_SECONDS):
            while not 127 < (got[0] if got else 0) < 192:
                got = bytearray(await loop.sock_recv(mobile, 2048))
                if got[:2] == b"\x00\x01":  # a check of the node's: is it really he?
                    mobile.send(reply(bytes(got), pwd, mobile.getsockname()))


async def test_no_media_goes_to_an_address_that_a_viewer_only_claims(running: Running) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.connect()
    await viewer.sees(video=3)
    session = next(r.session for r in running.node.resources.values() if r.key_digest is None)

    # when: checks come from a stranger's address, who answers nothing
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        stranger.connect(("127.0.0.1", running.node.udp_port))
        stranger.send(check(session.credentials, nominate=True, theirs=session._remote.ufrag))
        seen = viewer.frames["video"]
        await viewer.sees(video=seen + 15)

        # then
        got = []
        with suppress(BlockingIOError):
            while True:
                got.append(stranger.recv(2048)[:2])
    assert got == [b"\x00\x01", b"\x01\x01"]  # our question, and the answer to his check


async def test_a_redis_restart_loses_no_event(running: Running, data_servers: DataServers) -> None:
    # given
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")
    redis = data_servers.child("redis")

    # when
    redis.kill()
    assert await host.delete() == 200
    await until(lambda: running.node.outbox.waiting >= 2, "events that nobody takes")
    redis.start()  # in this thread: the child dies with the thread that started it
    await asyncio.to_thread(redis.wait_ready)

    # then
    await until(lambda: running.node.outbox.waiting == 0, "the events to be sent")
    await until(lambda: "take_ready" in running.heard.names(), "the server to hear")
    assert running.heard.names()[-2:] == ["stream_ended", "take_ready"]


async def test_another_certificate_than_the_offered_one_is_not_believed(running: Running) -> None:
    # given
    host = running.publisher()
    await host.pc.setLocalDescription(await host.pc.createOffer())
    offer = "\r\n".join(
        line[:-2] + ("00" if line[-2:] != "00" else "01") if line.startswith("a=fingerprint:") else line
        for line in host.pc.localDescription.sdp.split("\r\n")
    )

    # when
    headers = {"Content-Type": "application/sdp", **host.headers}
    async with running.http.post(host.url, data=offer, headers=headers) as response:
        answer = RTCSessionDescription(sdp=await response.text(), type="answer")
    host.location = "connecting"
    await host.pc.setRemoteDescription(answer)

    # then
    await until(lambda: not running.node.resources, "the session to be refused")
    assert running.heard.names() == []
