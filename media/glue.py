"""The only file that touches internals of aiortc and pylibsrtp: the context of DTLS, SRTP in place.

Both are pinned exactly in pyproject.toml; the assertions say at import what an update has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pylibsrtp
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    SRTPProtectionProfile,
)
from OpenSSL import SSL
from pylibsrtp._binding import ffi, lib

assert hasattr(RTCCertificate, "_create_ssl_context"), "aiortc changed; revisit media/glue.py"
_CALLS = ("create", "dealloc", "protect", "unprotect", "protect_rtcp", "unprotect_rtcp")
assert all(hasattr(lib, f"srtp_{name}") for name in _CALLS), "pylibsrtp changed; revisit media/glue.py"
assert hasattr(pylibsrtp.Policy(), "_policy"), "pylibsrtp changed; revisit media/glue.py"

# AES-128-GCM first: it costs half of AES-CM with SHA-1, and less than 256 bits.
_PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80]
PROFILES = {profile.openssl_profile: profile for profile in _PROFILES}
DATAGRAM_BYTES = 2048  # more than any path on the internet carries
TRAILER_BYTES = 160  # what SRTCP may add
GCM_TAG_BYTES, HMAC_TAG_BYTES = 16, 10  # RFC 7714, RFC 3711
# Packets. A publisher sends again what is several seconds old; what we send again goes over RTX, which has numbers of
# its own, and a long window is moved on with every packet: 1024 cost sound a third more than 128.
INBOUND_WINDOW, OUTBOUND_WINDOW = 1024, 128
SRTP_OK = int(lib.srtp_err_status_ok)

# (context, memory, length cell) -> SRTP_OK or an error code; the packet is changed where it lies.
srtp_protect: Callable[[Any, Any, Any], int] = lib.srtp_protect
srtp_unprotect: Callable[[Any, Any, Any], int] = lib.srtp_unprotect
srtcp_protect: Callable[[Any, Any, Any], int] = lib.srtp_protect_rtcp
srtcp_unprotect: Callable[[Any, Any, Any], int] = lib.srtp_unprotect_rtcp


class PacketMemory:
    """A piece of C memory in which one packet at a time is read, protected and sent."""

    __slots__ = ("address", "cdata", "length", "view")

    def __init__(self) -> None:
        self.cdata = ffi.new("char[]", DATAGRAM_BYTES + TRAILER_BYTES)
        self.address = int(ffi.cast("uintptr_t", self.cdata))
        self.view = memoryview(ffi.buffer(self.cdata)).cast("B")
        self.length = ffi.new("int *")


class CMemory:
    """C memory for many packets or numbers: `cdata` for libsrtp, `view` and `address` for everybody else."""

    __slots__ = ("address", "cdata", "view")

    def __init__(self, kind: Literal["char", "int"], count: int) -> None:
        self.cdata = ffi.new(f"{kind}[]", count)
        self.view = memoryview(ffi.buffer(self.cdata)).cast("B")
        self.address = int(ffi.cast("uintptr_t", self.cdata))


def ssl_context(certificate: RTCCertificate) -> SSL.Context:
    """The context of all DTLS connections with this certificate, client or server."""
    context = certificate._create_ssl_context(_PROFILES)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # nobody resumes; a shared context would keep them all
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 17 kB of each peer: nothing is read after the handshake
    context.set_options(SSL.OP_NO_QUERY_MTU)  # there is no socket to ask
    return context


class SrtpKeys:
    """The two SRTP contexts of a connected peer. `overhead`: bytes that protection adds to an RTP packet.

    A context lives as long as anybody holds it.
    """

    __slots__ = ("inbound", "outbound", "overhead")

    def __init__(self, profile: SRTPProtectionProfile, material: bytes, is_client: bool) -> None:
        """From what DTLS exports (RFC 5764 4.2): the client's key comes first, then the server's."""
        own, other = (0, 1) if is_client else (1, 0)
        self.inbound = _make_srtp(profile, profile.get_key_and_salt(material, other), lib.ssrc_any_inbound)
        self.outbound = _make_srtp(profile, profile.get_key_and_salt(material, own), lib.ssrc_any_outbound)
        self.overhead = HMAC_TAG_BYTES if profile is SRTP_AES128_CM_SHA1_80 else GCM_TAG_BYTES


def _make_srtp(profile: SRTPProtectionProfile, key: bytes, direction: int) -> Any:
    """An SRTP context, freed with the last who holds it. Without pylibsrtp's `Session`, whose buffers nobody uses."""
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile.libsrtp_profile)
    policy.allow_repeat_tx = True
    policy.window_size = INBOUND_WINDOW if direction == lib.ssrc_any_inbound else OUTBOUND_WINDOW
    made = ffi.new("srtp_t *")
    if lib.srtp_create(made, policy._policy) != SRTP_OK:
        raise ValueError("libsrtp takes no such key")
    return ffi.gc(made[0], lib.srtp_dealloc)
