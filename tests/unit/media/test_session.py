"""Where a session's packets go: never to an address that nobody has answered from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aioice import stun

from media.dtls import Certificate
from media.glue import PacketMemory
from media.rtp.counters import Counters
from media.sdp import parse_offer
from media.session import Session
from media.transport.ice import Address, Credentials, IceLite
from tests.unit.media.offers import CHROMIUM
from tests.unit.media.test_ice import HOME, MOBILE, THEIR_UFRAG, check, reply

THEIR_PWD = "0123456789012345678901"  # of the offer
NEXT_PWD = "9876543210987654321098"


@dataclass
class World:
    """A session behind ICE, and what was sent where."""

    sent: list[tuple[bytes, Address]] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    fd: int = -1
    family: int = 0

    def __post_init__(self) -> None:
        self.ice = IceLite(self.counters)
        self.session = self.make_session("s1")

    def make_session(self, session_id: str) -> Session:
        offer = parse_offer(CHROMIUM)
        return Session(session_id, offer, Certificate(), self.ice, PacketMemory(), self.counters)

    def check(
        self,
        address: Address,
        nominate: bool = True,
        session: Session | None = None,
        ours: Credentials | None = None,
        theirs: str = THEIR_UFRAG,
    ) -> bytes | None:
        names = ours or (session or self.session).credentials
        return self.ice.answer(check(names, nominate=nominate, theirs=theirs), address, self)

    def sendto(self, data: Any, address: Any) -> int:
        self.sent.append((bytes(data), address))
        return len(data)

    def answer_the_question(self, pwd: str = THEIR_PWD) -> None:
        """As the browser at that address does."""
        request, address = self.sent[-1]
        self.ice.answer(reply(request, pwd, address), address, self)


async def test_the_first_check_says_where_the_handshake_goes() -> None:
    world = World()
    world.check(HOME, nominate=False)
    assert world.session.path.address == HOME
    assert world.sent == []


async def test_media_follows_to_a_new_address_once_the_peer_has_answered_there() -> None:
    # given
    world = World()
    world.check(HOME)
    world.session.is_connected = True

    # when
    world.check(MOBILE)

    # then
    assert world.session.path.address == HOME
    assert world.sent[-1][1] == MOBILE
    world.answer_the_question()
    assert world.session.path.address == MOBILE


async def test_a_spoofed_check_moves_no_media_to_a_stranger() -> None:
    world = World()
    world.check(HOME)
    for is_connected in (False, True):  # also not in the last moment of the handshake
        world.session.is_connected = is_connected
        world.check(MOBILE)
        world.answer_the_question(pwd="a stranger does not know it")
        assert world.session.path.address == HOME


async def test_a_lost_question_is_asked_again_with_the_next_check_and_dropped_when_the_peer_comes_back() -> None:
    # given
    world = World()
    world.check(HOME)
    world.check(MOBILE)
    world.check(MOBILE, nominate=False)
    assert [address for _, address in world.sent] == [MOBILE, MOBILE]

    # when
    world.check(HOME)

    # then
    world.answer_the_question()
    assert world.session.path.address == HOME


async def test_after_an_ice_restart_the_new_password_proves_the_address() -> None:
    world = World()
    world.check(HOME)
    world.session.restart_ice("efgh", NEXT_PWD)
    world.check(MOBILE, nominate=False, theirs="efgh")
    assert world.session.path.address == HOME
    world.answer_the_question(NEXT_PWD)
    assert world.session.path.address == MOBILE


async def test_media_follows_to_a_new_port_that_a_browser_tried_before_its_restart_was_answered() -> None:
    """Chromium 156 on a slow line: the pair of its new port and our old name stays as it is, and is nominated."""
    # given
    world = World()
    world.check(HOME)
    old = world.session.credentials
    world.check(MOBILE, theirs="efgh")
    assert world.sent == []  # nothing that he would believe is known yet

    # when
    world.session.restart_ice("efgh", NEXT_PWD)
    world.check(MOBILE, ours=old, theirs="efgh")

    # then
    question = stun.parse_message(world.sent[-1][0])
    assert question.attributes["USERNAME"] == f"efgh:{old.ufrag}"
    assert question.check_message_integrity(NEXT_PWD.encode())
    world.answer_the_question(NEXT_PWD)
    assert world.session.path.address == MOBILE
    world.check(HOME, ours=old)  # his old port is still his, with his old name
    world.answer_the_question()
    assert world.session.path.address == HOME


async def test_a_stranger_cannot_take_the_address_of_a_connected_peer_who_is_heard() -> None:
    # given
    world = World()
    world.check(HOME)
    world.session.is_connected = True
    stranger = world.make_session("s2")

    # when
    assert world.check(HOME, session=stranger) is None
    assert world.ice.peer_at(HOME) is world.session

    # then: an address that he is not heard from any more is free (NATs use ports again)
    world.session.heard_at -= 3600
    assert world.check(HOME, session=stranger) is not None
    assert world.ice.peer_at(HOME) is stranger
