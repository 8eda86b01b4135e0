"""STUN binding messages (RFC 8489) as bytes: what ICE's connectivity checks need of them, and no more.

Every viewer sends one every few seconds for as long as he watches, so reading is lean: one pass, one object; and what
he repeats word for word is not read again (`repeats`).
"""

from __future__ import annotations

import hmac
import socket
import struct
from typing import Any, NamedTuple
from zlib import crc32

REQUEST, RESPONSE = 0x0001, 0x0101  # of the method Binding
HEADER_BYTES = 20
MOST_BYTES = 1500  # a check is some hundred bytes long
COOKIE = 0x2112A442
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_WHOLE, _FINGERPRINT_WHOLE = 24, 8  # with the attribute's own header of four bytes
_SIGNATURE_BYTES = 28  # both without the first one's header

USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS = 0x0006, 0x0008, 0x0020
PRIORITY, USE_CANDIDATE, FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING = 0x0024, 0x0025, 0x8028, 0x8029, 0x802A
_ONCE = frozenset((USERNAME, USE_CANDIDATE, MESSAGE_INTEGRITY))
_OF_LENGTH = {
    PRIORITY: 4,
    USE_CANDIDATE: 0,
    FINGERPRINT: 4,
    MESSAGE_INTEGRITY: 20,
    ICE_CONTROLLED: 8,
    ICE_CONTROLLING: 8,
}

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_UINT16 = struct.Struct("!H")
_UINT32 = struct.Struct("!I")
_INTEGRITY_HEAD = _ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20)
_FINGERPRINT_HEAD = _ATTRIBUTE.pack(FINGERPRINT, 4)
_IPV4_ADDRESS = struct.Struct("!HHBBHI")
_IPV6_ADDRESS = struct.Struct("!HHBBH16s")


class Binding(NamedTuple):
    """A binding request or response whose lengths and fingerprint are right; nothing is known yet of its sender."""

    kind: int
    transaction_id: bytes
    username: str  # of a request; empty: there is none
    is_nominated: bool
    integrity_at: int  # where MESSAGE-INTEGRITY begins; 0: there is none


def parse(data: bytes) -> Binding:
    """Read a message. Attributes after MESSAGE-INTEGRITY are not signed and count for nothing (RFC 8489 14.5).

    Raises:
        ValueError: when it is not a binding request or response, or contradicts itself.
    """
    size = len(data)
    if not HEADER_BYTES <= size <= MOST_BYTES:
        raise ValueError("not of the size of a STUN message")
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if kind not in (REQUEST, RESPONSE) or cookie != COOKIE:
        raise ValueError("not a STUN binding request or response")
    if length != size - HEADER_BYTES or length & 3:
        raise ValueError("a STUN message is longer or shorter than it says")
    return Binding(kind, transaction_id, *_read_attributes(data, size))


def shape(data: bytes, binding: Binding) -> bytes:
    """What a peer's next check has in common with this one; empty when that does not end as checks of ICE do."""
    is_usual = binding.integrity_at == len(data) - _INTEGRITY_WHOLE - _FINGERPRINT_WHOLE
    return _shape(data) if is_usual and data[-_FINGERPRINT_WHOLE:-4] == _FINGERPRINT_HEAD else b""


def _shape(data: bytes) -> bytes:
    return data[:8] + data[HEADER_BYTES:-_SIGNATURE_BYTES] + data[-_FINGERPRINT_WHOLE:-4]


def repeats(data: bytes, known: bytes) -> bool:
    """Whether `parse` says of this message what it said of the one with the known shape, but for its number."""
    return _shape(data) == known and _fingerprint(data[:-_FINGERPRINT_WHOLE]) == data[-4:]


