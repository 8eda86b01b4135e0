"""DTLS between two ends of ours: who is believed, what is repaired, and what a crowd may hold up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80

from media.dtls import MTU_BYTES, PEER_DATAGRAMS, Certificate, Dtls
from media.glue import SRTP_OK, PacketMemory, SrtpKeys, srtp_protect, srtp_unprotect
from tests.unit.media.conditions import until

PACKET = b"\x80\x60\x00\x01" + bytes(8) + b"payload"
CERTIFICATE = Certificate()


def never(datagram: bytes) -> bool:
    return False


@dataclass
class End:
    """One side: what it sent, and what it was told."""

    is_client: bool
    certificate: Certificate = field(default_factory=Certificate)
    believes: list[tuple[str, str]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    keys: SrtpKeys | None = None
    is_down: bool = False
    is_lost: Callable[[bytes], bool] = never
    other: End | None = None

    def begin(self, other: End) -> None:
        self.other = other
        self.believes = self.believes or [("sha-256", other.certificate.fingerprint)]
        self.dtls = Dtls(self.certificate, self.is_client, self.believes, self.send, self)
        self.dtls.start()

    def send(self, datagram: bytes) -> None:
        assert len(datagram) <= MTU_BYTES
        self.sent.append(datagram)
        if not self.is_lost(datagram) and self.other is not None:
            self.other.dtls.feed(datagram)

    def dtls_up(self, keys: SrtpKeys) -> None:
        assert self.keys is None
        self.keys = keys

    def dtls_down(self) -> None:
        assert not self.is_down
        self.is_down = True


@dataclass
class Ends:
    """A node and a browser."""

    node: End = field(default_factory=lambda: End(is_client=False, certificate=CERTIFICATE))
    browser: End = field(default_factory=lambda: End(is_client=True))

    async def shake_hands(self) -> None:
        self.node.begin(self.browser)
        self.browser.begin(self.node)
        both = (self.node, self.browser)
        await until(lambda: all(end.keys or end.is_down for end in both), "the handshake's end")

    def close(self) -> None:
        for end in (self.node, self.browser):
            end.dtls.close()
            end.dtls.close()


@pytest.mark.parametrize("node_is_client", [False, True])
async def test_both_ends_have_the_same_keys_afterwards(node_is_client: bool) -> None:
    # given
    ends = Ends(End(is_client=node_is_client, certificate=CERTIFICATE), End(is_client=not node_is_client))

    # when
    await ends.shake_hands()

    # then
    for own, other in ((ends.node.keys, ends.browser.keys), (ends.browser.keys, ends.node.keys)):
        assert own is not None
        assert other is not None
        memory = PacketMemory()
        memory.view[: len(PACKET)] = PACKET
        memory.length[0] = len(PACKET)
        assert srtp_protect(own.outbound, memory.cdata, memory.length) == SRTP_OK
        assert memory.length[0] == len(PACKET) + own.overhead == len(PACKET) + 16  # AES-GCM is preferred
        assert srtp_unprotect(other.inbound, memory.cdata, memory.length) == SRTP_OK
        assert bytes(memory.view[: memory.length[0]]) == PACKET
    ends.close()


async def test_who_knows_no_gcm_is_served_with_hmac() -> None:
    ends = Ends()
    ends.browser.certificate.context.set_tlsext_use_srtp(SRTP_AES128_CM_SHA1_80.openssl_profile)
    await ends.shake_hands()
    assert ends.node.keys is not None
    assert ends.node.keys.overhead == 10
    ends.close()


OTHER = Certificate().fingerprint
LONG = ":".join(["AB"] * 64)


@pytest.mark.parametrize("named", [[("sha-256", OTHER)], [("sha-512", LONG), ("sha-256", "")]])
async def test_a_certificate_that_was_not_offered_is_not_believed(named: list[tuple[str, str]]) -> None:
    """RFC 8122 5: of several hash functions the best one counts."""
    ends = Ends()
    ends.node.believes = [(name, value or ends.browser.certificate.fingerprint) for name, value in named]
    await ends.shake_hands()
    assert ends.node.is_down
    assert ends.node.keys is None
    ends.close()


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_lost_flight_is_sent_again(lost: int) -> None:
    ends = Ends()
    ends.node.is_lost = lambda datagram: len(ends.node.sent) == lost + 1  # our first flight, or our last
    await ends.shake_hands()
    assert ends.node.keys is not None
    assert ends.browser.keys is not None
    assert len(ends.node.sent) == 3
    ends.close()


async def test_the_end_of_one_is_the_end_of_the_other() -> None:
    ends = Ends()
    await ends.shake_hands()
    ends.browser.dtls.close()
    await until(lambda: ends.node.is_down, "the news")
    assert not ends.browser.is_down  # it knows


async def test_junk_and_replays_change_nothing() -> None:
    # given
    ends, dice = Ends(), random.Random(3)
    ends.node.begin(ends.browser)
    for _ in range(200):
        ends.node.dtls.feed(bytes((dice.randrange(20, 64),)) + dice.randbytes(dice.randrange(80)))
        await asyncio.sleep(0)

    # when
    await ends.shake_hands()
    old = list(ends.browser.sent)

    # then
    for datagram in [*old, *(d[:-1] for d in old), *(d[:13] + dice.randbytes(40) for d in old)]:
        ends.node.dtls.feed(datagram)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert ends.node.keys is not None
    assert not ends.node.is_down
    ends.close()


async def test_who_sends_faster_than_openssl_reads_loses_datagrams() -> None:
    ends = Ends()
    ends.node.begin(ends.browser)
    for _ in range(1000):
        ends.node.dtls.feed(b"\x16junk")
    assert len(CERTIFICATE.line) == PEER_DATAGRAMS
    await until(lambda: not CERTIFICATE.line, "the line's end")
    ends.node.dtls.close()


async def test_media_goes_on_between_the_handshakes_of_a_crowd() -> None:
    # given
    loop = asyncio.get_running_loop()
    crowd = [Ends() for _ in range(5)]
    waiting: list[int] = []

    def media() -> None:
        waiting.append(len(CERTIFICATE.line))
        if CERTIFICATE.line:
            loop.call_soon(media)

    # when
    for ends in crowd:
        ends.node.begin(ends.browser)
        ends.node.dtls.feed(b"\x16hello")
        ends.node.dtls.feed(b"\x16hello")
    loop.call_soon(media)
    await until(lambda: not CERTIFICATE.line, "the line's end")

    # then
    assert waiting[:4] in ([9, 8, 7, 6], [10, 9, 8, 7])
    for ends in crowd:
        ends.node.dtls.close()


async def test_a_closed_connection_takes_nothing() -> None:
    ends = Ends()
    await ends.shake_hands()
    ends.node.dtls.feed(ends.browser.sent[-1])
    ends.close()
    await asyncio.sleep(0.01)
    sent = len(ends.node.sent)
    ends.node.dtls.feed(ends.browser.sent[0])
    await asyncio.sleep(0.01)
    assert len(ends.node.sent) == sent


async def test_of_several_certificates_that_were_offered_any_is_believed() -> None:
    """RFC 8122 5: it must match one fingerprint out of those of the best hash function."""
    ends = Ends()
    ends.node.believes = [("sha-256", OTHER), ("sha-256", ends.browser.certificate.fingerprint)]
    await ends.shake_hands()
    assert ends.node.keys is not None
    ends.close()
