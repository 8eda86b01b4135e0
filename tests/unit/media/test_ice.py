"""ICE-lite as bytes: who is answered, who is ignored, who speaks from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.counters import Counters
from media.transport.addresses import candidates, usable
from media.transport.ice import ADDRESSES_PER_PEER, Address, Credentials, IceLite

HOME, MOBILE = ("192.0.2.1", 5000), ("198.51.100.7", 6000)


@dataclass(eq=False)
class Somebody:
    """A session, as far as ICE is concerned."""

    checks: list[tuple[Address, str, bool]] = field(default_factory=list)

    def consented(self, address: Address, ufrag: str, is_nominated: bool, sendto: Any) -> None:
        self.checks.append((address, ufrag, is_nominated))


@dataclass
class World:
    """An ICE-lite server with one peer."""

    counters: Counters = field(default_factory=Counters)
    peer: Somebody = field(default_factory=Somebody)
    credentials: Credentials = field(default_factory=Credentials.make)

    def __post_init__(self) -> None:
        self.ice = IceLite(self.counters)
        self.ice.register(self.credentials, self.peer)

    def check(self, address: Address, **changes: Any) -> bytes | None:
        return self.ice.answer(check(self.credentials, **changes), address, sendto)


def sendto(data: Any, address: Any) -> int:
    return len(data)


def check(credentials: Credentials, pwd: str | None = None, nominate: bool = False, signed: bool = True) -> bytes:
    """A connectivity check as a browser sends it."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{credentials.ufrag}:theirs"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 5
    if nominate:
        request.attributes["USE-CANDIDATE"] = None
    if signed:
        request.add_message_integrity((pwd or credentials.pwd).encode())
    return bytes(request)


@pytest.fixture
def world() -> World:
    return World()


def test_a_check_is_answered_with_the_address_it_came_from(world: World) -> None:
    answer = world.check(HOME)
    assert answer is not None
    message = stun.parse_message(answer)
    assert message.attributes["XOR-MAPPED-ADDRESS"] == HOME
    assert message.check_message_integrity(world.credentials.pwd.encode())
    assert "FINGERPRINT" in message.attributes
    assert world.ice.peer_at(HOME) is world.peer


def test_an_ipv6_check_is_answered(world: World) -> None:
    answer = world.check(("2001:db8::1", 5000, 0, 0))
    assert answer is not None
    assert stun.parse_message(answer).attributes["XOR-MAPPED-ADDRESS"] == ("2001:db8::1", 5000)


@pytest.mark.parametrize("changes", [{"pwd": "x" * 32}, {"signed": False}])
def test_a_check_without_the_password_changes_nothing(world: World, changes: dict[str, Any]) -> None:
    assert world.check(HOME, **changes) is None
    assert world.ice.peer_at(HOME) is None
    assert world.peer.checks == []
    assert world.counters.dropped_bad_stun == 1


def test_an_unknown_name_is_counted_and_ignored(world: World) -> None:
    assert world.ice.answer(check(Credentials.make()), HOME, sendto) is None
    assert world.counters.dropped_unknown_peer == 1


def test_the_peer_hears_of_nomination_and_of_a_new_address(world: World) -> None:
    world.check(HOME)
    world.check(MOBILE, nominate=True)
    ufrag = world.credentials.ufrag
    assert world.peer.checks == [(HOME, ufrag, False), (MOBILE, ufrag, True)]
    assert world.ice.peer_at(HOME) is world.ice.peer_at(MOBILE) is world.peer


def test_a_peer_has_only_so_many_addresses(world: World) -> None:
    for port in range(100):
        world.check(("192.0.2.1", 1000 + port))
    known = [port for port in range(100) if world.ice.peer_at(("192.0.2.1", 1000 + port))]
    assert known == list(range(100 - ADDRESSES_PER_PEER, 100))


def test_old_credentials_are_of_no_use_once_retired(world: World) -> None:
    new = Credentials.make()
    world.ice.register(new, world.peer)
    world.ice.retire(world.credentials)
    assert world.check(HOME) is None
    assert world.ice.answer(check(new), HOME, sendto) is not None


def test_a_forgotten_peer_leaves_nothing_behind(world: World) -> None:
    world.check(HOME)
    world.ice.forget(world.peer)
    assert world.ice.peer_at(HOME) is None
    assert world.check(HOME) is None


def test_an_address_that_another_peer_took_over_stays_his(world: World) -> None:
    # given: two phones behind one NAT that reuses a port
    other, credentials = Somebody(), Credentials.make()
    world.ice.register(credentials, other)
    world.check(HOME)
    world.ice.answer(check(credentials), HOME, sendto)

    # when
    world.ice.forget(world.peer)

    # then
    assert world.ice.peer_at(HOME) is other


@given(st.binary(max_size=120))
def test_any_bytes_are_answered_or_ignored(data: bytes) -> None:
    assert World().ice.answer(b"\x00\x01" + data, HOME, sendto) is None


@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_a_damaged_check_is_ignored(at: int, damage: bytes) -> None:
    world = World()
    whole = check(world.credentials)
    damaged = whole[:at] + damage + whole[at + len(damage) :]
    if damaged != whole:
        world.ice.answer(damaged, HOME, sendto)
        assert world.ice.peer_at(HOME) is None or damaged[:-8] == whole[:-8]


def test_own_addresses_come_before_the_loopback_and_ipv4_before_ipv6() -> None:
    found = usable(["::1", "127.0.0.1", "2001:db8::5", "fe80::1", "fe80::1%eth0", "192.0.2.9", "169.254.1.1"])
    assert found == ("192.0.2.9", "2001:db8::5", "127.0.0.1", "::1")


def test_candidates_are_told_best_first() -> None:
    lines = candidates(("192.0.2.9", "::1"), 8189)
    assert lines[0] == "1 1 udp 2130706431 192.0.2.9 8189 typ host"
    assert lines[1] == "2 1 udp 2130706175 ::1 8189 typ host"
