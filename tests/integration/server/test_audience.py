"""What the viewers of a room get, as media nodes lease it in Redis and the host and operators read it."""

from __future__ import annotations

from server.accounts.model import Role
from tests.harness.app import RunningServer
from tests.integration.server.conftest import PASSWORD, Stall
from tests.integration.server.test_room import NewPage, go_live, registered_viewer

LEASE_SECONDS = 60.0


async def report(server: RunningServer, stream_id: str, node_id: str, **fields: object) -> None:
    """What a media node leases while it serves viewers of a stream."""
    name = f"audience:{stream_id}:{node_id}"
    await server.services.bus.set_lease(name, {"node_id": node_id, **fields}, LEASE_SECONDS)


async def test_a_host_sees_what_the_viewers_of_all_nodes_get(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a stream with viewers on two nodes, and another stream
    host = new_page()
    await host.sign_in("zhanghong", PASSWORD)
    stream_id = await go_live(server, stall)
    layers = [{"rid": "h", "bitrate": 1_800_000, "width": 1280, "height": 720}]
    ingest = {"bitrate": 2_300_000, "loss": 0.01, "b_frames": False, "recording": "behind", "layers": layers}
    await report(server, stream_id, "a", viewers=3, by_layer={"h": 2}, audio=1, stalling=1, loss=0.04, ingest=ingest)
    await report(server, stream_id, "b", viewers=1, by_layer={"m": 1}, loss=0.0)
    await report(server, "another", "a", viewers=50, by_layer={"h": 50})

    # when
    status, body = await host.ask("GET", "/api/my/room/audience")

    # then
    assert status == 200
    assert body["audience"] == {
        "viewers": 4,
        "by_layer": {"h": 2, "m": 1},
        "slides": 0,
        "audio": 1,
        "stalling": 1,
        "loss": 0.03,
        "ingest": ingest,
    }


async def test_there_is_no_audience_while_nothing_is_on(stall: Stall, new_page: NewPage) -> None:
    host = new_page()
    await host.sign_in("zhanghong", PASSWORD)
    assert await host.ask("GET", "/api/my/room/audience") == (200, {"audience": None})


async def test_a_stream_that_no_node_reports_on_has_an_empty_audience(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    host = new_page()
    await host.sign_in("zhanghong", PASSWORD)
    await go_live(server, stall)
    _, body = await host.ask("GET", "/api/my/room/audience")
    assert (body["audience"]["viewers"], body["audience"]["ingest"]) == (0, None)


async def test_operators_may_look_at_any_room_and_others_may_not(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    roles = frozenset({Role.VIEWER, Role.OPERATOR})
    await server.services.accounts.register("yunying", PASSWORD, "供销社", None, roles=roles)
    await registered_viewer(server)
    operator, viewer, stranger = new_page(), new_page(), new_page()
    await operator.sign_in("yunying", PASSWORD)
    await viewer.sign_in("liming", PASSWORD)
    await report(server, await go_live(server, stall), "a", viewers=7)

    # when, then
    status, body = await operator.ask("GET", "/api/rooms/zhang/audience")
    assert (status, body["audience"]["viewers"]) == (200, 7)
    assert (await operator.ask("GET", "/api/rooms/nowhere/audience"))[1]["code"] == "not_found"
    assert (await viewer.ask("GET", "/api/rooms/zhang/audience"))[1]["code"] == "not_allowed"
    assert (await stranger.ask("GET", "/api/my/room/audience"))[1]["code"] == "sign_in_required"
