"""Plain HTTP requests to a node's WHIP and WHEP addresses, and a broadcast to ask about."""

from __future__ import annotations

import secrets
from typing import Any

import aiohttp

from config.bus import Bus
from tests.integration.media.clients import KEY, Client, until
from tests.integration.media.conftest import Running

BEARER = {"Authorization": f"Bearer {KEY}"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
CANDIDATES = (
    "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 network-id 1\r\n"
    "a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0\r\n"
    "a=candidate:0 1 UDP 2122252543 fd7b7b8f-1e2d-4c3b-9a8f-7e6d5c4b3a29.local 50323 typ host\r\n"
    "a=candidate:nonsense\r\na=end-of-candidates\r\n"
)


class Answer:
    """What came back, read to its end."""

    def __init__(self, response: aiohttp.ClientResponse, text: str) -> None:
        self.status = response.status
        self.headers = response.headers
        self.content_type = response.content_type
        self.text = text

    def is_problem(self, status: int, code: str) -> bool:
        """Whether it is the problem document of our contract."""
        is_json = self.content_type == "application/problem+json"
        return is_json and self.status == status and f'"code": "{code}"' in self.text


async def ask(running: Running, method: str, path: str, body: str = "", **headers: str) -> Answer:
    """One request; `If_Match` is `If-Match`."""
    url = path if path.startswith("http") else running.url(path)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    options: dict[str, Any] = {"data": body.encode(), "headers": named, "allow_redirects": False}
    async with running.http.request(method, url, **options) as response:
        return Answer(response, await response.text())


async def post(running: Running, path: str, offer: str, **headers: str) -> Answer:
    """An offer to an endpoint, as our host or a viewer sends it."""
    own = BEARER if path.startswith("/whip") else {}
    return await ask(running, "POST", path, offer, **{"Content-Type": "application/sdp", **own, **headers})


async def patch(running: Running, client: Client, body: str, **headers: str) -> Answer:
    """A fragment to a session."""
    return await ask(running, "PATCH", client.location, body, **{**FRAGMENT, **client.headers, **headers})


async def live(running: Running, viewers: int = 1) -> list[Client]:
    """A host who is live, and viewers who see him."""
    host = running.publisher()
    assert await host.connect() == 201
    await running.heard.wait("publisher_joined")
    clients = [host]
    for _ in range(viewers):
        clients.append(running.viewer())
        assert await clients[-1].connect() == 201
        await clients[-1].sees(video=1)
    return clients


def new_credentials() -> str:
    """The fragment of an ICE restart."""
    ufrag, pwd = secrets.token_hex(4), secrets.token_hex(16)
    return f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n"


async def other_node(running: Running, bus: Bus, public_url: str) -> None:
    """Another node stands in the registry, with room and an address of its own; the node has seen it."""
    about = {"internal_url": "http://127.0.0.1:9", "udp_port": 9, "sessions": 0, "most_sessions": 100}
    await bus.set_lease("node:other", {"node_id": "other", "boot": "1", "public_url": public_url, **about}, 60)
    await until(lambda: running.node.elsewhere("oranges") == public_url, "the other node to be seen")
