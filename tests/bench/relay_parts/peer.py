"""One peer connection as a browser makes it: WHIP or WHEP over HTTP, an ICE check, a DTLS handshake, SRTP keys."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pylibsrtp
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL

from tests.bench.relay_parts.native import make_session

VIEWER_OFFER = (Path(__file__).parent / "chromium_viewer.sdp").read_text()
PUBLISHER_OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:x
a=ice-pwd:x
a=fingerprint:sha-256 x
a=setup:actpass
a=mid:0
a=sendonly
a=msid:bench video
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc-group:FID 1111 1112
a=ssrc:1111 cname:bench
a=ssrc:1112 cname:bench
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:x
a=ice-pwd:x
a=fingerprint:sha-256 x
a=setup:actpass
a=mid:1
a=sendonly
a=msid:bench audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=ssrc:2222 cname:bench
"""
PUBLISHER_SSRCS = (1111, 2222)
PUBLISHER_PAYLOAD_TYPES = (96, 111)
SDP_TYPE = {"Content-Type": "application/sdp"}
RECEIVE_BUFFER_BYTES = 1 << 20  # a keyframe and what comes while the receiver is elsewhere
UDP_GRO = 104  # linux/udp.h; Python has no name for it
CHECK_TRIES = 20
TRY_SECONDS = 0.5
CONNECT_SECONDS = 15.0
KEY_BYTES, SALT_BYTES = 16, 12
GCM = b"SRTP_AEAD_AES_128_GCM"
CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256"


class PeerFailed(Exception):
    """A peer could not connect; the text says at which step."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a benchmark needs of an SDP answer."""

    ufrag: str
    pwd: str
    fingerprint: str
    address: tuple[str, int]
    ssrcs: tuple[int, int]  # of video and audio; 0 where the answer names none


def read_answer(text: str) -> Answer:
    """Read an answer.

    Raises:
        PeerFailed: something is missing.
    """

    def first(pattern: str, within: str = text) -> str:
        found = re.search(pattern, within, re.MULTILINE | re.IGNORECASE)
        if found is None:
            raise PeerFailed(f"the answer has no {pattern}")
        return found.group(1).strip()

    host, port = first(r"^a=candidate:\S+ 1 udp \d+ (\S+ \d+) typ host").split()
    sections = {section.partition(" ")[0]: section for section in re.split(r"^m=", text, flags=re.MULTILINE)[1:]}

    def ssrc(kind: str) -> int:
        found = re.search(r"^a=ssrc:(\d+) ", sections.get(kind, ""), re.MULTILINE)
        return int(found.group(1)) if found else 0

    return Answer(
        ufrag=first(r"^a=ice-ufrag:(\S+)"),
        pwd=first(r"^a=ice-pwd:(\S+)"),
        fingerprint=first(r"^a=fingerprint:sha-256 (\S+)").upper(),
        address=(host, int(port)),
        ssrcs=(ssrc("video"), ssrc("audio")),
    )


class Identity:
    """A certificate and a TLS context that all peers of the load share; each has its own handshake."""

    def __init__(self) -> None:
        certificate = RTCCertificate.generateCertificate()
        self.fingerprint = next(f.value for f in certificate.getFingerprints() if f.algorithm == "sha-256")
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_verify(SSL.VERIFY_PEER, lambda *_: True)  # the fingerprint is compared afterwards
        self.context.use_certificate(certificate._cert)
        self.context.use_privatekey(certificate._key)
        self.context.set_cipher_list(CIPHERS)
        self.context.set_tlsext_use_srtp(GCM)


class Peer:
    """A publisher or a viewer: after `connect()` others use its socket and SRTP sessions, until `close()`."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._ufrag, self._pwd = secrets.token_hex(4), secrets.token_hex(12)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self.answer: Answer | None = None
        self.inbound: pylibsrtp.Session | None = None
        self.outbound: pylibsrtp.Session | None = None

    def offer(self, template: str) -> str:
        """The template with our own ICE credentials and certificate."""
        lines = {
            "ice-ufrag": self._ufrag,
            "ice-pwd": self._pwd,
            "fingerprint": f"sha-256 {self._identity.fingerprint}",
        }
        for name, value in lines.items():
            template = re.sub(rf"^a={name}:.*$", f"a={name}:{value}", template, flags=re.MULTILINE)
        return "\r\n".join(template.splitlines()) + "\r\n"

    async def connect(self, http: aiohttp.ClientSession, url: str, template: str, key: str = "") -> None:
        """POST the offer, check the path, shake hands.

        Raises:
            PeerFailed: it did not come about in time.
        """
        headers = {**SDP_TYPE, **({"Authorization": f"Bearer {key}"} if key else {})}
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                async with http.post(url, data=self.offer(template), headers=headers) as response:
                    text = await response.text()
                    if response.status != 201:
                        raise PeerFailed(f"{url} answers {response.status}: {text[:200]}")
                self.answer = read_answer(text)
                self.socket.connect(self.answer.address)
                await self._check_path()
                await self._shake_hands(self.answer.fingerprint)
        except TimeoutError as error:
            raise PeerFailed("not connected in time") from error

    def send_check(self) -> bytes:
        """Send an ICE check, which is consent too; answers its transaction id."""
        assert self.answer is not None
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.answer.ufrag}:{self._ufrag}"
        request.attributes["PRIORITY"] = 1_845_501_695
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self.answer.pwd.encode())
        self.socket.send(bytes(request))
        return request.transaction_id

    async def _check_path(self) -> None:
        for _ in range(CHECK_TRIES):
            transaction_id = self.send_check()
            data = await self._receive(TRY_SECONDS)
            if data[:2] == b"\x01\x01" and data[8:20] == transaction_id:
                return
        raise PeerFailed("the ICE check is not answered")

    async def _receive(self, seconds: float) -> bytes:
        """The next datagram; empty when none came in time."""
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 2048), seconds)
        except TimeoutError:
            return b""

    async def _shake_hands(self, fingerprint: str) -> None:
        connection = SSL.Connection(self._identity.context)
        connection.set_connect_state()
        while True:
            try:
                connection.do_handshake()
                break
            except SSL.WantReadError:
                self._flush(connection)
            except SSL.Error as error:
                raise PeerFailed(f"DTLS: {error}") from error
            data = await self._receive(connection.DTLSv1_get_timeout() or TRY_SECONDS)
            if not data:
                connection.DTLSv1_handle_timeout()
            elif 19 < data[0] < 64:
                connection.bio_write(data)
        self._flush(connection)
        certificate = connection.get_peer_certificate()
        if certificate is None or certificate.digest("sha256").decode().upper() != fingerprint:
            raise PeerFailed("the node's certificate is not the one of its answer")
        if connection.get_selected_srtp_profile() != GCM:
            raise PeerFailed("the node did not take AES-128-GCM")
        material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (KEY_BYTES + SALT_BYTES))
        client_key, server_key, client_salt, server_salt = struct.unpack("16s16s12s12s", material)
        self.outbound = make_session(client_key + client_salt, is_inbound=False)
        self.inbound = make_session(server_key + server_salt, is_inbound=True)

    def _flush(self, connection: SSL.Connection) -> None:
        try:
            self.socket.send(connection.bio_read(2048))  # a client's flight fits one datagram
        except SSL.WantReadError:
            return  # nothing to say

    def take_whole_frames(self) -> None:
        """From now on what the relay sent in one piece is not cut into datagrams for this socket."""
        self.socket.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)

    def close(self) -> None:
        """Close the socket; twice is fine."""
        self.socket.close()
