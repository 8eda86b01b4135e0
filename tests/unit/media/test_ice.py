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
THEIR_UFRAG = "abcd"  # of the offers of tests


@dataclass(eq=False)
class Somebody:
    """A session, as far as ICE is concerned."""

    checks: list[tuple[Address, str, bool]] = field(default_factory=list)
    held: Address | None = None
    proven_at: list[Address] = field(default_factory=list)
    lost_at: list[Address] = field(default_factory=list)

    def holds(self, address: Address) -> bool:
        return address == self.held

    def proven(self, address: Address, way: Any) -> None:
        self.proven_at.append(address)

    def lost(self, address: Address) -> None:
        self.lost_at.append(address)

    def consented(self, address: Address, username: str, is_nominated: bool, way: Any) -> None:
        self.checks.append((address, username, is_nominated))


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
        return self.ice.answer(check(self.credentials, **changes), address, SILENCE)


class Silence:
    """A way on which nothing is sent."""

    fd = -1
    family = 0

    def sendto(self, data: Any, address: Any) -> int:
        raise AssertionError("nothing should be sent")


SILENCE = Silence()


def check(
    credentials: Credentials,
    pwd: str | None = None,
    nominate: bool = False,
    signed: bool = True,
    theirs: str = THEIR_UFRAG,
) -> bytes:
    """A connectivity check as a browser sends it."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{credentials.ufrag}:{theirs}"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 5
    if nominate:
        request.attributes["USE-CANDIDATE"] = None
    if signed:
        request.add_message_integrity((pwd or credentials.pwd).encode())
    return bytes(request)


def reply(request: bytes, pwd: str, address: Address = HOME) -> bytes:
    """A browser's answer to a check of ours."""
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request[8:20])
    response.attributes["XOR-MAPPED-ADDRESS"] = address[:2]
    response.add_message_integrity(pwd.encode())
    return bytes(response)


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


def test_a_check_that_repeats_the_last_one_counts_like_the_first(world: World) -> None:
    # when
    answers = [world.check(HOME) for _ in range(3)]
    world.check(HOME, nominate=True)

    # then: each with its own number, and what is new in one is read
    ids = {stun.parse_message(answer).transaction_id for answer in answers if answer is not None}
    assert len(ids) == 3
    username = f"{world.credentials.ufrag}:{THEIR_UFRAG}"
    assert world.peer.checks == [(HOME, username, False)] * 3 + [(HOME, username, True)]


def test_a_repeated_check_without_the_password_is_still_refused(world: World) -> None:
    world.check(HOME)
    assert world.check(HOME, pwd="x" * 32) is None
    assert len(world.peer.checks) == 1
    assert world.counters.dropped_bad_stun == 1


def test_a_repeated_check_is_of_no_use_once_its_password_is_retired(world: World) -> None:
    world.check(HOME)
    world.ice.retire(world.credentials)
    assert world.check(HOME) is None
    assert world.counters.dropped_unknown_peer == 1


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
    assert world.ice.answer(check(Credentials.make()), HOME, SILENCE) is None
    assert world.counters.dropped_unknown_peer == 1


def test_the_peer_hears_of_nomination_and_of_a_new_address(world: World) -> None:
    world.check(HOME)
    world.check(MOBILE, nominate=True)
    username = f"{world.credentials.ufrag}:{THEIR_UFRAG}"
    assert world.peer.checks == [(HOME, username, False), (MOBILE, username, True)]
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
    assert world.ice.answer(check(new), HOME, SILENCE) is not None


def test_a_forgotten_peer_leaves_nothing_behind(world: World) -> None:
    world.check(HOME)
    world.ice.forget(world.peer)
    assert world.ice.size == 0
    assert world.ice.peer_at(HOME) is None
    assert world.check(HOME) is None


def test_an_address_that_another_peer_took_over_stays_his(world: World) -> None:
    # given: two phones behind one NAT that reuses a port
    other, credentials = Somebody(), Credentials.make()
    world.ice.register(credentials, other)
    world.check(HOME)
    world.ice.answer(check(credentials), HOME, SILENCE)

    # when
    world.ice.forget(world.peer)

    # then
    assert world.ice.peer_at(HOME) is other


