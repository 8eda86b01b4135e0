"""One peer connection: ICE credentials, DTLS, SRTP, consent. What its packets mean is its owner's business."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from config.logs import logger
from media.dtls import Certificate, Dtls
from media.glue import DATAGRAM_BYTES, SRTP_OK, PacketMemory, SrtpKeys, srtcp_protect, srtcp_unprotect, srtp_unprotect
from media.rtp.counters import Counters
from media.rtp.path import NOWHERE, Path, Way
from media.sdp import Offer
from media.transport.ice import Address, Credentials, IceLite

log = logger(__name__)

MOST_SOURCES = 32  # SSRCs of one peer: libsrtp keeps 2 kB of each that it has seen, and looks through all of them
HELD_SECONDS = 15.0  # a peer who was heard of within this time keeps his address; checks come every few seconds


class Ending(StrEnum):
    """Why a session ended."""

    DELETED = "deleted"
    PEER_CLOSED = "peer_closed"
    CONSENT_EXPIRED = "consent_expired"
    NOT_CONNECTED = "not_connected"
    REPLACED = "replaced"
    STREAM_ENDED = "stream_ended"
    SHUTDOWN = "shutdown"
    BANNED = "banned"


class Owner(Protocol):
    """A publisher or a viewer: what is done with a session's packets. Called synchronously."""

    def connected(self, keys: SrtpKeys) -> None: ...
    def receive_rtp(self, packet: bytes) -> None: ...
    def receive_rtcp(self, packet: bytes) -> None: ...
    def farewell(self) -> bytes: ...
    def ended(self, reason: Ending) -> None: ...


