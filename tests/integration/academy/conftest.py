"""A server with a teacher, a learner, and lessons that can be watched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest_asyncio

from config.settings import ServerSettings
from server.accounts.model import Role, User
from server.recordings.model import Chapter
from tests.harness.app import Page, RunningServer, running_server

PASSWORD = "a long password"
MINUTE_MS = 60_000
OPEN = "open"  # the id of a course that everybody sees
SUBTITLES = """WEBVTT

00:00:05.000 --> 00:00:09.000
先看树势，再看通风

00:00:30.000 --> 00:00:35.000
剪口要斜，涂上愈合剂

00:00:50.000 --> 00:00:55.000
炭疽病的枝条要烧掉
"""


@dataclass(frozen=True, slots=True)
class Academy:
    """A running server with people; `teacher` and `learner` are their browsers, `anybody` is a stranger's."""

    server: RunningServer
    teacher_user: User
    learner_user: User
    teacher: Page
    learner: Page
    anybody: Page
    video: Path

    async def add_lesson(
        self, title: str, *, chapters: tuple[Chapter, ...] = (), course_id: str | None = None, is_replay: bool = False
    ) -> str:
        """A lesson of a minute that can be watched, in a course that everybody sees if none is named."""
        services = self.server.services
        if course_id is None:
            course_id = (await services.library.courses.add_course(self.teacher_user, "公开", "", course_id=OPEN)).id
        lesson = await services.library.recordings.add_upload(
            self.teacher_user, title, course_id, self.video, 4, chapters=chapters
        )
        made = {"duration_ms": MINUTE_MS, "playlist_key": "public/x/master.m3u8", "work.state": "ready"}
        await services.database["assets"].update_one({"_id": lesson.asset_id}, {"$set": made})
        if is_replay:
            await services.database["lessons"].update_one({"_id": lesson.id}, {"$set": {"is_replay": True}})
        return lesson.id

    async def add_course(self, title: str, lesson_ids: list[str], *, no_skip: bool = False) -> str:
        """A published course of the teacher with these lessons, in one chapter."""
        _, course = await self.teacher.ask("POST", "/api/my/courses", {"title": title})
        path = f"/api/my/courses/{course['id']}"
        chapters = [{"title": "第一章", "lesson_ids": lesson_ids}]
        await self.teacher.ask("PUT", f"{path}/lessons", {"version": 0, "chapters": chapters})
        await self.teacher.ask("PATCH", path, {"version": 1, "no_skip": no_skip})
        status, body = await self.teacher.ask("PUT", f"{path}/state", {"state": "published"})
        assert status == 200, body
        return str(course["id"])

    async def watch(self, lesson_id: str, start_ms: int = 0, end_ms: int = MINUTE_MS) -> None:
        """The learner watches a part of what he opened yesterday."""
        services = self.server.services
        path = f"/api/lessons/{lesson_id}/progress"
        await self.learner.ask("PUT", path, {"position_ms": start_ms, "intervals": []})
        yesterday = services.clock.now() - timedelta(days=1)
        await services.database["lesson_progress"].update_one(
            {"_id": f"{self.learner_user.id}:{lesson_id}"}, {"$set": {"began_at": yesterday}}
        )
        report = {"position_ms": end_ms, "intervals": [[start_ms, end_ms]]}
        status, body = await self.learner.ask("PUT", path, report)
        assert status == 200, body

    async def upload_subtitles(self, lesson_id: str, text: str = SUBTITLES) -> None:
        """The teacher uploads what is said."""
        path = f"/api/my/lessons/{lesson_id}/subtitles"
        status, body = await self.teacher.ask("PUT", path, data=text.encode())
        assert status == 200, body


@pytest_asyncio.fixture
async def academy(
    load_settings: Callable[[type[ServerSettings]], ServerSettings], tmp_path: Path
) -> AsyncIterator[Academy]:
    """李技师 teaches, 李明 learns."""
    video = tmp_path / "video.mp4"
    video.write_bytes(b"mp4?")
    async with running_server(load_settings(ServerSettings)) as server:
        accounts = server.services.accounts
        roles = frozenset({Role.VIEWER, Role.HOST})
        teacher = await accounts.register("lijishi", PASSWORD, "李技师", None, roles=roles)
        await accounts.register("otherhost", PASSWORD, "别人", None, roles=roles)
        learner = await accounts.register("liming", PASSWORD, "李明", None)
        async with Page.open(server.url) as one, Page.open(server.url) as other, Page.open(server.url) as third:
            await one.sign_in("lijishi", PASSWORD)
            await other.sign_in("liming", PASSWORD)
            yield Academy(server, teacher, learner, one, other, third, video)
