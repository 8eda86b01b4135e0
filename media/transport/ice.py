"""ICE-lite (RFC 8445): answers connectivity checks, knows who may speak from which address. Bytes in, bytes out.

A check's source address can be forged by whoever has a session. So nobody takes an address that another peer speaks
from, and a peer is asked at a new address (`ask`) before media is sent there.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from media.rtp.counters import Counters
from media.rtp.path import Way
from media.transport import stun

Address = tuple[Any, ...]  # begins with host, port; of UDP as the socket gives it, of TCP one for each connection
ADDRESSES_PER_PEER = 8  # a phone with Wi-Fi, mobile data and both families has fewer
UFRAG_BYTES = 6
PWD_BYTES = 24
_KINDS = (stun.REQUEST.to_bytes(2, "big"), stun.RESPONSE.to_bytes(2, "big"))
PRIORITY = 1_845_501_695  # of a peer-reflexive candidate, as a check must name one; no agent's choice depends on it


@dataclass(frozen=True, slots=True)
class Credentials:
    """One side's ICE name and password for one session."""

    ufrag: str
    pwd: str

    @classmethod
    def make(cls) -> Credentials:
        """New, unguessable ones: ours."""
        return cls(_ice_chars(UFRAG_BYTES), _ice_chars(PWD_BYTES))


def _ice_chars(count: int) -> str:
    return secrets.token_urlsafe(count).replace("-", "+").replace("_", "/")


class Peer(Protocol):
    """A session, as far as ICE is concerned."""

    def consented(self, address: Address, username: str, is_nominated: bool, way: Way) -> None:
        """An authenticated check came from here, over this way; `username`: our ufrag, a colon, the peer's."""

    def holds(self, address: Address) -> bool:
        """Whether the peer is connected, is reached at this address, and was heard of lately."""

    def proven(self, address: Address, way: Way) -> None:
        """The peer has answered what we asked him at this address."""

    def lost(self, address: Address) -> None:
        """The connection over which the peer spoke from this address is closed."""


@dataclass(frozen=True, slots=True)
class Question:
    """A check of ours whose answer is awaited."""

    transaction_id: bytes
    peer: Peer
    address: Address
    key: bytes


@dataclass(slots=True)
class _Known:
    """What is kept of one peer."""

    ufrags: list[str]
    addresses: dict[Address, None]  # the one heard of last is last
    question: Question | None = None  # the latest; no other stands


class _Habit(NamedTuple):
    """A check as it was read. Of the next one from there that has its shape only the number and signature are new."""

    shape: bytes  # empty: it can't be told from its shape
    message: stun.Binding


