"""Several media nodes, real processes behind one HTTP port, with clients and an ear on their events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import m3u8
from multidict import CIMultiDictProxy

from config.bus import Bus
from media.cluster.signature import HEADER, Sender, Signer
from tests.harness.data_servers import Environment
from tests.harness.processes import MediaProcess
from tests.integration.media.clients import WAIT_SECONDS, Client, Heard, HookServer, publisher, until, viewer

NODES = 3


@dataclass(slots=True)
class Cluster:
    """The nodes, what servers hear of them, and clients that are closed with the test."""

    nodes: list[MediaProcess]
    http: aiohttp.ClientSession
    bus: Bus
    heard: Heard
    secret: str
    shared: str
    stream: str  # the id of whatever is live in the room
    clients: list[Client] = field(default_factory=list)

    def host(self, node: int, query: str = "", size: tuple[int, int] = (320, 240)) -> Client:
        """A host who speaks to this node; `size`: width and height of his picture."""
        return self._keep(publisher(self.http, f"{self.nodes[node].url}/whip/oranges{query}", size=size))

    def viewer(self, node: int) -> Client:
        """A viewer who speaks to this node."""
        return self._keep(viewer(self.http, f"{self.nodes[node].url}/whep/oranges"))

    def _keep(self, client: Client) -> Client:
        self.clients.append(client)
        return client

    async def live(self, node: int) -> Client:
        """A host who is live at this node."""
        host = self.host(node)
        assert await host.connect() == 201
        await self.heard.wait("publisher_joined")
        await self.leases_say(lambda leases: leases["stream:oranges"]["state"] == "live")
        return host

    async def play(self, node: int) -> Client:
        """A viewer at this node who sees and hears; he asks again, as players do, while there is nothing.

        Nor does he stay with a stream before, which has just ended but not at this node.
        """
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            client = self.viewer(node)
            status = await client.connect()
            assert status in (201, 409, 503), status
            if status == 201 and await sees_or_is_sent_away(client):
                return client
            assert asyncio.get_running_loop().time() < end, "nothing to play"
            await client.vanish()
            await asyncio.sleep(0.2)

    async def rest(self) -> None:
        """Whoever is live ends, and the nodes have nothing left to do."""
        for client in self.clients:
            if client.location and client.headers:
                await client.delete()
            await client.vanish()
        await self.leases_say(lambda leases: not any(key.startswith(("stream:", "audience:")) for key in leases))
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while left := [session for node in range(len(self.nodes)) for session in await self.sessions(node)]:
            assert asyncio.get_running_loop().time() < end, left
            await asyncio.sleep(0.1)

    async def sessions(self, node: int) -> list[dict[str, Any]]:
        """What a node says of its sessions."""
        url = f"{self.nodes[node].url}/internal/sessions"
        async with self.http.get(url, headers=self.signed_for(url)) as answer:
            assert answer.status == 200
            found: list[dict[str, Any]] = (await answer.json())["items"]
            return found

    def signed_for(self, url: str) -> dict[str, str]:
        """The header with which the server asks there."""
        return {HEADER: Signer(self.secret).sign(Sender("server"), "GET", url, time.time())}

    async def leases_say(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the leases are so."""
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            leases = await self.bus.leases("")
            with suppress(KeyError):
                if condition(leases):
                    return leases
            assert asyncio.get_running_loop().time() < end, leases
            await asyncio.sleep(0.1)


async def sees_or_is_sent_away(client: Client) -> bool:
    """Wait for pictures and sound; False if the node ends the session instead."""

    def sees() -> bool:
        return min(client.frames.values()) >= 3

    await until(
        lambda: sees() or client.pc.connectionState == "closed", lambda: f"pictures and sound; {client.state()}"
    )
    return sees()


@asynccontextmanager
async def open_cluster(
    nodes: list[MediaProcess], bus: Bus, environment: Environment, hook: HookServer
) -> AsyncIterator[Cluster]:
    """The running nodes with an ear on their events; clients go with the test."""
    stream = f"stream-oranges-{hook.number}"
    heard = Heard(stream)
    listening = asyncio.create_task(heard.listen(bus))
    try:
        async with aiohttp.ClientSession() as http:
            shared = f"http://127.0.0.1:{environment['MEDIA_HTTP_PORT']}"
            made = Cluster(nodes, http, bus, heard, environment["INTERNAL_SECRET"], shared, stream)
            await made.leases_say(lambda leases: all(f"node:{node.node_id}" in leases for node in nodes))
            yield made
            for client in made.clients:
                await client.vanish()
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def hls(cluster: Cluster, node: int, name: str) -> tuple[int, bytes, CIMultiDictProxy[str]]:
    """Ask a node for something of the room's HLS."""
    url = f"{cluster.nodes[node].url}/hls/oranges/{name}"
    async with cluster.http.get(url, allow_redirects=False) as answer:
        return answer.status, await answer.read(), answer.headers


async def follow_over_hls(cluster: Cluster, node: int, *, is_death: bool = False) -> list[m3u8.M3U8]:
    """What a player reads again and again until another node goes on with the stream, and the newest segment of the
    node before, if that is not dead; never that there is none. Who comes anew meanwhile is not sent away either."""
    seen: list[m3u8.M3U8] = []
    newest = ""
    while not seen or not seen[-1].discontinuity_sequence:
        for name in ("index.m3u8", f"{cluster.stream}/live.m3u8", newest):
            status, body, _ = await hls(cluster, node, name) if name else (200, b"", None)
            assert status in (200, 503), (name, status, body)
            if name.endswith("live.m3u8") and status == 200:
                seen.append(m3u8.loads(body.decode()))
                listed = [segment.uri for segment in seen[-1].segments if segment.uri]
                is_before = not seen[-1].discontinuity_sequence and not is_death
                newest = f"{cluster.stream}/{listed[-1]}" if listed and is_before else newest
        await asyncio.sleep(0.1)
    if newest:
        assert (await hls(cluster, node, newest))[0] == 200
    return seen


async def has_begun_over_hls(cluster: Cluster, node: int) -> None:
    """Until the stream's first fragment is recorded and listed."""
    end = asyncio.get_running_loop().time() + WAIT_SECONDS
    while (await hls(cluster, node, f"{cluster.stream}/live.m3u8"))[0] != 200:
        assert asyncio.get_running_loop().time() < end, "no playlist"
        await asyncio.sleep(0.1)
