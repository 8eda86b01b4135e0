"""DTLS-SRTP (RFC 5764) over datagrams that somebody else sends and receives, without a task or a queue per peer.

One OpenSSL context serves all peers of a node. The handshakes of a crowd wait in line, one step in each turn of the
event loop, so that media goes on between them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL, crypto

from media.glue import PROFILES, SrtpKeys, ssl_context
from media.sdp import HASHES

MTU_BYTES = 1200  # passes through every tunnel
MOST_READ = 4096  # a flight of ours has some 800 bytes
LINE_DATAGRAMS = 4096  # waiting for OpenSSL, of all peers; more are dropped and DTLS sends them again
PEER_DATAGRAMS = 16  # the same of one peer: a flight of his is at most a few
EXPORT_LABEL = b"EXTRACTOR-dtls_srtp"


class User(Protocol):
    """A session, as far as its handshake is concerned."""

    def dtls_up(self, keys: SrtpKeys) -> None:
        """The peer is who he said he is; these are the keys."""

    def dtls_down(self) -> None:
        """The handshake has failed, or the peer has closed the connection."""


class Line:
    """Datagrams that wait for OpenSSL; the last one loses when the line is full."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Dtls, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, dtls: Dtls, datagram: bytes) -> bool:
        """Have the datagram taken in its turn."""
        if len(self._waiting) >= LINE_DATAGRAMS:
            return False
        self._waiting.append((dtls, datagram))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._step)
        return True

    def _step(self) -> None:
        dtls, datagram = self._waiting[0]
        try:
            dtls.take(datagram)
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._step)


class Certificate:
    """The node's certificate, one for all its sessions, and what they share."""

    def __init__(self) -> None:
        own = RTCCertificate.generateCertificate()
        self.fingerprint = next(f.value for f in own.getFingerprints() if f.algorithm == "sha-256")
        self.context = ssl_context(own)
        self.line = Line()


class Dtls:
    """One peer's DTLS connection."""

    __slots__ = (
        "_certificate",
        "_connection",
        "_fingerprints",
        "_is_client",
        "_is_up",
        "_send",
        "_timer",
        "_user",
        "_waiting",
    )

    def __init__(
        self,
        certificate: Certificate,
        is_client: bool,
        fingerprints: Sequence[tuple[str, str]],
        send: Callable[[bytes], None],
        user: User,
    ) -> None:
        self._certificate = certificate
        self._is_client = is_client
        self._fingerprints = fingerprints
        self._send = send
        self._user = user
        self._connection: SSL.Connection | None = None
        self._is_up = False
        self._waiting = 0  # datagrams in the line
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The peer can be reached: shake hands."""
        connection = self._connection = SSL.Connection(self._certificate.context, None)
        connection.set_ciphertext_mtu(MTU_BYTES)
        if self._is_client:
            connection.set_connect_state()
            self.feed(b"")  # our hello waits in line like everybody's
        else:
            connection.set_accept_state()

    def feed(self, datagram: bytes) -> None:
        """A datagram came from the peer."""
        if self._connection is None or self._waiting >= PEER_DATAGRAMS:
            return
        if self._certificate.line.add(self, datagram):
            self._waiting += 1

    def take(self, datagram: bytes) -> None:
        """The turn of a datagram has come."""
        self._waiting -= 1
        connection = self._connection
        if connection is None:
            return
        if datagram:
            connection.bio_write(datagram)
        try:
            if not self._is_up:
                connection.do_handshake()
            else:
                while True:
                    connection.recv(MOST_READ)  # nothing but alerts, and his last flight if ours was lost
        except SSL.WantReadError:
            self._flush(connection)
        except SSL.ZeroReturnError:
            self._down()
        except SSL.Error:
            self._flush(connection)  # an alert that says why
            if not self._is_up:
                self._down()
        else:
            self._flush(connection)
            self._finish(connection)

    def _finish(self, connection: SSL.Connection) -> None:
        profile = PROFILES.get(connection.get_selected_srtp_profile())
        if profile is None or not self._is_he(connection):
            self._down()
            return
        material = connection.export_keying_material(EXPORT_LABEL, 2 * (profile.key_length + profile.salt_length))
        self._is_up = True
        self._user.dtls_up(SrtpKeys(profile, material, self._is_client))

    def _is_he(self, connection: SSL.Connection) -> bool:
        """Whether his certificate has a fingerprint of the offer, of those by its best hash function (RFC 8122 5)."""
        certificate = connection.get_peer_certificate()
        if certificate is None or not self._fingerprints:
            return False
        best = max((name for name, _ in self._fingerprints), key=HASHES.index)
        digest = hashlib.new(best.replace("-", ""), crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate))
        return any(
            name == best and digest.digest() == bytes.fromhex(value.replace(":", ""))
            for name, value in self._fingerprints
        )

    def _flush(self, connection: SSL.Connection) -> None:
        """Send what OpenSSL wants sent, and come back when it will want it sent again."""
        with suppress(SSL.WantReadError):  # there is nothing to send
            self._send(connection.bio_read(MOST_READ))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        seconds = connection.DTLSv1_get_timeout()
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._send_again)

    def _send_again(self) -> None:
        self._timer = None
        connection = self._connection
        if connection is None:
            return
        try:
            connection.DTLSv1_handle_timeout()
        except SSL.Error:  # too often in vain
            self._down()
        else:
            self._flush(connection)

    def _down(self) -> None:
        self.close()
        self._user.dtls_down()

    def close(self) -> None:
        """Tell the peer, and free the memory; twice is fine."""
        connection, self._connection = self._connection, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if connection is None or not self._is_up:
            return
        with suppress(SSL.Error):  # the peer was faster
            connection.shutdown()
            self._send(connection.bio_read(MOST_READ))