class IceLite:
    """Finds the peer of a datagram: by ufrag for checks, by address for everything else.

    At most ADDRESSES_PER_PEER addresses are kept for a peer; the one not used for longest is forgotten first.
    Nothing is kept of strangers.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._by_ufrag: dict[str, tuple[Peer, bytes]] = {}
        self._by_address: dict[Address, Peer] = {}
        self._habits: dict[Address, _Habit] = {}  # of addresses that are somebody's
        self._known: dict[Peer, _Known] = {}
        self._questions: dict[bytes, Question] = {}  # by transaction

    @property
    def size(self) -> int:
        """How many entries all tables have."""
        of_peers = sum(1 + len(known.addresses) + len(known.ufrags) for known in self._known.values())
        return len(self._by_ufrag) + len(self._by_address) + len(self._habits) + len(self._questions) + of_peers

    def register(self, credentials: Credentials, peer: Peer) -> None:
        """From now on checks with these credentials are this peer's."""
        self._by_ufrag[credentials.ufrag] = (peer, credentials.pwd.encode())
        self._known.setdefault(peer, _Known([], {})).ufrags.append(credentials.ufrag)

    def retire(self, credentials: Credentials) -> None:
        """These credentials are no longer valid (after an ICE restart)."""
        found = self._by_ufrag.pop(credentials.ufrag, None)
        if found is not None:
            self._known[found[0]].ufrags.remove(credentials.ufrag)

    def forget(self, peer: Peer) -> None:
        """The peer is gone: with all its credentials and addresses."""
        self.withdraw(peer)
        known = self._known.pop(peer, None)
        if known is None:
            return
        for ufrag in known.ufrags:
            del self._by_ufrag[ufrag]
        for address in known.addresses:
            self._unlink(address, peer)

    def lost(self, address: Address) -> None:
        """A connection is closed: nobody speaks from this address any more."""
        peer = self._by_address.pop(address, None)
        self._habits.pop(address, None)
        if peer is not None:
            self._known[peer].addresses.pop(address, None)
            peer.lost(address)

    def peer_at(self, address: Address) -> Peer | None:
        """Who speaks from this address."""
        return self._by_address.get(address)

    def answer(self, data: bytes, address: Address, way: Way) -> bytes | None:
        """Answer a STUN datagram; None when it deserves no answer."""
        habit = self._habits.get(address)
        if habit is None or not stun.repeats(data, habit.shape):
            habit = self._read(data, address, way)
            if habit is None:
                return None
        message = habit.message
        ufrag = message.username.partition(":")[0]
        known = self._by_ufrag.get(ufrag)
        if known is None:
            self._counters.dropped_unknown_peer += 1
            return None
        peer, key = known
        if not stun.is_signed(data, message, key):
            self._counters.dropped_bad_stun += 1
            return None
        holder = self._by_address.get(address)
        if holder is not None and holder is not peer and holder.holds(address):
            self._counters.dropped_address_held += 1
            return None
        self._counters.stun_requests += 1
        self.learn(peer, address)
        if habit.shape:
            self._habits[address] = habit
        peer.consented(address, message.username, message.is_nominated, way)
        return stun.binding_response(data[8:20], address, key)

    def _read(self, data: bytes, address: Address, way: Way) -> _Habit | None:
        """A request that is to be answered; None: it is something else."""
        if data[:2] not in _KINDS:
            return None  # indications keep a NAT open
        try:
            message = stun.parse(data)
        except ValueError:
            self._counters.dropped_bad_stun += 1
            return None
        if message.kind == stun.RESPONSE:
            self._take_answer(data, message, address, way)
            return None
        return _Habit(stun.shape(data, message), message)

    def ask(
        self, peer: Peer, address: Address, username: str, pwd: str, way: Way, *, is_controlling: bool = False
    ) -> None:
        """Check whether the peer is at this address: `proven` says that he is. Again: sends the same question again.

        A lite agent need not send checks, but every full one answers them. `is_controlling`: it is the peer who is
        lite, and the check nominates this address.
        """
        known = self._known[peer]
        question, key = known.question, pwd.encode()
        if question is None or question.address != address or question.key != key:
            self.withdraw(peer)
            question = Question(secrets.token_bytes(12), peer, address, key)
            known.question = self._questions[question.transaction_id] = question
        try:
            check = stun.binding_request(question.transaction_id, username, PRIORITY, key, is_controlling)
            way.sendto(check, address)
        except OSError:
            self._counters.dropped_socket += 1

    def withdraw(self, peer: Peer) -> None:
        """Await no answer of this peer any more."""
        known = self._known.get(peer)
        if known is not None and known.question is not None:
            del self._questions[known.question.transaction_id]
            known.question = None

    def _take_answer(self, data: bytes, message: stun.Binding, address: Address, way: Way) -> None:
        question = self._questions.get(message.transaction_id)
        if question is None or question.address != address or not stun.is_signed(data, message, question.key):
            self._counters.dropped_bad_stun += 1
            return
        self.withdraw(question.peer)
        question.peer.proven(address, way)

    def learn(self, peer: Peer, address: Address) -> None:
        """The peer speaks from this address."""
        addresses = self._known[peer].addresses
        addresses.pop(address, None)
        addresses[address] = None
        self._by_address[address] = peer
        if len(addresses) > ADDRESSES_PER_PEER:
            oldest = next(iter(addresses))
            del addresses[oldest]
            self._unlink(oldest, peer)

    def _unlink(self, address: Address, peer: Peer) -> None:
        if self._by_address.get(address) is peer:
            del self._by_address[address]
            self._habits.pop(address, None)
