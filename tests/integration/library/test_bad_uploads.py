"""Uploads that are no good, through a real worker: a clear code each, nothing published, the worker alive."""

from __future__ import annotations

import asyncio
import io
import subprocess
import zipfile
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.harness.app import Page
from tests.harness.takes import make_video
from tests.harness.tus import upload
from tests.integration.library.conftest import PASSWORD, Farm, StartWorker, settled


def film(path: Path, *arguments: str) -> bytes:
    """A video made by FFmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path.read_bytes()


def zip_bomb() -> bytes:
    """Fifty megabytes of nothing in fifty kilobytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("video.mp4", bytes(50_000_000))
    return packed.getvalue()


def bad_files(folder: Path, listener: str) -> dict[str, tuple[bytes, str]]:
    """What people and enemies send, and what they are told."""
    whole = make_video(8.0, width=160, height=120, kind="matroska")
    large = film(folder / "8k.mp4", *("-f", "lavfi", "-i", "color=size=7680x4320:rate=1", "-frames:v", "1"))
    long = film(folder / "long.mp4", *("-f", "lavfi", "-i", "color=size=32x32:rate=1/60", "-t", "36000"))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{listener}/secret.ts\n#EXT-X-ENDLIST\n".encode()
    script = f"ffconcat version 1.0\nfile {listener}/secret.ts\nfile /etc/passwd\n".encode()
    return {
        "a text": (b"this is no video at all\n" * 100, "not_a_video"),
        "a zip bomb": (zip_bomb(), "not_a_video"),
        "a playlist": (playlist, "not_a_video"),
        "a playlist after a signature": (b"\0\0\0\x18ftypmp42" + playlist, "broken_source"),
        "a script that joins files": (script, "not_a_video"),
        "a video that was cut off": (whole[: len(whole) // 2], "truncated"),
        "8K": (large, "too_large"),
        "ten hours": (long, "too_long"),
        "no frames": (make_video(0.0, width=64, height=64), "not_a_video"),
    }


async def test_bad_files_are_refused_by_a_worker_that_goes_on(
    farm: Farm, page: Page, start_worker: StartWorker, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # given: somebody who listens where hostile files point to
    called: list[str] = []
    listener = await asyncio.start_server(lambda reader, writer: called.append("called"), "127.0.0.1", 0)
    request.addfinalizer(listener.close)
    port = listener.sockets[0].getsockname()[1]
    files = await asyncio.to_thread(bad_files, tmp_path, f"http://127.0.0.1:{port}")
    recordings = farm.server.services.library.recordings

    async def add(title: str, data: bytes) -> str:
        path = tmp_path / "upload"
        await asyncio.to_thread(path.write_bytes, data)
        return (await recordings.add_upload(farm.host, title, None, path, len(data))).id

    # when: they come past the server's own look at their first bytes, and a good one after them
    worker = await start_worker()
    lesson_ids = {title: await add(title, data) for title, (data, _) in files.items()}
    good_id = await add("好的", make_video(1.0, width=160, height=120))

    # then
    await page.sign_in("zhanghong", PASSWORD)
    for title, lesson_id in lesson_ids.items():
        lesson = await settled(page, lesson_id)
        assert (lesson["state"], lesson["error"], lesson["playlist_url"]) == ("failed", files[title][1], None), title
    assert (await settled(page, good_id))["state"] == "ready"
    assert worker.is_running()
    assert called == []

    # and: nothing of the bad ones is public
    services = farm.server.services
    failed = [document["_id"] async for document in services.database["assets"].find({"work.state": "failed"})]
    assert len(failed) == len(files)
    for asset_id in failed:
        assert await services.objects.list_keys(f"public/assets/{asset_id}/") == []


async def test_a_host_stops_the_making_and_starts_it_again(farm: Farm, page: Page, start_worker: StartWorker) -> None:
    # given: a video that waits for a worker
    await page.sign_in("zhanghong", PASSWORD)
    lesson = await upload(page, "剪枝", make_video(1.0, width=160, height=120))
    path = f"/api/my/lessons/{lesson['id']}"
    assert (await page.ask("POST", f"{path}/retry"))[1]["code"] == "step_not_allowed"

    # when, then: it is stopped, and no worker takes it
    status, stopped = await page.ask("POST", f"{path}/cancel")
    assert (status, stopped["state"], stopped["error"], stopped["stage"]) == (200, "failed", "cancelled", None)
    assert (await page.ask("POST", f"{path}/cancel"))[1]["code"] == "step_not_allowed"

    # and: a stranger may not start it, its host may
    status, waiting = await page.ask("POST", f"{path}/retry")
    assert (status, waiting["state"], waiting["stage"]) == (200, "waiting", "look")
    await farm.server.services.accounts.register("liming", PASSWORD, "李明", None)
    await page.sign_in("liming", PASSWORD)
    assert (await page.ask("POST", f"{path}/cancel"))[0] == 403
    await page.sign_in("zhanghong", PASSWORD)
    await start_worker()
    assert (await settled(page, lesson["id"]))["state"] == "ready"