def _read_attributes(data: bytes, size: int) -> tuple[str, bool, int]:
    """The name, whether it nominates, and where MESSAGE-INTEGRITY begins."""
    username = b""
    integrity_at, place = 0, HEADER_BYTES
    seen = []
    while place < size:  # whole words: there are four bytes at least
        name, length = _ATTRIBUTE.unpack_from(data, place)
        end = place + 4 + length
        if end > size or _OF_LENGTH.get(name, length) != length:
            raise ValueError("a STUN attribute is longer or shorter than it may be")
        if name == FINGERPRINT:
            _check_fingerprint(data, place, end)
        elif name in _ONCE and not integrity_at:
            if name in seen:
                raise ValueError("a STUN attribute comes twice")
            seen.append(name)
            if name == USERNAME:
                username = data[place + 4 : end]
            elif name == MESSAGE_INTEGRITY:
                integrity_at = place
        place = end + (-length & 3)
    if place != size:
        raise ValueError("a STUN attribute is longer than its message")
    return username.decode(), USE_CANDIDATE in seen, integrity_at


def _check_fingerprint(data: bytes, place: int, end: int) -> None:
    if end != len(data) or _fingerprint(data[:place]) != data[-4:]:
        raise ValueError("the fingerprint of a STUN message is wrong, or not at its end")


def is_signed(data: bytes, binding: Binding, key: bytes) -> bool:
    """Whether the message is of somebody who knows the password."""
    at = binding.integrity_at
    if not at:
        return False
    return hmac.compare_digest(_integrity(data[:at], key), data[at + 4 : at + _INTEGRITY_WHOLE])


def _integrity(before: bytes, key: bytes) -> bytes:
    # RFC 8489 14.5: the length in the header counts as if the message ended with this attribute.
    length = _UINT16.pack(len(before) - HEADER_BYTES + _INTEGRITY_WHOLE)
    return hmac.digest(key, before[:2] + length + before[4:], "sha1")


def _sign(kind: int, transaction_id: bytes, attributes: bytes, key: bytes) -> bytes:
    """A whole message, with MESSAGE-INTEGRITY and FINGERPRINT."""
    length = len(attributes) + _INTEGRITY_WHOLE  # as if the message ended there, see `_integrity`
    integrity = hmac.digest(key, _HEADER.pack(kind, length, COOKIE, transaction_id) + attributes, "sha1")
    head = _HEADER.pack(kind, length + _FINGERPRINT_WHOLE, COOKIE, transaction_id)
    body = head + attributes + _INTEGRITY_HEAD + integrity
    return body + _FINGERPRINT_HEAD + _fingerprint(body)


def _fingerprint(before: bytes) -> bytes:
    return _UINT32.pack(crc32(before) ^ _FINGERPRINT_XOR)


def binding_response(transaction_id: bytes, address: tuple[Any, ...], key: bytes) -> bytes:
    """The answer to a check that came from this address."""
    return _sign(RESPONSE, transaction_id, _mapped_address(transaction_id, address[0], address[1]), key)


def _mapped_address(transaction_id: bytes, host: str, port: int) -> bytes:
    hidden_port = port ^ COOKIE >> 16
    if ":" not in host:
        number = int.from_bytes(socket.inet_aton(host), "big") ^ COOKIE
        return _IPV4_ADDRESS.pack(XOR_MAPPED_ADDRESS, 8, 0, 1, hidden_port, number)
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    mask = COOKIE << 96 | int.from_bytes(transaction_id, "big")
    hidden = (int.from_bytes(packed, "big") ^ mask).to_bytes(16, "big")
    return _IPV6_ADDRESS.pack(XOR_MAPPED_ADDRESS, 20, 0, 2, hidden_port, hidden)


def binding_request(
    transaction_id: bytes, username: str, priority: int, key: bytes, is_controlling: bool = False
) -> bytes:
    """A check of ours. We are the side that the other one controls, unless the other one is lite and we called."""
    name = username.encode()
    attributes = _ATTRIBUTE.pack(USERNAME, len(name)) + name + bytes(-len(name) & 3)
    attributes += _ATTRIBUTE.pack(PRIORITY, 4) + _UINT32.pack(priority)
    attributes += _ATTRIBUTE.pack(ICE_CONTROLLING if is_controlling else ICE_CONTROLLED, 8) + transaction_id[:8]
    attributes += _ATTRIBUTE.pack(USE_CANDIDATE, 0) if is_controlling else b""
    return _sign(REQUEST, transaction_id, attributes, key)