def test_an_address_that_a_live_peer_speaks_from_is_not_taken_by_another(world: World) -> None:
    # given
    world.check(HOME)
    world.peer.held = HOME
    other, credentials = Somebody(), Credentials.make()
    world.ice.register(credentials, other)

    # when
    answer = world.ice.answer(check(credentials), HOME, SILENCE)

    # then
    assert answer is None
    assert world.ice.peer_at(HOME) is world.peer
    assert other.checks == []
    assert world.counters.dropped_address_held == 1


@dataclass
class Asked:
    """What we asked a peer at an address, and his answers."""

    world: World
    sent: list[tuple[bytes, Address]] = field(default_factory=list)
    fd: int = -1
    family: int = 0

    def ask(self, address: Address) -> stun.Message:
        self.world.ice.ask(self.world.peer, address, "theirs:ours", THEIR_PWD, self)
        return stun.parse_message(self.sent[-1][0])

    def sendto(self, data: Any, address: Any) -> int:
        self.sent.append((bytes(data), address))
        return len(data)


THEIR_PWD = "their password, long enough"


def test_a_peer_is_asked_as_ice_wants_it_and_his_answer_proves_the_address(world: World) -> None:
    # given
    asked = Asked(world)
    request = asked.ask(MOBILE)
    assert asked.sent[0][1] == MOBILE
    assert request.message_class == stun.Class.REQUEST
    assert request.attributes["USERNAME"] == "theirs:ours"
    assert {"PRIORITY", "ICE-CONTROLLED", "FINGERPRINT"} <= set(request.attributes)
    assert request.check_message_integrity(THEIR_PWD.encode())

    # when
    assert world.ice.answer(reply(bytes(request), THEIR_PWD, MOBILE), MOBILE, SILENCE) is None

    # then
    assert world.peer.proven_at == [MOBILE]
    world.ice.answer(reply(bytes(request), THEIR_PWD, MOBILE), MOBILE, SILENCE)
    assert world.peer.proven_at == [MOBILE]  # an answer counts once


def test_an_answer_from_elsewhere_or_without_the_password_or_to_no_question_proves_nothing(world: World) -> None:
    asked = Asked(world)
    request = bytes(asked.ask(MOBILE))
    world.ice.answer(reply(request, THEIR_PWD, MOBILE), HOME, SILENCE)
    world.ice.answer(reply(request, "x" * 24, MOBILE), MOBILE, SILENCE)
    world.ice.answer(reply(bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)), THEIR_PWD), MOBILE, SILENCE)
    assert world.peer.proven_at == []
    assert world.counters.dropped_bad_stun == 3


def test_only_the_latest_question_to_a_peer_stands_and_none_outlives_him(world: World) -> None:
    # given
    asked = Asked(world)
    first = bytes(asked.ask(HOME))
    second = bytes(asked.ask(MOBILE))
    assert bytes(asked.ask(MOBILE))[8:20] == second[8:20]  # asked again, in case the first was lost

    # when
    world.ice.answer(reply(first, THEIR_PWD), HOME, SILENCE)
    world.ice.forget(world.peer)
    world.ice.answer(reply(second, THEIR_PWD), MOBILE, SILENCE)

    # then
    assert world.peer.proven_at == []


@given(st.binary(max_size=120))
def test_any_bytes_are_answered_or_ignored(data: bytes) -> None:
    assert World().ice.answer(b"\x00\x01" + data, HOME, SILENCE) is None


@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_a_damaged_check_is_ignored(at: int, damage: bytes) -> None:
    world = World()
    whole = check(world.credentials)
    damaged = whole[:at] + damage + whole[at + len(damage) :]
    if damaged != whole:
        world.ice.answer(damaged, HOME, SILENCE)
        assert world.ice.peer_at(HOME) is None or damaged[:-8] == whole[:-8]


def test_own_addresses_come_before_the_loopback_and_ipv4_before_ipv6() -> None:
    found = usable(["::1", "127.0.0.1", "2001:db8::5", "fe80::1", "fe80::1%eth0", "192.0.2.9", "169.254.1.1"])
    assert found == ("192.0.2.9", "2001:db8::5", "127.0.0.1", "::1")


def test_candidates_are_told_best_first() -> None:
    lines = candidates(("192.0.2.9", "::1"), 8189)
    assert lines[0] == "1 1 udp 2130706431 192.0.2.9 8189 typ host"
    assert lines[1] == "2 1 udp 2130706175 ::1 8189 typ host"
    assert lines[2] == "3 1 tcp 1520435199 192.0.2.9 8189 typ host tcptype passive"
    assert lines[3] == "4 1 tcp 1520434943 ::1 8189 typ host tcptype passive"
