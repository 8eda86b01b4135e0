"""The only file that touches internals of aiortc and pylibsrtp: DTLS on our own transport, SRTP in place.

Both are pinned exactly in pyproject.toml; the assertions say at import what an update has changed.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pylibsrtp
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, State
from pylibsrtp._binding import ffi, lib

_SOURCE = inspect.getsource(RTCDtlsTransport)
assert all(hasattr(RTCDtlsTransport, n) for n in ("_set_role", "_recv_next", "_write_ssl")), (
    "aiortc changed; revisit media/glue.py"
)
assert all(
    word in _SOURCE for word in ("self._tx_srtp", "self._rx_srtp", "self.transport._recv()", "self.transport._send(")
), "aiortc changed; revisit media/glue.py"
assert {s.name for s in State} == {"NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"}, "aiortc changed"
assert all(hasattr(lib, n) for n in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp")), (
    "pylibsrtp changed; revisit media/glue.py"
)
assert hasattr(pylibsrtp.Session(), "_srtp"), "pylibsrtp changed; revisit media/glue.py"

# AES-128-GCM first: it costs half of AES-CM with SHA-1, and less than 256 bits.
_PROFILES = [
    rtcdtlstransport.SRTP_AEAD_AES_128_GCM,
    rtcdtlstransport.SRTP_AEAD_AES_256_GCM,
    rtcdtlstransport.SRTP_AES128_CM_SHA1_80,
]
DATAGRAM_BYTES = 2048  # more than any path on the internet carries
TRAILER_BYTES = 160  # what SRTCP may add
GCM_TAG_BYTES, HMAC_TAG_BYTES = 16, 10  # RFC 7714, RFC 3711
HANDSHAKE_QUEUE = 64  # datagrams waiting for OpenSSL; more are dropped and DTLS sends them again
SRTP_OK = int(lib.srtp_err_status_ok)

# (context, memory, length cell) -> SRTP_OK or an error code; the packet is changed where it lies.
srtp_protect: Callable[[Any, Any, Any], int] = lib.srtp_protect
srtp_unprotect: Callable[[Any, Any, Any], int] = lib.srtp_unprotect
srtcp_protect: Callable[[Any, Any, Any], int] = lib.srtp_protect_rtcp
srtcp_unprotect: Callable[[Any, Any, Any], int] = lib.srtp_unprotect_rtcp


class PacketMemory:
    """A piece of C memory in which one packet at a time is read, protected and sent."""

    __slots__ = ("cdata", "length", "view")

    def __init__(self) -> None:
        self.cdata = ffi.new("char[]", DATAGRAM_BYTES + TRAILER_BYTES)
        self.view = memoryview(ffi.buffer(self.cdata)).cast("B")
        self.length = ffi.new("int *")


class CMemory:
    """C memory for many packets or numbers: `cdata` for libsrtp, `view` and `address` for everybody else."""

    __slots__ = ("address", "cdata", "view")

    def __init__(self, kind: Literal["char", "int"], count: int) -> None:
        self.cdata = ffi.new(f"{kind}[]", count)
        self.view = memoryview(ffi.buffer(self.cdata)).cast("B")
        self.address = int(ffi.cast("uintptr_t", self.cdata))


class SrtpKeys:
    """The two SRTP contexts of a connected peer. `overhead`: bytes that protection adds to an RTP packet."""

    __slots__ = ("_sessions", "inbound", "outbound", "overhead")

    def __init__(self, rx: pylibsrtp.Session, tx: pylibsrtp.Session, overhead: int) -> None:
        self.overhead = overhead
        self._sessions = (rx, tx)  # they own the memory that the contexts point to
        self.inbound = rx._srtp[0]
        self.outbound = tx._srtp[0]


class DtlsFailed(Exception):
    """The DTLS handshake did not succeed."""


class Certificate:
    """The node's certificate, one for all its sessions."""

    def __init__(self) -> None:
        self.own = RTCCertificate.generateCertificate()
        self.fingerprint = next(f.value for f in self.own.getFingerprints() if f.algorithm == "sha-256")


class _Pipe:
    """What RTCDtlsTransport asks of its transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._write = send
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue(HANDSHAKE_QUEUE)

    async def _recv(self) -> bytes:
        return await self.inbox.get()

    async def _send(self, data: bytes) -> None:
        self._write(data)


class Dtls:
    """One DTLS connection over datagrams that somebody else sends and receives."""

    def __init__(
        self,
        certificate: Certificate,
        is_client: bool,
        fingerprints: Sequence[tuple[str, str]],
        send: Callable[[bytes], None],
    ) -> None:
        self._pipe = _Pipe(send)
        self._transport = RTCDtlsTransport(self._pipe, [certificate.own])  # type: ignore[arg-type]
        self._transport._srtp_profiles = _PROFILES
        self._transport._set_role("client" if is_client else "server")
        self._remote = RTCDtlsParameters([RTCDtlsFingerprint(algorithm=a, value=v) for a, v in fingerprints])

    def feed(self, datagram: bytes) -> None:
        """A DTLS datagram came from the peer."""
        if not self._pipe.inbox.full():
            self._pipe.inbox.put_nowait(datagram)

    async def handshake(self, on_closed: Callable[[], None]) -> SrtpKeys:
        """Run the handshake; `on_closed` is called when the peer closes later.

        Raises:
            DtlsFailed: wrong fingerprint, no common SRTP profile, or a broken handshake.
        """
        transport = self._transport
        await transport.start(self._remote)
        if transport._state != State.CONNECTED:
            raise DtlsFailed(transport.state)

        def state_changed() -> None:
            if transport._state in (State.CLOSED, State.FAILED):
                on_closed()

        transport.add_listener("statechange", state_changed)
        assert transport._ssl is not None, "aiortc changed; revisit media/glue.py"
        overhead = GCM_TAG_BYTES if b"GCM" in transport._ssl.get_selected_srtp_profile() else HMAC_TAG_BYTES
        return SrtpKeys(transport._rx_srtp, transport._tx_srtp, overhead)

    async def aclose(self) -> None:
        """Say close_notify and end; twice is fine."""
        self._transport.remove_all_listeners()
        pump = self._transport._task
        await self._transport.stop()
        if pump is not None:
            await asyncio.gather(pump, return_exceptions=True)
