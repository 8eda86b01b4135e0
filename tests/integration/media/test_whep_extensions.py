"""The WHEP draft's extensions on a real node: choosing a layer, and server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser

from config.bus import Bus
from media.rtp.choice import MAIN_RID, Choice, Mode
from tests.integration.media.asking import other_node
from tests.integration.media.clients import WAIT_SECONDS, Client, until
from tests.integration.media.conftest import Running

LAYER_REL = 'rel="urn:ietf:params:whep:ext:core:layer"'
EVENTS_REL = 'rel="urn:ietf:params:whep:ext:core:server-sent-events"'
JSON = {"Content-Type": "application/json"}
EXTENSIONS = f"""
async ([url]) => {{
  const pc = window.pc = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}})
  for (const kind of ['audio', 'video']) pc.addTransceiver(kind, {{direction: 'recvonly'}})
  await pc.setLocalDescription(await pc.createOffer())
  const answer = await fetch(url, {{
    method: 'POST', body: pc.localDescription.sdp, headers: {{'Content-Type': 'application/sdp'}}}})
  await pc.setRemoteDescription({{type: 'answer', sdp: await answer.text()}})
  const links = answer.headers.get('Link')
  const find = (rel) => new URL(links.match(new RegExp(`<([^>]*)>; ${{rel}}`))[1], url).href
  const json = (address, body) => fetch(address, {{
    method: 'POST', body: JSON.stringify(body), headers: {{'Content-Type': 'application/json'}}}})
  const opened = await json(find('{EVENTS_REL}'), ['active', 'layers'])
  const events = new EventSource(new URL(opened.headers.get('Location'), url))
  const heard = (name) => new Promise((resolve) => events.addEventListener(name, (e) => resolve(JSON.parse(e.data))))
  const [active, layers] = await Promise.all([heard('active'), heard('layers')])
  const [[mediaId, [{{rid}}]]] = Object.entries(layers)
  const chosen = await json(find('{LAYER_REL}'), {{mediaId, rid}})
  events.close()
  return {{active, layers, chosen: chosen.status}}
}}"""


@dataclass(slots=True)
class Ear:
    """Listens to one event stream."""

    response: aiohttp.ClientResponse
    before: list[str] = field(default_factory=list)

    async def hear(self, name: str) -> Any:
        """Wait for an event of this name; others are remembered in `before`."""
        event = ""
        async with asyncio.timeout(WAIT_SECONDS):
            while line := await self.response.content.readline():
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    event = value
                elif key == "data" and event == name:
                    return json.loads(value)
                elif key == "data":
                    self.before.append(event)
        raise AssertionError(f"the stream ended without {name}, heard {self.before}")

    async def ends(self) -> None:
        """Wait until the stream is over."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self.response.content.read()


def link(client: Client, rel: str) -> str:
    """The address of an extension, as the 201 told it."""
    (found,) = (line for line in client.links if rel in line)
    return found.partition(">")[0].removeprefix("<")


async def open_events(running: Running, viewer: Client, body: str | None = None) -> str:
    """Open an event stream; its address."""
    url = running.url(link(viewer, EVENTS_REL))
    async with running.http.post(url, data=body, headers=JSON if body else None) as response:
        assert response.status == 201
        return running.url(response.headers["Location"])


@asynccontextmanager
async def listening(running: Running, url: str) -> AsyncIterator[Ear]:
    """Listen to an event stream."""
    async with running.http.get(url) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        yield Ear(response)


async def watching(running: Running) -> tuple[Client, Client]:
    """A host who is live, and a viewer who sees him."""
    host, viewer = running.publisher(), running.viewer()
    assert await host.connect() == 201
    await running.heard.wait("publisher_joined")
    assert await viewer.connect() == 201
    await viewer.sees(video=1)
    return host, viewer


async def test_a_viewer_chooses_and_leaves_the_choice_to_the_node_again(running: Running) -> None:
    # given
    _, viewer = await watching(running)
    url = running.url(link(viewer, LAYER_REL))
    (watcher,) = running.node.streams["oranges"].viewers

    async def choose(body: str) -> Choice:
        async with running.http.post(url, data=body, headers=JSON) as response:
            assert (response.status, await response.text()) == (200, "")
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        return watcher.choice

    # when, then
    assert await choose(f'{{"mediaId": "0", "rid": "{MAIN_RID}"}}') == Choice(Mode.LAYER, MAIN_RID)
    assert await choose('{"mode": "slides"}') == Choice(Mode.SLIDES)
    assert await choose('{"mode": "audio"}') == Choice(Mode.AUDIO)
    assert await choose("{}") == Choice()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ('{"rid": "none such"}', JSON, 400),
        ('{"mode": "none such"}', JSON, 400),
        ('{"mediaId": "1"}', JSON, 400),
        ("[", JSON, 400),
        ("", JSON, 400),
        ("{}", {"Content-Type": "text/plain"}, 415),
    ],
)
async def test_what_cannot_be_chosen_is_refused(
    running: Running, body: str, headers: dict[str, str], status: int
) -> None:
    _, viewer = await watching(running)
    async with running.http.post(running.url(link(viewer, LAYER_REL)), data=body, headers=headers) as response:
        assert response.status == status
        assert (await response.json(content_type=None))["code"] in ("bad_request", "unsupported_type")


