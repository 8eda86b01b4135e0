"""The turns of the benchmark: the limit's, the relay's, and the relay's without viewers, which the others need."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass

from dongting.child import Child
from dongting.ports import free_ports
from tests.bench.relay_parts.crowd import Crowd
from tests.bench.relay_parts.figures import delivered_share, window_packets
from tests.bench.relay_parts.native import Native, Receiver, make_session
from tests.bench.relay_parts.peer import RECEIVE_BUFFER_BYTES
from tests.bench.relay_parts.process import RELAY_CORE, cpu_seconds, memory_bytes, stolen_seconds, waited_seconds
from tests.bench.relay_parts.profiling import Profiler
from tests.bench.relay_parts.stage import KEY, SLUG, Command, Media, Stage

SETTLE_SECONDS = 4.0  # two groups of pictures: rings are full, the recorder writes, viewers are past their start
FEW_VIEWERS = 10  # who come first, so that what is made once for all is not counted to the others
REST_SECONDS = 0.5  # for what has just started or ended
POLL_SECONDS = 0.05
JOIN_LEAST_SECONDS, JOIN_SECONDS_EACH = 20.0, 0.1
LIMIT_MESSAGES = 48  # in one sendmmsg


@dataclass(frozen=True, slots=True)
class LimitTurn:
    """What the C loop needed."""

    us_per_packet: float
    delivered_share: float


async def limit_turn(
    stage: Stage, native: Native, viewers: int, seconds: float, *, is_paced: bool = False
) -> LimitTurn:
    """Protect and send to as many addresses, read by the same receiver, from the relay's core.

    Without a pause between frames, unless `is_paced`: then at the stream's own rate, so that caches are cold again.
    """
    (port,) = free_ports(1)
    keys = [secrets.token_bytes(28) for _ in range(viewers)]
    ssrcs = [1000 + number for number in range(2 * viewers)]
    with ExitStack() as stack:
        receiver = Receiver(native, viewers)
        stack.callback(receiver.close)
        ports = []
        for number in range(viewers):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            sock.bind(("127.0.0.1", 0))
            sock.connect(("127.0.0.1", port))
            ports.append(sock.getsockname()[1])
            pair = (ssrcs[2 * number], ssrcs[2 * number + 1])
            receiver.add(sock, pair, make_session(keys[number], is_inbound=True), None)
        order = {
            "library": str(native.library),
            "core": RELAY_CORE,
            "port": port,
            "ports": ports,
            "keys": [key.hex() for key in keys],
            "ssrcs": ssrcs,
            "messages": LIMIT_MESSAGES,
            "is_paced": is_paced,
            "seconds": seconds,
        }
        result = await _run_limit(stage, order, seconds)
        await asyncio.sleep(REST_SECONDS)
        if receiver.wrong or result["failed"]:
            raise RuntimeError(f"the limit sent {receiver.wrong} wrong packets and failed at {result['failed']}")
        received = receiver.received()
    return LimitTurn(result["cpu_ns"] / 1000 / result["packets"], received / result["packets"])


async def _run_limit(stage: Stage, order: dict[str, object], seconds: float) -> dict[str, int]:
    name = f"limit-{secrets.token_hex(4)}"
    spec, log = stage.folder / f"{name}.json", stage.folder / f"{name}.log"
    spec.write_text(json.dumps(order))
    child = Child(stage.program(name, (sys.executable, "-m", "tests.bench.relay_parts.limit", str(spec)), log))
    try:
        child.start()
        async with asyncio.timeout(seconds * 3 + 30):
            while child.is_running():  # noqa: ASYNC110 -- a process tells nobody that it has ended
                await asyncio.sleep(POLL_SECONDS)
        if child.exit_code:
            raise RuntimeError(f"the limit ended with {child.exit_code}: {child.last_words()}")
    finally:
        child.kill()
    result: dict[str, int] = json.loads(log.read_text().splitlines()[-1])
    return result


async def alone_turn(stage: Stage, native: Native, seconds: float, command: Command) -> float:
    """The relay with nobody there: which share of its core the stream takes."""
    with stage.media(0, command) as media:
        async with Crowd(native, media.url, SLUG, KEY, 0) as crowd:
            publisher = await crowd.connect_publisher()
            publisher.start()
            await asyncio.sleep(SETTLE_SECONDS)
            cpu, began = cpu_seconds(media.pid), time.monotonic()
            await asyncio.sleep(seconds)
            media.check()
            return (cpu_seconds(media.pid) - cpu) / (time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class Window:
    """What the processes needed while the window was open, in seconds; the media process' memory at its end."""

    seconds: float
    cpu: float
    signalling_cpu: float  # of a process beside it; 0 where there is none
    load_cpu: float
    waited: float
    stolen: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class RelayTurn:
    """What came of one turn of the relay."""

    joined: int
    setups_per_cpu_second: float  # 0 when there were only the few first
    packets: int
    delivered_share: float
    delays_ms: tuple[float, ...]
    window: Window
    checked_packets: int
    wrong_packets: int
    other_packets: int  # of streams that no viewer asked for: repairs, probes
    publisher_late_ms: float
    drops: dict[str, int]
    problems: tuple[str, ...]
    profile: str  # a profiler's text, if one ran

    @property
    def cpu_us_per_packet(self) -> float:
        """Of the media process, for a packet that came to a viewer."""
        return self.window.cpu * 1e6 / self.packets

    @property
    def signalling_us_per_packet(self) -> float:
        """Of the process that does its signalling, if that is another."""
        return self.window.signalling_cpu * 1e6 / self.packets


