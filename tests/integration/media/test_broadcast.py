"""A broadcast from the first offer to the finished recording, with real peers, Redis and S3."""

from __future__ import annotations

import asyncio
import json

import imageio_ffmpeg
import pytest

from config.bus import Bus, Payload
from config.objects import S3Objects
from tests.integration.media.clients import WAIT_SECONDS, HookServer, ffmpeg_command, until
from tests.integration.media.conftest import Running


async def test_a_viewer_sees_and_hears_the_host_and_the_replay_is_stored(
    running: Running, objects: S3Objects
) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()

    # when
    assert await host.connect() == 201
    (joined,) = await running.heard.wait("publisher_joined")
    assert await viewer.connect() == 201
    await viewer.sees(video=20, audio=50)
    assert await host.delete() == 200

    # then
    _, ended, ready = await running.heard.wait("publisher_joined", "stream_ended", "take_ready")
    assert joined["stream_id"] == "stream-oranges-1"
    assert joined["room_id"] == "room-oranges"
    assert (joined["video_codec"], joined["audio_codec"]) == ("H264", "opus")
    assert joined["first_picture_at"] < joined["at"]
    assert ended["reason"] == "deleted"
    assert ready["has_video"]
    assert ready["has_audio"]
    take = json.loads(await objects.get("public/takes/stream-oranges-1/take.json"))
    assert take["duration_ms"] == ready["duration_ms"] > 1000
    await until(lambda: not running.node.resources, "every session to end")


async def test_viewers_stay_while_the_host_is_away_and_see_him_again(running: Running) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.connect()
    await viewer.sees(video=5, audio=5)

    # when
    await host.vanish()
    await running.heard.wait("publisher_joined", "publisher_left")
    back = running.publisher()
    assert await back.connect() == 201

    # then
    first, left, again = await running.heard.wait("publisher_joined", "publisher_left", "publisher_joined")
    assert left["reason"] == "peer_closed"
    assert again["stream_id"] == first["stream_id"]
    assert again["first_picture_at"] == first["first_picture_at"]
    await viewer.sees(video=10, audio=20)


@pytest.mark.parametrize("media_settings", [{"PUBLISHER_GRACE_SECONDS": "0.2"}], indirect=True)
async def test_a_stream_ends_when_the_host_stays_away(running: Running, objects: S3Objects) -> None:
    # given
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")

    # when
    await host.vanish()

    # then
    events = await running.heard.wait("publisher_joined", "publisher_left", "stream_ended", "take_ready")
    assert events[2]["reason"] == "vanished"
    assert (await objects.stat("public/takes/stream-oranges-1/index.m3u8")).size > 0


async def test_known_bug_a_host_who_goes_live_again_at_once_loses_no_replay(
    running: Running, hook: HookServer, objects: S3Objects
) -> None:
    # given
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")

    # when: the next broadcast begins while the recording of the first is being finished
    assert await host.delete() == 200
    await until(lambda: "oranges" not in running.node.streams, "the first stream to end")
    hook.number = 2
    again = running.publisher()
    assert await again.connect() == 201
    await until(lambda: running.heard.names().count("publisher_joined") == 2, "the second stream")
    assert await again.delete() == 200

    # then
    await until(lambda: running.heard.names().count("take_ready") == 2, "both recordings")
    ready = {event["stream_id"] for event in running.heard.events if event["event"] == "take_ready"}
    assert ready == {"stream-oranges-1", "stream-oranges-2"}
    for stream_id in ready:
        assert json.loads(await objects.get(f"public/takes/{stream_id}/take.json"))["parts"]


async def test_a_command_ends_the_stream_and_the_room_is_free_at_once(running: Running, bus: Bus) -> None:
    # given
    host, viewer = running.publisher(), running.viewer()
    await host.connect()
    await running.heard.wait("publisher_joined")
    await viewer.connect()
    await viewer.sees(video=5)

    # when
    assert await bus.send_command("end_stream", {"stream_id": "stream-oranges-1"}) == 1

    # then
    await until(lambda: not running.node.resources, "host and viewer to be closed")
    assert "oranges" not in running.node.streams
    events = await running.heard.wait("publisher_joined", "stream_ended", "take_ready")
    assert events[1]["reason"] == "command"
    await until(lambda: viewer.pc.getReceivers()[0].transport.state == "closed", "the viewer's DTLS to close")


async def test_ffmpeg_publishes_until_its_clip_ends(running: Running) -> None:
    # given
    command = ffmpeg_command(imageio_ffmpeg.get_ffmpeg_exe(), running.url("/whip/oranges"), seconds=6)
    quiet = asyncio.subprocess.DEVNULL
    ffmpeg = await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)

    # when
    await running.heard.wait("publisher_joined")
    viewer = running.viewer()
    assert await viewer.connect() == 201
    await viewer.sees(video=15, audio=20)
    returned = await asyncio.wait_for(ffmpeg.wait(), WAIT_SECONDS)

    # then
    assert returned == 0
    events = await running.heard.wait("publisher_joined", "stream_ended", "take_ready")
    assert events[1]["reason"] == "deleted"
    assert events[2]["duration_ms"] > 2000


async def test_leases_tell_where_a_stream_is(running: Running, bus: Bus) -> None:
    # given
    await running.publisher().connect()
    await running.heard.wait("publisher_joined")

    # when
    leases: dict[str, Payload] = {}
    while leases.get("stream:oranges", {}).get("state") != "live":
        leases = await bus.leases("")
        await asyncio.sleep(0.1)

    # then
    node = leases["node:media-1"]
    assert (node["http_port"], node["udp_port"]) == (running.node.http_port, running.node.udp_port)
    assert leases["stream:oranges"]["stream_id"] == "stream-oranges-1"
