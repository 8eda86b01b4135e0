"""Who has a room, who lives: the registry in a real Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from config.bus import Bus
from config.tasks import end
from media.cluster.leases import HeldElsewhere, LeaseKeeper
from media.cluster.registry import LEASE_SECONDS, Registry
from media.cluster.turns import Turn
from tests.integration.media.clients import until

ABOUT = {"stream_id": "stream-1", "room_id": "room-1", "state": "live"}


class House:
    """A node that has what it is told to have."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.sessions = 0
        self.cpu = 0.0
        self.rooms: dict[str, dict[str, Any]] = {}
        self.figures: dict[str, dict[str, Any]] = {}
        self.lost: list[tuple[str, str]] = []

    def own_lease(self) -> dict[str, Any]:
        url = f"http://{self.registry.node_id}"
        return {
            "node_id": self.registry.node_id,
            "boot": self.registry.boot,
            "internal_url": url,
            "udp_port": 8189,
            "sessions": self.sessions,
            "most_sessions": 100,
            "cpu": self.cpu,
            "is_draining": False,
        }

    def stream_leases(self) -> dict[str, dict[str, Any]]:
        return self.rooms

    async def figure_leases(self) -> dict[str, dict[str, Any]]:
        return self.figures

    def lost_stream(self, slug: str, node_id: str) -> None:
        self.lost.append((slug, node_id))
        del self.rooms[slug]


def make_node(bus: Bus, node_id: str) -> tuple[Registry, House, LeaseKeeper]:
    registry = Registry(bus, node_id)
    house = House(registry)
    return registry, house, LeaseKeeper(registry, house)


async def test_of_many_who_claim_a_room_at_once_one_gets_it(bus: Bus) -> None:
    nodes = [Registry(bus, f"media-{number}") for number in range(10)]
    held = await asyncio.gather(*(node.claim("oranges", ABOUT) for node in nodes))
    assert held.count(None) == 1
    winner = nodes[held.index(None)].node_id
    assert {seen.node_id for seen in held if seen is not None} == {winner}


async def test_only_its_holder_renews_and_gives_up_a_room(bus: Bus) -> None:
    # given
    first, second = Registry(bus, "media-1"), Registry(bus, "media-2")
    assert await first.claim("oranges", ABOUT) is None

    # when
    await second.release("oranges")
    refused = await second.claim("oranges", ABOUT)
    renewed = await first.claim("oranges", {**ABOUT, "state": "interrupted"})

    # then
    assert refused is not None
    assert renewed is None
    seen = await second.holder("oranges")
    assert seen is not None
    assert (seen.node_id, seen.state) == ("media-1", "interrupted")
    await first.release("oranges")
    assert await second.claim("oranges", ABOUT) is None


async def test_a_room_of_a_living_node_is_not_taken_and_of_a_dead_one_at_once(bus: Bus) -> None:
    # given
    first, house, keeper = make_node(bus, "media-1")
    house.rooms["oranges"] = {**ABOUT, "node_id": "media-1"}
    second, _, other = make_node(bus, "media-2")
    renewing = asyncio.create_task(keeper.run())
    await asyncio.wait_for(keeper.has_looked.wait(), 10)

    # when it lives
    with pytest.raises(HeldElsewhere) as caught:
        await other.claim("oranges", ABOUT)
    assert caught.value.node.node_id == "media-1"

    # when nobody listens at its address
    second.refused(caught.value.node)
    assert await other.claim("oranges", {**ABOUT, "stream_id": "stream-2"}) == Turn()

    # then it ends its own part as soon as it looks, should it live after all
    keeper.wake()
    await until(lambda: house.lost == [("oranges", "media-2")], "the loss to be noticed")
    await end((renewing,))
    seen = await first.holder("oranges")
    assert seen is not None
    assert seen.stream_id == "stream-2"


async def test_a_node_that_is_started_again_lives_again(bus: Bus) -> None:
    # given
    first, house, _ = make_node(bus, "media-1")
    await first.write({"node:media-1": house.own_lease()})
    second = Registry(bus, "media-2")
    seen = await second.node("media-1")
    assert seen is not None
    second.refused(seen)
    assert await second.node("media-1") is None

    # when
    again, house, _ = make_node(bus, "media-1")
    await again.write({"node:media-1": house.own_lease()})

    # then
    assert await second.node("media-1") is not None