async def relay_turn(
    relay: AbstractContextManager[Media],
    native: Native,
    viewers: int,
    seconds: float,
    profiler: Profiler | None = None,
    *,
    whole_frames: bool = False,
) -> RelayTurn:
    """So many viewers join while the publisher is silent; then he sends, and when all is settled it counts.

    `relay` starts a fresh process, ours or another server's. `whole_frames`: the kernel hands a frame to its viewer
    uncut, so that cutting it is not counted to the relay.
    """
    with relay as media:
        async with Crowd(native, media.url, SLUG, KEY, viewers, whole_frames=whole_frames) as crowd:
            publisher = await crowd.connect_publisher()
            await asyncio.sleep(REST_SECONDS)
            few, _ = await _join(crowd, media, min(FEW_VIEWERS, viewers))
            async with _profiled(profiler, "joining", media) as profile:
                joined, setup_cpu = await _join(crowd, media, max(0, viewers - FEW_VIEWERS))
            publisher.start()
            await asyncio.sleep(SETTLE_SECONDS)
            async with _profiled(profiler, "sending", media) as more_profile:
                window = await _count(crowd, media, seconds)
            receiver, counts = crowd.receiver, crowd.receiver.counts()
            packets = window_packets(counts)
            if not packets:
                raise RuntimeError(f"nobody received anything: {crowd.problems[:3]}, see {media.child.last_words()}")
            return RelayTurn(
                joined=few + joined,
                setups_per_cpu_second=joined / setup_cpu if joined else 0.0,
                packets=packets,
                delivered_share=delivered_share(counts, receiver.sent_in_window),
                delays_ms=tuple(receiver.delays_ms()),
                window=window,
                checked_packets=receiver.checked,
                wrong_packets=receiver.wrong,
                other_packets=sum(count.repairs for count in counts),
                publisher_late_ms=publisher.latest_ms,
                drops=media.drops(),
                problems=tuple(crowd.problems),
                profile="\n".join(profile + more_profile),
            )


@asynccontextmanager
async def _profiled(profiler: Profiler | None, phase: str, media: Media) -> AsyncIterator[list[str]]:
    """Profile a phase, if that is wanted; what the profiler says stands in the list afterwards."""
    said: list[str] = []
    if profiler is None or profiler.phase != phase:
        yield said
        return
    await profiler.begin(media.pid)
    yield said
    said.append(await profiler.end(media.pid))


async def _count(crowd: Crowd, media: Media, seconds: float) -> Window:
    """Open the window for so long."""
    crowd.receiver.open_window()
    cpu, signalling_cpu, load_cpu = cpu_seconds(media.pid), _signalling_seconds(media), cpu_seconds(os.getpid())
    waited, stolen = waited_seconds(media.pid), stolen_seconds()
    await asyncio.sleep(seconds)
    cpu, load_cpu = cpu_seconds(media.pid) - cpu, cpu_seconds(os.getpid()) - load_cpu
    signalling_cpu = _signalling_seconds(media) - signalling_cpu
    waited, stolen = waited_seconds(media.pid) - waited, stolen_seconds() - stolen
    crowd.receiver.close_window()
    media.check()
    seconds, memory = crowd.receiver.window_seconds, memory_bytes(media.pid)
    return Window(seconds, cpu, signalling_cpu, load_cpu, waited, stolen, memory)


def _signalling_seconds(media: Media) -> float:
    return 0.0 if media.signalling_pid is None else cpu_seconds(media.signalling_pid)


async def _join(crowd: Crowd, media: Media, viewers: int) -> tuple[int, float]:
    """Let them come; answers how many are there, and the CPU time that took."""
    cpu = cpu_seconds(media.pid) + _signalling_seconds(media)
    async with asyncio.timeout(JOIN_LEAST_SECONDS + viewers * JOIN_SECONDS_EACH):
        joined = await crowd.join(viewers)
    await asyncio.sleep(REST_SECONDS)
    return joined, cpu_seconds(media.pid) + _signalling_seconds(media) - cpu