async def test_events_tell_what_is_on_who_watches_and_which_layers_there_are(running: Running) -> None:
    # given
    host, viewer = await watching(running)

    # when
    async with listening(running, await open_events(running, viewer)) as ear:
        # then
        assert await ear.hear("active") == {}
        assert await ear.hear("viewercount") == {"viewercount": 1}
        (layer,) = (await ear.hear("layers"))["0"]
        assert (layer["rid"], layer["selected"]) == (MAIN_RID, True)
        second = running.viewer()
        await second.connect()
        assert await ear.hear("viewercount") == {"viewercount": 2}
        await host.vanish()
        await ear.hear("inactive")
        assert await running.publisher().connect() == 201
        await ear.hear("active")


async def test_events_that_were_not_asked_for_are_not_told(running: Running) -> None:
    # given
    _, viewer = await watching(running)
    url = await open_events(running, viewer, '["reconnect"]')

    # when
    async with listening(running, url) as ear:
        running.node.drain()

        # then
        assert await ear.hear("reconnect") == {}
        assert ear.before == []
        await ear.ends()  # a node that goes away waits for no listener


async def test_a_viewer_of_a_node_that_stops_is_told_where_to_go(running: Running, bus: Bus) -> None:
    # given
    _, viewer = await watching(running)
    await other_node(running, bus, "https://other.example/media")

    # when
    async with listening(running, await open_events(running, viewer)) as ear:
        await ear.hear("layers")
        running.node.drain()

        # then
        assert await ear.hear("reconnect") == {"url": "https://other.example/media/whep/oranges"}
        await viewer.sees(video=3)  # he has time to open a new session first


async def test_an_event_stream_ends_with_its_session_and_when_it_is_deleted(running: Running) -> None:
    # given
    _, viewer = await watching(running)
    first, second = await open_events(running, viewer), await open_events(running, viewer)

    # when
    async with listening(running, first) as ear, listening(running, second) as other:
        await other.hear("active")
        async with running.http.delete(first) as deleted:
            assert deleted.status == 200
        await ear.ends()
        assert await viewer.delete() == 200
        await other.ends()

    # then
    for url in (first, second):
        async with running.http.get(url) as response:
            assert response.status == 404
        async with running.http.delete(url) as response:
            assert response.status == 404


async def test_of_three_event_streams_the_oldest_gives_way(running: Running) -> None:
    # given
    _, viewer = await watching(running)
    first, second = await open_events(running, viewer), await open_events(running, viewer)

    # when
    async with listening(running, first) as ear, listening(running, second) as other:
        await ear.hear("active")
        await open_events(running, viewer)

        # then
        await ear.ends()
        await other.hear("active")
    async with running.http.get(first) as response:
        assert response.status == 404


async def test_a_page_that_listens_again_is_told_what_is_true_and_the_old_listener_leaves(running: Running) -> None:
    # given
    _, viewer = await watching(running)
    url = await open_events(running, viewer)

    # when
    async with listening(running, url) as lost, listening(running, url) as ear:
        # then
        await ear.hear("active")
        await lost.ends()


@pytest.mark.parametrize("body", ['["active", "scte35"]', '"active"', "[1]", "[]", "{", "[" * 50_000])
async def test_unknown_events_are_refused(running: Running, body: str) -> None:
    _, viewer = await watching(running)
    async with running.http.post(running.url(link(viewer, EVENTS_REL)), data=body, headers=JSON) as response:
        assert response.status == 400


async def test_a_listener_who_reads_nothing_costs_bounded_memory(running: Running) -> None:
    # given
    _, viewer = await watching(running)
    url = await open_events(running, viewer, '["viewercount"]')
    stream = running.node.streams["oranges"]

    # when: many things change while he is not looking
    async with listening(running, url) as ear:
        for _ in range(1000):
            extra = next(iter(stream.viewers))
            stream.viewers.discard(extra)
            stream.viewers.add(extra)

        # then: he is told the present only
        assert await ear.hear("viewercount") == {"viewercount": 1}
        assert ear.before == []


async def test_other_sites_may_use_every_address(running: Running) -> None:
    _, viewer = await watching(running)
    urls = [running.url(link(viewer, rel)) for rel in (LAYER_REL, EVENTS_REL)]
    for url in (*urls, await open_events(running, viewer)):
        async with running.http.options(url) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]


async def test_extensions_of_a_session_that_is_not_there_are_404(running: Running) -> None:
    async with running.http.post(running.url("/whep/oranges/nobody/layer"), data="{}", headers=JSON) as response:
        assert response.status == 404
    async with running.http.post(running.url("/whep/oranges/nobody/sse")) as response:
        assert response.status == 404


async def test_a_publisher_is_offered_no_layers(running: Running) -> None:
    host = running.publisher()
    await host.connect()
    await until(lambda: bool(running.heard.events), "the host to be live")
    assert host.links == []


async def test_a_page_of_another_site_hears_events_and_chooses(running: Running, browser: Browser) -> None:
    # given
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")
    page = await (await browser.new_context()).new_page()
    await page.goto(running.url("/healthz").replace("127.0.0.1", "localhost"))

    # when
    found = await page.evaluate(EXTENSIONS, [running.url("/whep/oranges")])

    # then
    assert (found["active"], found["chosen"]) == ({}, 200)
    assert [layer["rid"] for layer in found["layers"]["1"]] == [MAIN_RID]
    (watcher,) = running.node.streams["oranges"].viewers
    assert watcher.choice == Choice(Mode.LAYER, MAIN_RID)