async def test_who_has_room_is_the_one_with_the_most(bus: Bus) -> None:
    for number, sessions, cpu in ((1, 50, 0.1), (2, 10, 0.3), (3, 95, 0.0), (4, 0, 0.75)):
        registry, house, _ = make_node(bus, f"media-{number}")
        house.sessions, house.cpu = sessions, cpu
        await registry.write({f"node:media-{number}": house.own_lease()})
    mine = Registry(bus, "media-5")
    await mine.look()
    assert set(mine.others) == {"media-1", "media-2", "media-3", "media-4"}
    room = mine.with_room()
    assert room is not None
    assert room.node_id == "media-2"


async def test_a_stream_recorded_by_another_node_is_known_as_such(bus: Bus) -> None:
    _, _, first = make_node(bus, "media-1")
    second_registry, _, second = make_node(bus, "media-2")
    assert await first.claim("oranges", ABOUT) == Turn()
    await first.release("oranges", None)
    assert (await second.claim("oranges", ABOUT)).number == 1
    assert not await second_registry.has_ended("stream-1")
    await second.release("oranges", "stream-1")
    assert await second_registry.has_ended("stream-1")


async def test_a_stream_that_began_while_redis_was_away_is_remembered_as_soon_as_it_is_back(bus: Bus) -> None:
    # given a stream that nobody has claimed
    registry, house, keeper = make_node(bus, "media-1")
    house.rooms["oranges"] = {**ABOUT, "node_id": "media-1", "turn": 1, "first_sequence": 100, "next_sequence": 140}

    # when
    renewing = asyncio.create_task(keeper.run())
    await asyncio.wait_for(keeper.has_looked.wait(), 10)
    await end((renewing,))

    # then
    other, _, second = make_node(bus, "media-2")
    recorder = await other.recorder_of("stream-1")
    assert recorder is not None
    assert recorder.node_id == "media-1"
    await keeper.leave(house.rooms["oranges"])
    await registry.release("oranges")
    assert await second.claim("oranges", ABOUT) == Turn(2, 140, 140)


async def test_viewers_are_counted_over_all_living_nodes(bus: Bus) -> None:
    for number in (1, 2):
        registry, house, _ = make_node(bus, f"media-{number}")
        name = f"audience:stream-1:media-{number}"
        await registry.write({f"node:media-{number}": house.own_lease(), name: {**house.own_lease(), "viewers": 3}})
    await bus.set_lease("audience:stream-1:media-9", {"node_id": "media-9", "viewers": 7}, LEASE_SECONDS)  # dead
    mine = Registry(bus, "media-1")
    await mine.look()
    assert mine.watching == {"stream-1": 3}


async def test_two_processes_of_one_name_are_told_of(bus: Bus) -> None:
    # given one that was started again: its lease is still the old one's
    old, house, _ = make_node(bus, "media-1")
    await old.write({"node:media-1": house.own_lease()})
    registry, house, _ = make_node(bus, "media-1")
    await registry.look_for_twin()
    await registry.write({"node:media-1": house.own_lease()})
    await registry.look_for_twin()
    assert not registry.has_twin

    # when both live
    await old.write({"node:media-1": {**house.own_lease(), "boot": old.boot}})
    await registry.look_for_twin()

    # then
    assert registry.has_twin


async def test_a_lease_of_a_figure_goes_when_there_is_nothing_to_say(bus: Bus) -> None:
    # given
    _, house, keeper = make_node(bus, "media-1")
    house.figures["audience:stream-1:media-1"] = {"node_id": "media-1", "viewers": 1}
    renewing = asyncio.create_task(keeper.run())
    await asyncio.wait_for(keeper.has_looked.wait(), 10)
    assert set(await bus.leases("")) == {"node:media-1", "audience:stream-1:media-1"}

    # when
    house.figures.clear()
    keeper.wake()

    # then
    async with asyncio.timeout(10):
        while True:
            if "audience:stream-1:media-1" not in await bus.leases(""):
                break
            await asyncio.sleep(0.05)
    await keeper.drop_all(5)
    await end((renewing,))
    assert await bus.leases("") == {}
