"""Subtitles: uploaded by a teacher, read by players and people."""

from __future__ import annotations

from server.subtitles.model import LIMIT_BYTES
from tests.integration.academy.conftest import Academy


async def test_subtitles_are_there_for_players_and_for_people(academy: Academy) -> None:
    # given
    lesson = await academy.add_lesson("冬季管护")
    _, before = await academy.anybody.ask("GET", f"/api/lessons/{lesson}")
    assert before["subtitles_url"] is None
    assert (await academy.anybody.ask("GET", f"/api/lessons/{lesson}/subtitles"))[0] == 404

    # when
    await academy.upload_subtitles(lesson)

    # then
    _, after = await academy.anybody.ask("GET", f"/api/lessons/{lesson}")
    async with academy.anybody.http.get(after["subtitles_url"]) as response:
        assert response.content_type == "text/vtt"
        assert "00:00:30.000 --> 00:00:35.000\n剪口要斜，涂上愈合剂" in await response.text()
        assert "immutable" in response.headers["Cache-Control"]
    _, lines = await academy.anybody.ask("GET", f"/api/lessons/{lesson}/subtitles")
    assert lines["items"][0] == {"start_ms": 5000, "end_ms": 9000, "text": "先看树势，再看通风"}

    # and: others have another address, also after they were away
    addresses = {after["subtitles_url"]}
    for _ in range(2):
        await academy.teacher.ask("DELETE", f"/api/my/lessons/{lesson}/subtitles")
        await academy.upload_subtitles(lesson)
        _, again = await academy.anybody.ask("GET", f"/api/lessons/{lesson}")
        addresses.add(again["subtitles_url"])
    assert len(addresses) == 3


async def test_bad_files_are_refused_with_a_code_and_change_nothing(academy: Academy) -> None:
    lesson = await academy.add_lesson("冬季管护")
    await academy.upload_subtitles(lesson)
    late = "WEBVTT\n\n02:00:00.000 --> 02:00:01.000\n别的课\n"
    for raw, status, code in (
        (b"no subtitles", 400, "bad_subtitles"),
        (late.encode(), 400, "bad_subtitles"),
        (b"x" * (LIMIT_BYTES + 1), 413, "body_too_large"),
    ):
        answer = await academy.teacher.ask("PUT", f"/api/my/lessons/{lesson}/subtitles", data=raw)
        assert (answer[0], answer[1]["code"]) == (status, code)
    _, lines = await academy.anybody.ask("GET", f"/api/lessons/{lesson}/subtitles")
    assert len(lines["items"]) == 3
