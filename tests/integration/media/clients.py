"""WHIP and WHEP clients for tests: aiortc over real HTTP, a hook server, and FFmpeg's command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Self

import aiohttp
import av
from aiohttp import web
from aiortc import AudioStreamTrack, MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av.video.frame import VideoFrame
from yarl import URL

from config.bus import Bus

KEY = "the right key"
WAIT_SECONDS = 20.0
CONNECT_SECONDS = 5.0
SDP = {"Content-Type": "application/sdp"}
Json = dict[str, Any]


async def until(condition: Callable[[], bool], what: str | Callable[[], str], seconds: float = WAIT_SECONDS) -> None:
    """Wait for a condition; `what` may be said in the end only, to tell how far it came."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what if isinstance(what, str) else what()}"
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class HookServer:
    """The server's hook as PROTOCOL.md describes it, with the same keys for all rooms."""

    url: str = ""
    secret: str = ""
    keys: set[str] = field(default_factory=lambda: {KEY})
    calls: list[Json] = field(default_factory=list)
    number: int = 1
    is_broken: bool = False

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Self]:
        """Serve it, at a free port if none is given."""
        app = web.Application()
        app.router.add_post("/internal/publish", self.publish)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/internal/publish"
            yield self
        finally:
            await runner.cleanup()

    async def publish(self, request: web.Request) -> web.Response:
        """The one route."""
        body = await request.json()
        self.calls.append(body)
        if self.is_broken:
            return web.Response(status=500)
        if request.headers.get("Authorization") != f"Bearer {self.secret}":
            return web.json_response({"code": "sign_in_required"}, status=401)
        if body["slug"] == "nowhere":
            return web.json_response({"code": "unknown_room"}, status=404)
        if body["key"] not in self.keys:
            return web.json_response({"code": "key_wrong"}, status=403)
        stream_id = f"stream-{body['slug']}-{self.number}"
        return web.json_response({"room_id": f"room-{body['slug']}", "stream_id": stream_id, "title": "橙子"})


@dataclass(slots=True)
class Heard:
    """Events as a server hears them; of one stream only, if its id is given."""

    stream_id: str = ""
    events: list[Json] = field(default_factory=list)

    async def take(self, event: Json) -> None:
        """Remember one."""
        if not self.stream_id or event.get("stream_id") == self.stream_id:
            self.events.append(event)

    def names(self) -> list[str]:
        """What happened, in order."""
        return [event["event"] for event in self.events]

    async def wait(self, *names: str) -> list[Json]:
        """Wait until exactly these events were heard, in this order."""
        await until(lambda: len(self.events) >= len(names), lambda: f"{names}, heard {self.names()}")
        assert self.names() == list(names)
        return self.events

    async def listen(self, bus: Bus) -> None:
        """Hear events until cancelled."""
        await bus.consume_events("test", "test", self.take)


class Picture(MediaStreamTrack):
    """A small moving picture, 15 times a second."""

    kind = "video"

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self._size = width, height
        self._count = 0
        self._began = 0.0

    async def recv(self) -> VideoFrame:
        """The next frame, when it is due."""
        self._began = self._began or time.monotonic()
        await asyncio.sleep(max(0.0, self._began + self._count / 15 - time.monotonic()))
        frame = VideoFrame(*self._size, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([16 + self._count * 3 % 200]) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 6000, Fraction(1, 90000)
        self._count += 1
        return frame


def peer_connection() -> RTCPeerConnection:
    """One that asks no STUN server; aiortc, unless told so, asks one on the internet."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


@dataclass(slots=True)
class Client:
    """One peer connection and its WHIP or WHEP session."""

    http: aiohttp.ClientSession
    url: str
    headers: dict[str, str]
    pc: RTCPeerConnection = field(default_factory=peer_connection)
    location: str = ""
    etag: str = ""
    links: list[str] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=lambda: {"video": 0, "audio": 0})
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def offer(self) -> str:
        """What this client would post."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def connect(self, edit: Callable[[str], str] = str) -> int:
        """Offer (what `edit` makes of it), and take the answer; gives the status."""
        self.pc.on("track", self._on_track)
        offer = edit(await self.offer())
        async with self.http.post(self.url, data=offer, headers={**SDP, **self.headers}) as response:
            text = await response.text()
            if response.status != 201:
                return response.status
            self.location = str(response.url.join(URL(response.headers["Location"])))
            self.etag = response.headers["ETag"]
            self.links = response.headers.getall("Link", [])
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=text, type="answer"))
        return 201

    def _on_track(self, track: MediaStreamTrack) -> None:
        self.tasks.append(asyncio.create_task(self._count(track)))

    async def _count(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                await track.recv()
            except Exception:  # noqa: BLE001 -- aiortc's end of a track
                return
            self.frames[track.kind] += 1

    async def sees(self, video: int, audio: int = 0) -> None:
        """Wait until so many more frames were decoded."""
        wanted = (self.frames["video"] + video, self.frames["audio"] + audio)
        await until(
            lambda: self.frames["video"] >= wanted[0] and self.frames["audio"] >= wanted[1],
            lambda: f"{wanted} frames; {self.state()}",
        )

    def state(self) -> str:
        """How far it came."""
        return f"{self.pc.connectionState}, ICE {self.pc.iceConnectionState}, {self.frames} at {self.location}"

    async def delete(self) -> int:
        """End the session the polite way."""
        async with self.http.delete(self.location, headers=self.headers) as response:
            return response.status

    async def vanish(self) -> None:
        """Close the peer connection without a word over HTTP."""
        # aioice forgets a task when it is closed while it connects.
        if self.location:
            with suppress(AssertionError):
                await until(
                    lambda: self.pc.connectionState not in ("new", "connecting"), "a connection", CONNECT_SECONDS
                )
        await self.pc.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        # aiortc leaves the tasks it has cancelled to end by themselves.
        await asyncio.sleep(0.05)


def publisher(http: aiohttp.ClientSession, url: str, key: str = KEY, size: tuple[int, int] = (320, 240)) -> Client:
    """A host with camera (of this width and height) and microphone."""
    client = Client(http, url, {"Authorization": f"Bearer {key}"})
    client.pc.addTrack(Picture(*size))
    client.pc.addTrack(AudioStreamTrack())
    return client


def viewer(http: aiohttp.ClientSession, url: str) -> Client:
    """Somebody who watches."""
    client = Client(http, url, {})
    client.pc.addTransceiver("video", direction="recvonly")
    client.pc.addTransceiver("audio", direction="recvonly")
    return client


def ffmpeg_command(ffmpeg: str, url: str, seconds: int) -> list[str]:
    """FFmpeg as a host would run it: test picture and tone, baseline, no B-frames."""
    picture = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15"]
    sound = ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline"]
    video += ["-bf", "0", "-g", "30", "-pix_fmt", "yuv420p", "-b:v", "300k"]
    audio = ["-c:a", "libopus", "-ac", "2", "-b:a", "64k"]
    target = ["-t", str(seconds), "-f", "whip", "-authorization", KEY, url]
    return [ffmpeg, "-hide_banner", "-loglevel", "error", *picture, *sound, *video, *audio, *target]


def duration_of(path: str) -> float:
    """Seconds of a media file."""
    with av.open(path) as container:
        return (container.duration or 0) / 1_000_000
