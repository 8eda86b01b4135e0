"""A real browser in a network that blocks UDP: it publishes and plays over TCP, and may change between the two."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from media.session import Session
from media.transport.tcp import TcpConnection
from tests.harness.udp_relay import UdpRelay
from tests.integration.media.chromium import eventually, page_of
from tests.integration.media.clients import KEY, until
from tests.integration.media.conftest import Running
from tests.integration.media.test_chromium import PLAY, PUBLISH, RESTART, more_frames

# The network's part: of the answer's candidates only those of one protocol are left.
ONLY = """
(protocol) => {
  const take = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    const isKept = (line) => !line.startsWith('a=candidate:') || line.split(' ')[2] === protocol
    return take.call(this, {type, sdp: sdp.split('\\r\\n').filter(isKept).join('\\r\\n')})
  }
}"""
THROUGH = """
([port, relay]) => {
  const take = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    return take.call(this, {type, sdp: sdp.replaceAll(
      new RegExp(`(a=candidate:\\\\S+ 1 udp \\\\d+) \\\\S+ ${port} `, 'g'), `$1 127.0.0.1 ${relay} `)})
  }
}"""
PAIR = """
async () => {
  const stats = await pc.getStats()
  const transport = [...stats.values()].find((s) => s.type === 'transport')
  const pair = stats.get(transport.selectedCandidatePairId)
  return [pair.state, stats.get(pair.localCandidateId).protocol, stats.get(pair.remoteCandidateId).protocol]
}"""
OVER_TCP = ["succeeded", "tcp", "tcp"]


async def page_with(browser: Browser, running: Running, protocol: str) -> Page:
    page = await page_of(browser, running)
    await page.evaluate(ONLY, protocol)
    return page


def session_of(running: Running, *, publishes: bool) -> Session:
    return next(r.session for r in running.node.resources.values() if r.is_publisher == publishes)


def is_tcp(session: Session) -> bool:
    return session.path.address is not None and session.path.address[2:3] == ("tcp",)


async def test_chromium_publishes_and_plays_over_tcp_alone(running: Running, browser: Browser) -> None:
    # given
    host, viewer = await page_with(browser, running, "tcp"), await page_with(browser, running, "tcp")
    await host.evaluate(PUBLISH, [running.url("/whip/oranges"), KEY])
    await running.heard.wait("publisher_joined")

    # when
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])

    # then
    found = await more_frames(viewer, 30)
    assert found["audio"]["samples"] > 0
    assert await host.evaluate(PAIR) == await viewer.evaluate(PAIR) == OVER_TCP
    assert is_tcp(session_of(running, publishes=True))
    assert is_tcp(session_of(running, publishes=False))
    assert running.node.counters.dropped_tcp_full == 0


async def test_a_viewer_whose_connection_is_cut_opens_another_and_plays_on(
    running: Running, browser: Browser
) -> None:
    # given
    host, viewer = running.publisher(), await page_with(browser, running, "tcp")
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])
    session = session_of(running, publishes=False)
    before, way = session.path.address, session.path.way
    assert isinstance(way, TcpConnection)

    # when
    way.abort()
    await until(lambda: session.path.address is None, "the loss to be noticed")

    # then
    await until(lambda: is_tcp(session) and session.path.address != before, "another connection")
    await more_frames(viewer, 20)
    assert session is session_of(running, publishes=False)


@pytest_asyncio.fixture
async def relay(running: Running) -> AsyncIterator[UdpRelay]:
    """Between browsers and the node's port."""
    made = UdpRelay(running.node.udp_port)
    made.start()
    yield made
    made.close()


async def test_a_viewer_changes_to_tcp_when_udp_is_cut_and_back_when_it_is_not(
    running: Running, browser: Browser, relay: UdpRelay
) -> None:
    # given
    host, viewer = running.publisher(), await page_of(browser, running)
    await viewer.evaluate(THROUGH, [running.node.udp_port, relay.port])
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])
    session = session_of(running, publishes=False)
    assert not is_tcp(session)

    # when: his page asks for an ICE restart, as it does when the network changes
    relay.is_cut = True
    assert await viewer.evaluate(RESTART, [KEY]) == 200
    await until(lambda: is_tcp(session), "media over TCP")

    # then
    await more_frames(viewer, 20)
    await eventually(viewer, PAIR, lambda pair: pair[2] == "tcp", "a pair over TCP")

    # and when
    relay.is_cut = False
    assert await viewer.evaluate(RESTART, [KEY]) == 200
    await until(lambda: not is_tcp(session), "media over UDP")

    # then
    await more_frames(viewer, 20)


@pytest.mark.parametrize("media_settings", [{"CONSENT_TIMEOUT_SECONDS": "1"}], indirect=True)
async def test_a_viewer_over_tcp_who_falls_silent_is_closed_with_his_connection(
    running: Running, browser: Browser
) -> None:
    """Chromium checks every two and a half seconds, so within a second it is silent."""
    # given
    host, viewer = running.publisher(), await page_with(browser, running, "tcp")
    await host.connect()
    await running.heard.wait("publisher_joined")
    port = running.node._port
    assert port is not None

    # when
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])

    # then
    await until(lambda: len(running.node.resources) == 1, "the session to be closed")
    await until(lambda: port.tcp.connections == 0, "the connection to be closed")
