"""ICE-lite (RFC 8445): answers connectivity checks, knows who may speak from which address. Bytes in, bytes out.

A check's source address can be forged by whoever has a session. So nobody takes an address that another peer speaks
from, and a peer is asked at a new address (`ask`) before media is sent there.
"""

from __future__ import annotations

import ipaddress
import secrets
import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Protocol

from aioice import stun

from media.rtp.counters import Counters
from media.rtp.path import Way

Address = tuple[Any, ...]  # as the socket gives it: (host, port) or (host, port, flow, scope)
ADDRESSES_PER_PEER = 8  # a phone with Wi-Fi, mobile data and both families has fewer
UFRAG_BYTES = 6
PWD_BYTES = 24
PRIORITY = 1_845_501_695  # of a peer-reflexive candidate, as a check must name one; no agent's choice depends on it


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our half of ICE's names and passwords for one session."""

    ufrag: str
    pwd: str

    @classmethod
    def make(cls) -> Credentials:
        """New, unguessable ones."""
        return cls(_ice_chars(UFRAG_BYTES), _ice_chars(PWD_BYTES))


def _ice_chars(count: int) -> str:
    return secrets.token_urlsafe(count).replace("-", "+").replace("_", "/")


class Peer(Protocol):
    """A session, as far as ICE is concerned."""

    def consented(self, address: Address, ufrag: str, is_nominated: bool, way: Way) -> None:
        """An authenticated check came from this address, over this way."""

    def holds(self, address: Address) -> bool:
        """Whether the peer is connected, is reached at this address, and was heard of lately."""

    def proven(self, address: Address, way: Way) -> None:
        """The peer has answered what we asked him at this address."""


@dataclass(frozen=True, slots=True)
class Question:
    """A check of ours whose answer is awaited."""

    transaction_id: bytes
    peer: Peer
    address: Address
    key: bytes


class IceLite:
    """Finds the peer of a datagram: by ufrag for checks, by address for everything else.

    At most ADDRESSES_PER_PEER addresses are kept for a peer; the one not used for longest is forgotten first.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._by_ufrag: dict[str, tuple[Peer, bytes]] = {}
        self._by_address: dict[Address, Peer] = {}
        self._addresses: dict[Peer, OrderedDict[Address, None]] = {}
        self._asked: dict[Peer, Question] = {}  # one for each peer: the latest
        self._questions: dict[bytes, Question] = {}  # the same by transaction

    def register(self, credentials: Credentials, peer: Peer) -> None:
        """From now on checks with these credentials are this peer's."""
        self._by_ufrag[credentials.ufrag] = (peer, credentials.pwd.encode())
        self._addresses.setdefault(peer, OrderedDict())

    def retire(self, credentials: Credentials) -> None:
        """These credentials are no longer valid (after an ICE restart)."""
        self._by_ufrag.pop(credentials.ufrag, None)

    def forget(self, peer: Peer) -> None:
        """The peer is gone: with all its credentials and addresses."""
        for ufrag in [u for u, (p, _) in self._by_ufrag.items() if p is peer]:
            del self._by_ufrag[ufrag]
        self.withdraw(peer)
        for address in self._addresses.pop(peer, ()):
            if self._by_address.get(address) is peer:
                del self._by_address[address]

    def peer_at(self, address: Address) -> Peer | None:
        """Who speaks from this address."""
        return self._by_address.get(address)

    def answer(self, data: bytes, address: Address, way: Way) -> bytes | None:
        """Answer a STUN datagram; None when it deserves no answer."""
        if len(data) >= 20 and data[0:2] == b"\x01\x01":
            self._take_answer(data, address, way)
            return None
        if len(data) < 20 or data[0:2] != b"\x00\x01":
            return None  # indications keep a NAT open
        try:
            message = stun.parse_message(data)
            username = message.attributes["USERNAME"]
        except (ValueError, KeyError, struct.error):
            self._counters.dropped_bad_stun += 1
            return None
        ufrag = str(username).partition(":")[0]
        known = self._by_ufrag.get(ufrag)
        if known is None:
            self._counters.dropped_unknown_peer += 1
            return None
        peer, key = known
        # RFC 8445: short-term credentials; parse_message does not check them.
        if not message.check_message_integrity(key):
            self._counters.dropped_bad_stun += 1
            return None
        holder = self._by_address.get(address)
        if holder is not None and holder is not peer and holder.holds(address):
            self._counters.dropped_address_held += 1
            return None
        self._counters.stun_requests += 1
        self._learn(peer, address)
        peer.consented(address, ufrag, "USE-CANDIDATE" in message.attributes, way)
        return _binding_response(message.transaction_id, address, key)

    def ask(self, peer: Peer, address: Address, username: str, pwd: str, way: Way) -> None:
        """Check whether the peer is at this address: `proven` says that he is. Again: sends the same question again.

        A lite agent need not send checks, but every full one answers them.
        """
        question = self._asked.get(peer)
        key = pwd.encode()
        if question is None or question.address != address or question.key != key:
            self.withdraw(peer)
            question = Question(secrets.token_bytes(12), peer, address, key)
            self._asked[peer] = self._questions[question.transaction_id] = question
        try:
            way.sendto(_binding_request(question, username), address)
        except OSError:
            self._counters.dropped_socket += 1

    def withdraw(self, peer: Peer) -> None:
        """Await no answer of this peer any more."""
        question = self._asked.pop(peer, None)
        if question is not None:
            del self._questions[question.transaction_id]

    def _take_answer(self, data: bytes, address: Address, way: Way) -> None:
        question = self._questions.get(data[8:20])
        try:
            message = stun.parse_message(data)
        except (ValueError, KeyError, struct.error):
            question = None
        if question is None or question.address != address or not message.check_message_integrity(question.key):
            self._counters.dropped_bad_stun += 1
            return
        self.withdraw(question.peer)
        question.peer.proven(address, way)

    def _learn(self, peer: Peer, address: Address) -> None:
        known = self._addresses.setdefault(peer, OrderedDict())
        self._by_address[address] = peer
        known[address] = None
        known.move_to_end(address)
        while len(known) > ADDRESSES_PER_PEER:
            oldest, _ = known.popitem(last=False)
            if self._by_address.get(oldest) is peer:
                del self._by_address[oldest]


def _binding_request(question: Question, username: str) -> bytes:
    request = stun.Message(
        message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST, transaction_id=question.transaction_id
    )
    request.attributes["USERNAME"] = username
    request.attributes["PRIORITY"] = PRIORITY
    request.attributes["ICE-CONTROLLED"] = int.from_bytes(question.transaction_id[:8], "big")
    request.add_message_integrity(question.key)
    return bytes(request)


def _binding_response(transaction_id: bytes, address: Address, key: bytes) -> bytes:
    host = ipaddress.ip_address(address[0].partition("%")[0])
    response = stun.Message(
        message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE, transaction_id=transaction_id
    )
    response.attributes["XOR-MAPPED-ADDRESS"] = (str(host), address[1])
    response.add_message_integrity(key)
    return bytes(response)