class Session:
    """One peer connection from the answer to the end. `run()` owns its life; everything else is synchronous."""

    def __init__(
        self,
        session_id: str,
        offer: Offer,
        certificate: Certificate,
        ice: IceLite,
        memory: PacketMemory,
        counters: Counters,
        credentials: Credentials | None = None,
    ) -> None:
        self.id = session_id
        self.credentials = credentials or Credentials.make()
        self.etag = _new_etag()
        self.path = Path()
        self.is_connected = False
        self.is_connecting = True
        self.started_at = time.monotonic()
        self.consent_at = self.started_at
        self.heard_at = self.started_at  # of a check or of a packet
        self.owner: Owner | None = None
        self._remote = Credentials(offer.ice_ufrag, offer.ice_pwd)
        self._remote_before: Credentials | None = None  # of the last restart
        self._wanted: Address | None = None  # where the peer wants to be reached, as soon as he has answered there
        self._retiring: Credentials | None = None
        self._ice = ice
        self._counters = counters
        self._keys: SrtpKeys | None = None
        self._sources: set[bytes] = set()  # SSRCs of packets that were his
        self._memory = memory
        self._was_reached = False
        loop = asyncio.get_running_loop()
        self._up: asyncio.Future[SrtpKeys] = loop.create_future()
        self._end: asyncio.Future[Ending] = loop.create_future()
        self.is_dtls_client = offer.setup == "passive"
        self._dtls = Dtls(certificate, self.is_dtls_client, offer.fingerprints, self._send, self)
        ice.register(self.credentials, self)

    # -- life

    async def run(self, connect_timeout_seconds: float) -> None:
        """Connect, stay until the end, and clean up."""
        reason = Ending.NOT_CONNECTED
        try:
            if await self._connect(connect_timeout_seconds):
                reason = await self._end
            elif self._end.done():
                reason = self._end.result()
        finally:
            self.is_connected = False
            self._close(reason)

    async def _connect(self, timeout_seconds: float) -> bool:
        await asyncio.wait((self._up, self._end), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._end.done() or not self._up.done():
            return False
        self._keys = self._up.result()
        self.is_connected, self.is_connecting = True, False
        if self.owner is not None:
            self.owner.connected(self._keys)
        return True

    def dtls_up(self, keys: SrtpKeys) -> None:
        """The peer is who he said he is."""
        if not self._up.done():
            self._up.set_result(keys)

    def dtls_down(self) -> None:
        """The handshake has failed, or the peer has closed the connection."""
        self.end(Ending.PEER_CLOSED if self._up.done() else Ending.NOT_CONNECTED)

    def end(self, reason: Ending) -> None:
        """Have the session end; the first reason counts."""
        if not self._end.done():
            self._end.set_result(reason)

    @property
    def is_banned(self) -> bool:
        """Whether it ends, or has ended, because its viewer was banned."""
        return self._end.done() and self._end.result() is Ending.BANNED

    def _close(self, reason: Ending) -> None:
        owner = self.owner
        if self._keys is not None and owner is not None and reason != Ending.PEER_CLOSED:
            farewell = owner.farewell()
            if farewell:
                self.send_rtcp(farewell)
        if owner is not None:
            owner.ended(reason)
        try:
            self._dtls.close()
        finally:
            self._ice.forget(self)
            self._keys = None
        log.info("session ended", session=self.id, reason=reason)

    # -- ICE

    def consented(self, address: Address, username: str, is_nominated: bool, way: Way) -> None:
        """An authenticated check: the peer is alive, and reachable here."""
        ufrag, _, remote_ufrag = username.partition(":")
        self.consent_at = self.heard_at = time.monotonic()
        if self._retiring is not None and ufrag == self.credentials.ufrag:
            self._ice.retire(self._retiring)  # the restart has succeeded
            self._retiring = None
            is_nominated = True
        if not self._was_reached:
            self._move(address, way)  # the handshake will prove it
        elif address == self.path.address:
            if is_nominated:
                self._wanted = None
                self._ice.withdraw(self)
        elif is_nominated or address == self._wanted or self.path.address is None:
            self._wanted = address
            self._ask(address, ufrag, remote_ufrag, way)

    def _ask(self, address: Address, ufrag: str, remote_ufrag: str, way: Way) -> None:
        """Ask with the names that the peer uses there.

        A browser that restarts pairs its new ports at once with what it knows of us, and keeps such a pair: new names
        of his with old names of ours. Until his PATCH has come we can't ask: his next check will find us able to.
        """
        for remote in (self._remote, self._remote_before):
            if remote is not None and remote.ufrag == remote_ufrag:
                self._ice.ask(self, address, f"{remote_ufrag}:{ufrag}", remote.pwd, way)
                return

    def proven(self, address: Address, way: Way) -> None:
        """The peer has answered from the address that he wants to be reached at: media follows."""
        if address == self._wanted:
            self._move(address, way)

    def lost(self, address: Address) -> None:
        """A TCP connection is closed: nothing is sent until the peer is heard of elsewhere, or his consent ends."""
        if address == self._wanted:
            self._wanted = None
            self._ice.withdraw(self)
        if address == self.path.address:
            self.path.move(None, NOWHERE)

    def _move(self, address: Address, way: Way) -> None:
        self._wanted = None
        self.path.move(address, way)
        if not self._was_reached:
            self._was_reached = True
            self._dtls.start()

    def holds(self, address: Address) -> bool:
        """Whether nobody else may speak from this address."""
        is_here = self.is_connected and self.path.address == address
        return is_here and time.monotonic() - self.heard_at < HELD_SECONDS

    def restart_ice(self, remote_ufrag: str, remote_pwd: str) -> None:
        """New credentials for a peer whose network changed; the old ones hold until the new ones are used."""
        if self._retiring is not None:
            self._ice.retire(self._retiring)
        self._retiring = self.credentials
        self.credentials = Credentials.make()
        self.etag = _new_etag()
        self._remote_before, self._remote = self._remote, Credentials(remote_ufrag, remote_pwd)
        self._ice.register(self.credentials, self)

    def is_current_ufrag(self, ufrag: str) -> bool:
        """Whether a PATCH speaks of the ICE session that runs now."""
        return ufrag == self._remote.ufrag

    # -- datagrams

    def receive_dtls(self, datagram: bytes) -> None:
        """From the port."""
        self._dtls.feed(datagram)

    def receive_rtp(self, memory: PacketMemory, size: int) -> None:
        """From the port: unprotect in place and hand the plain packet on."""
        packet = self._unprotect(srtp_unprotect, memory, size, memory.view[8:12])
        if packet is not None and self.owner is not None:
            self.owner.receive_rtp(packet)

    def receive_rtcp(self, memory: PacketMemory, size: int) -> None:
        """From the port: the same for RTCP."""
        packet = self._unprotect(srtcp_unprotect, memory, size, memory.view[4:8])
        if packet is not None and self.owner is not None:
            self.owner.receive_rtcp(packet)

    def _unprotect(
        self, unprotect: Callable[[Any, Any, Any], int], memory: PacketMemory, size: int, ssrc: memoryview
    ) -> bytes | None:
        if self._keys is None:
            self._counters.dropped_not_protected += 1
            return None
        source = bytes(ssrc)
        if len(self._sources) >= MOST_SOURCES and source not in self._sources:
            self._counters.dropped_many_sources += 1
            return None
        memory.length[0] = size
        if unprotect(self._keys.inbound, memory.cdata, memory.length) != SRTP_OK:
            self._counters.dropped_protection += 1
            return None
        self._sources.add(source)
        self.heard_at = time.monotonic()
        return bytes(memory.view[: memory.length[0]])

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send RTCP; lost when it is too large, the session isn't connected or the socket is full."""
        if self._keys is None or self.path.address is None:
            return
        if len(packet) > DATAGRAM_BYTES:
            self._counters.dropped_bad_rtcp += 1
            return
        memory = self._memory
        memory.view[: len(packet)] = packet
        memory.length[0] = len(packet)
        if srtcp_protect(self._keys.outbound, memory.cdata, memory.length) != SRTP_OK:
            self._counters.dropped_protection += 1
            return
        self._send(memory.view[: memory.length[0]])

    def _send(self, datagram: bytes | memoryview) -> None:
        if self.path.address is None:
            return
        try:
            self.path.way.sendto(datagram, self.path.address)
        except OSError:
            self._counters.dropped_socket += 1


def _new_etag() -> str:
    return f'"{secrets.token_hex(8)}"'
