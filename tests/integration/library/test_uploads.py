"""Uploaded videos become lessons, or a clear refusal."""

from __future__ import annotations

import os

from tests.harness.app import Page
from tests.harness.data_servers import Environment
from tests.harness.takes import make_video
from tests.integration.library.conftest import PASSWORD, Farm, StartWorker, settled

UPLOAD = "/api/my/lessons?title=剪枝要点"


async def test_a_video_becomes_a_lesson_and_broken_ones_say_so(
    farm: Farm, page: Page, start_worker: StartWorker, environment: Environment
) -> None:
    # given
    await page.sign_in("zhanghong", PASSWORD)
    whole = make_video(2.0, width=320, height=240, kind="mp4")

    # when: a whole video and one of which only the head came through
    status, good = await page.ask("POST", UPLOAD, data=whole)
    broken_status, broken = await page.ask("POST", "/api/my/lessons?title=坏的", data=whole[:300] + bytes(5000))

    # then: both look like video and wait for a worker; nothing is left in the server's folder
    assert (status, good["state"], good["title"]) == (201, "waiting", "剪枝要点")
    assert (broken_status, broken["state"]) == (201, "waiting")
    assert os.listdir(environment["UPLOAD_FOLDER"]) == []

    # when
    await start_worker()

    # then
    ready = await settled(page, good["id"])
    assert (ready["state"], [r["name"] for r in ready["renditions"]]) == ("ready", ["240p", "144p", "slides"])
    assert abs(ready["duration_ms"] - 2000) < 120
    failed = await settled(page, broken["id"])
    assert (failed["state"], failed["error"], failed["playlist_url"]) == ("failed", "broken_source", None)

    # and: it is tried once, and only its host sees it in the list
    asset = await farm.server.services.database["assets"].find_one({"work.state": "failed"})
    assert asset is not None
    assert asset["work"]["attempt"] == 1
    assert await titles(page) == {"剪枝要点", "坏的"}
    await page.ask("DELETE", "/api/session")
    assert await titles(page) == {"剪枝要点"}


async def titles(page: Page) -> set[str]:
    _, body = await page.ask("GET", "/api/lessons")
    return {lesson["title"] for lesson in body["items"]}


async def test_what_is_no_video_or_too_large_or_not_allowed_is_refused(farm: Farm, page: Page) -> None:
    # given
    async def refusal(path: str, data: bytes) -> tuple[int, str]:
        status, body = await page.ask("POST", path, data=data)
        return status, body.get("code", "")

    # then: strangers and viewers may not
    assert await refusal(UPLOAD, b"x") == (401, "sign_in_required")
    await farm.server.services.accounts.register("liming", PASSWORD, "李明", None)
    await page.sign_in("liming", PASSWORD)
    assert await refusal(UPLOAD, b"x") == (403, "not_allowed")

    # and: a host may not send just anything
    await page.sign_in("zhanghong", PASSWORD)
    video = make_video(0.5, width=64, height=64)
    assert await refusal(UPLOAD, b"this is a text that is called .mp4" * 100) == (415, "not_a_video")
    assert await refusal(UPLOAD, b"") == (415, "not_a_video")
    assert await refusal(UPLOAD, video + bytes(1_000_000)) == (413, "body_too_large")
    assert await refusal("/api/my/lessons", video) == (400, "bad_request")
    assert await refusal(UPLOAD + "&course_id=nowhere", video) == (404, "not_found")
    assert await farm.server.services.database["assets"].count_documents({}) == 0
