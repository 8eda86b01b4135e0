"""The academy: a farmer finds what he heard, watches, answers, and takes home a paper that a stranger checks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from server.accounts.model import Role
from server.courses.model import CourseChapter, CourseState
from server.ids import new_id
from server.quizzes.model import Question
from server.wiring import open_services
from tests.browser.conftest import OpenPage
from tests.browser.test_journey import sign_in
from tests.harness.data_servers import Environment
from tests.harness.platform import HOST, ROOM, VIEWER, Platform, settings_of
from tests.harness.takes import RunOf, put_take

pytestmark = [pytest.mark.long, pytest.mark.processes("server", "worker")]

SUBTITLES = "WEBVTT\n\n00:02.000 --> 00:04.000\n炭疽病的枝条要烧掉\n\n00:05.000 --> 00:07.000\n剪口要斜\n"
STOP = Question("", 4_000, "病枝怎么办？", ("烧掉", "堆在树下"), (0,), "留着会再传")
END = Question("", None, "剪口怎么剪？", ("斜着剪", "平着剪"), (0,))
SECONDS = 8.0


async def teach(environment: Environment) -> None:
    """A published course: a replay of eight seconds with subtitles, a question in it and one at its end."""
    async with open_services(settings_of(environment), with_sockets=False) as services:
        library = services.library
        teacher = await services.accounts.find_name(HOST)
        assert teacher is not None
        assert Role.HOST in teacher.roles
        room = (await services.rooms.own(teacher)).room
        stream = await services.streams.let_in(ROOM, services.rooms.key_of(room))
        take = await put_take(services.objects, stream.id, [RunOf(SECONDS)])
        await services.streams.publisher_ended(stream.id, take.duration_ms)
        await library.recordings.take_ready(stream, take.duration_ms, has_video=True, has_audio=True)
        lesson = await library.recordings.replay_of(stream.id)
        await library.editing.rename_lesson(teacher, lesson.id, "柑橘冬季修剪")
        await library.subtitles.upload(teacher, lesson.id, SUBTITLES.encode())
        questions = [Question(new_id(), q.at_ms, q.text, q.options, q.right, q.why) for q in (STOP, END)]
        await library.quizzes.write(teacher, lesson.id, 0, questions, 80)
        course, _ = await library.editing.begin(teacher, "柑橘高产管护", "")
        await library.editing.arrange(teacher, course.id, 0, [CourseChapter("修剪", (lesson.id,))])
        await library.editing.publish(teacher, course.id, CourseState.PUBLISHED)


def answer(page: Page, option: str) -> None:
    page.get_by_test_id("question").get_by_text(option).click()


def test_a_farmer_finds_learns_and_takes_a_paper_home(platform: Platform, open_page: OpenPage) -> None:
    with ThreadPoolExecutor(1) as thread:  # Playwright keeps an event loop of its own in this one
        thread.submit(asyncio.run, teach(platform.environment)).result()

    # He looks for what he heard, and gets to where it is said.
    page = open_page()
    sign_in(page, VIEWER, "/learn")
    page.get_by_role("searchbox").fill("碳水")
    expect(page.get_by_text("没有找到")).to_be_visible()
    page.get_by_role("searchbox").fill("炭疽病")
    place = page.get_by_test_id("found-place").filter(has_text="炭疽病的枝条要烧掉")
    expect(place.locator("mark")).to_have_text("炭疽病")
    place.click()
    expect(page.get_by_role("heading", name="柑橘冬季修剪")).to_be_visible()

    # The lesson is watched from its start; it stands still for a question, and goes on whatever the answer.
    page.get_by_test_id("transcript").get_by_text("炭疽病").wait_for()
    page.goto(page.url.split("?")[0])
    page.get_by_role("button", name="播放").press("Enter")
    stop = page.get_by_test_id("stop-question")
    expect(stop).to_be_visible()
    answer(page, "堆在树下")
    stop.get_by_role("button", name="就选这个").click()
    expect(stop.get_by_text("不对")).to_be_visible()
    page.get_by_test_id("go-on").press("Enter")
    expect(page.get_by_role("region", name="柑橘冬季修剪")).to_be_focused()
    page.get_by_role("button", name="再看一遍").wait_for()

    # The questions at the end, judged by the server.
    page.get_by_test_id("begin-quiz").click()
    answer(page, "斜着剪")
    page.get_by_role("button", name="交卷").click()
    expect(page.get_by_test_id("quiz-result")).to_contain_text("通过了")

    # What he could not answer in the lesson waits below it, however often he needs, and also after another visit.
    expect(page.get_by_test_id("left-questions")).to_contain_text("1 道题没答对")
    page.reload()
    page.get_by_test_id("left-questions").get_by_role("button").click()
    answer(page, "堆在树下")
    stop.get_by_role("button", name="就选这个").click()
    stop.get_by_role("button", name="再答一次").click()
    answer(page, "烧掉")
    stop.get_by_role("button", name="就选这个").click()
    page.get_by_test_id("go-on").press("Enter")
    expect(page.get_by_test_id("left-questions")).to_have_count(0)
    expect(page.get_by_text("这节课的小测通过了")).to_be_visible()

    # The course has a certificate for him, with the name that he wants on it.
    page.goto("/learn")
    page.get_by_role("link", name="柑橘高产管护").first.click()
    page.get_by_label("证书上写谁的名字").fill("李明远")
    page.get_by_test_id("take-certificate").click()
    paper = page.get_by_test_id("paper")
    expect(paper).to_be_visible()
    pdf = page.request.get(str(paper.get_attribute("href")))
    assert pdf.body().startswith(b"%PDF")
    code = str(paper.get_attribute("href")).split("/")[3]

    # A stranger types the code: he sees the course, and not whose it is.
    stranger = open_page()
    stranger.goto("/certificates/AAAA-AAAA-AAAA")
    expect(stranger.get_by_test_id("no-certificate")).to_contain_text("编号写错了")
    stranger.get_by_label("证书编号").fill(code.lower())
    stranger.get_by_role("button", name="查一查").click()
    checked = stranger.get_by_test_id("checked")
    expect(checked).to_contain_text("柑橘高产管护")
    expect(checked).to_contain_text("李**")
    expect(checked).not_to_contain_text("李明远")
