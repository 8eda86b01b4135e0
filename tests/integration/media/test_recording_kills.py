"""A media node killed again and again: the replay is one, and lacks at most two seconds of each time."""

from __future__ import annotations

import asyncio
import io
import json
import random
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import aiohttp
import av
import pytest
from aiortc import AudioStreamTrack, MediaStreamTrack
from av.video.frame import VideoFrame

from config.bus import Bus
from config.objects import S3Objects
from dongting.child import Child
from tests.harness.data_servers import Environment
from tests.harness.processes import running
from tests.harness.soak import times
from tests.integration.media.clients import KEY, Client, Heard, HookServer, until

KILLS = times(20, otherwise=5)
PER_SECOND = 15
MOST_LOST = 2 * PER_SECOND
WIDTH, HEIGHT, BITS = 320, 240, 16
BAR = WIDTH // BITS
PREFIX = "public/takes/stream-oranges-1/"


class NumberedPictures(MediaStreamTrack):
    """Pictures that show their own number as sixteen bars."""

    kind = "video"

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first
        self.next = first
        self._began = 0.0

    async def recv(self) -> VideoFrame:
        """The next one, when it is due."""
        self._began = self._began or time.monotonic()
        due = self._began + (self.next - self.first) / PER_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        bars = b"".join(bytes([235 if self.next >> bit & 1 else 16]) * BAR for bit in range(BITS))
        frame.planes[0].update(bars * HEIGHT)
        for plane in frame.planes[1:]:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts, frame.time_base = (self.next - self.first) * 90_000 // PER_SECOND, Fraction(1, 90_000)
        self.next += 1
        return frame


def number_of(frame: VideoFrame) -> int:
    """The number that a picture shows."""
    row = bytes(frame.planes[0])[HEIGHT // 2 * frame.planes[0].line_size :]
    return sum((row[bit * BAR + BAR // 2] > 125) << bit for bit in range(BITS))


@pytest.fixture
def node(environment: Environment, hook: HookServer, tmp_path: Path) -> Iterator[Child]:
    """A media node, as a process of its own."""
    environment["PUBLISHER_GRACE_SECONDS"] = "30"
    with running(environment, tmp_path, "media") as children:
        yield children["media"]


async def go_live(http: aiohttp.ClientSession, url: str, first: int) -> tuple[Client, NumberedPictures]:
    """A host who is connected."""
    pictures = NumberedPictures(first)
    client = Client(http, f"{url}/whip/oranges?takeover=1", {"Authorization": f"Bearer {KEY}"})
    client.pc.addTrack(pictures)
    client.pc.addTrack(AudioStreamTrack())
    assert await client.connect() == 201
    await until(lambda: pictures.next > first, "the first picture")
    return client, pictures


async def numbers_in(objects: S3Objects) -> list[int]:
    """The pictures of the replay, in order."""
    take = json.loads(await objects.get(PREFIX + "take.json"))
    found = []
    for number, run in enumerate(take["runs"]):
        parts = [part["name"] for part in take["parts"] if part["run"] == number]
        data = b"".join([await objects.get(PREFIX + name) for name in [run["init"], *parts]])
        if parts:
            with av.open(io.BytesIO(data), "r", options={"err_detect": "explode"}) as container:
                found += [number_of(frame) for frame in container.decode(video=0)]
    return found


async def test_a_node_killed_again_and_again_loses_at_most_two_seconds_each_time(
    node: Child, environment: Environment, objects: S3Objects, bus: Bus
) -> None:
    # given a host who comes back each time
    url = f"http://127.0.0.1:{environment['MEDIA_HTTP_PORT']}"
    moments = random.Random(20261128)
    spans: list[range] = []
    heard = Heard()
    listening = asyncio.create_task(heard.listen(bus))
    async with aiohttp.ClientSession() as http:
        for _ in range(KILLS):
            client, pictures = await go_live(http, url, spans[-1].stop if spans else 0)
            kill_at = pictures.first + round(moments.uniform(0.2, 3.5) * PER_SECOND)
            await until(lambda: pictures.next >= kill_at, "the moment")  # noqa: B023
            # when
            node.kill()
            spans.append(range(pictures.first, pictures.next))
            await client.vanish()
            node.start()  # in this thread: the child dies with the thread that started it
            await asyncio.to_thread(node.wait_ready)
        client, pictures = await go_live(http, url, spans[-1].stop)
        await until(lambda: pictures.next >= pictures.first + PER_SECOND, "a last second")
        await client.delete()
        await client.vanish()
        await until(lambda: "take_ready" in heard.names(), "the replay")
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    # then
    assert heard.names().count("take_ready") == 1
    recorded = await numbers_in(objects)
    assert recorded == sorted(set(recorded))
    for span in spans:
        missing = set(span) - set(recorded)
        assert len(missing) <= MOST_LOST, (span, sorted(missing))
