"""Without a network: a farmer takes a lesson along and watches it in the field; it counts when he is back."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, Route, expect

from server.courses.editing import CourseChange
from server.courses.model import CourseChapter, CourseState
from server.ids import new_id
from server.quizzes.model import Question
from server.wiring import open_services
from tests.browser.conftest import OpenPage
from tests.browser.test_journey import sign_in, wait_until
from tests.harness.data_servers import Environment
from tests.harness.platform import BUYERS, HOST, ROOM, VIEWER, Platform, settings_of
from tests.harness.takes import RunOf, put_take

pytestmark = [pytest.mark.long, pytest.mark.processes("server", "worker")]

SHORT = RunOf(8.0)
SUBTITLES = "WEBVTT\n\n00:02.000 --> 00:04.000\n剪口要斜\n"
USED = "localStorage.getItem('dongting.data.used')"
END = Question("", None, "剪口怎么剪？", ("斜着剪", "平着剪"), (0,), "斜口不积水")


@pytest.fixture
def service_workers() -> Literal["allow", "block"]:
    """The page is an app here."""
    return "allow"


async def teach(environment: Environment, run: RunOf) -> str:
    """A lesson with subtitles and a question, in a course where nothing may be skipped; a worker makes its ladder."""
    async with open_services(settings_of(environment), with_sockets=False) as services:
        library = services.library
        teacher = await services.accounts.find_name(HOST)
        assert teacher is not None
        room = (await services.rooms.own(teacher)).room
        stream = await services.streams.let_in(ROOM, services.rooms.key_of(room))
        take = await put_take(services.objects, stream.id, [run])
        await services.streams.publisher_ended(stream.id, take.duration_ms)
        await library.recordings.take_ready(stream, take.duration_ms, has_video=True, has_audio=True)
        lesson = await library.recordings.replay_of(stream.id)
        await library.editing.rename_lesson(teacher, lesson.id, "柑橘冬季修剪")
        await library.subtitles.upload(teacher, lesson.id, SUBTITLES.encode())
        await library.quizzes.write(
            teacher, lesson.id, 0, [Question(new_id(), END.at_ms, END.text, END.options, END.right, END.why)], 80
        )
        course, _ = await library.editing.begin(teacher, "柑橘高产管护", "")
        course, _ = await library.editing.change(teacher, course.id, CourseChange(course.version, no_skip=True))
        await library.editing.arrange(teacher, course.id, course.version, [CourseChapter("修剪", (lesson.id,))])
        await library.editing.publish(teacher, course.id, CourseState.PUBLISHED)
        return lesson.id


def taught(platform: Platform, run: RunOf = SHORT) -> str:
    with ThreadPoolExecutor(1) as thread:  # Playwright keeps an event loop of its own in this one
        return thread.submit(asyncio.run, teach(platform.environment, run)).result()


def made_lesson(page: Page, lesson_id: str) -> dict[str, Any]:
    """With all its sizes."""
    made: dict[str, Any] = wait_until(
        lambda: lesson if (lesson := lesson_of(page, lesson_id))["state"] == "ready" else None, "the lesson is made"
    )
    return made


def leave_of_the_month(page: Page, bytes_left: int) -> None:
    """He has set 100 MB a month, and used all of it but so much."""
    page.goto("/downloads")
    page.get_by_test_id("data-card").get_by_role("button").click()
    page.get_by_role("radio", name="100 MB").click()
    used = 100_000_000 - bytes_left
    page.evaluate(
        """used => {
            const month = new Date().toLocaleDateString('sv').slice(0, 7)
            localStorage.setItem('dongting.data.used', `${month} ${used}`)
        }""",
        used,
    )


def lesson_of(page: Page, lesson_id: str) -> dict[str, Any]:
    lesson: dict[str, Any] = page.request.get(f"/api/lessons/{lesson_id}").json()
    return lesson


def watch_to_the_end(page: Page) -> None:
    page.locator(".start .play").click()
    page.get_by_role("button", name="再看一遍").wait_for()


def test_a_lesson_is_watched_in_the_field_and_counts_at_home(platform: Platform, open_page: OpenPage) -> None:
    lesson_id = taught(platform)
    page = open_page()
    sign_in(page, VIEWER, "/learn")
    made = made_lesson(page, lesson_id)

    # He reads what each size costs, to the byte, and takes the smallest picture along.
    page.goto(f"/lessons/{lesson_id}")
    page.get_by_test_id("keep-lesson").click()
    smallest = next(one for one in made["renditions"] if one["name"] == "144p")
    expect(page.get_by_test_id("keep-144p")).to_contain_text(f"{round(smallest['bytes'] / 1000)} KB")
    page.get_by_test_id("keep-144p").click()
    expect(page.locator("[data-state=ready]")).to_be_visible()
    used = page.evaluate(USED)
    assert used

    # In the field: the academy opens, leads to what is there, and the lesson plays to its end.
    page.context.set_offline(True)
    page.goto("/learn")
    page.get_by_test_id("to-kept").click()
    expect(page.get_by_test_id("packs")).to_contain_text("柑橘冬季修剪")
    page.get_by_role("link", name="柑橘冬季修剪").last.click()
    expect(page.get_by_test_id("kept-note")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("kept-note")).to_be_visible()
    expect(page.get_by_test_id("transcript")).to_contain_text("剪口要斜")
    page.get_by_test_id("begin-quiz").click()
    page.get_by_label("斜着剪").check()
    page.get_by_role("button", name="交卷").click()
    expect(page.get_by_test_id("answers-kept")).to_be_visible()
    expect(page.get_by_text("斜口不积水")).to_have_count(0)
    watch_to_the_end(page)
    assert page.locator("video").evaluate("video => video.videoHeight") == 144
    assert lesson_of(page, lesson_id)["watched_ms"] == 0
    assert page.evaluate(USED) == used, "what lies on the phone costs nothing"

    # A page that this phone does not have yet says that it is the network, and opens by itself at home.
    page.goto("/halls")
    expect(page.get_by_text("没有网络", exact=True)).to_be_visible()

    # He comes home: what he watched is told by itself, and what he answered is handed in.
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="虚拟展厅")).to_be_visible()
    wait_until(lambda: lesson_of(page, lesson_id)["done"], "the progress is merged")
    quiz = f"/api/lessons/{lesson_id}/quiz"
    wait_until(lambda: page.request.get(quiz).json()["mine"]["passed_at"], "the answers are judged")

    # Somebody else on the same phone has neither his download nor his progress.
    page.context.clear_cookies()
    sign_in(page, BUYERS[0], "/downloads")
    expect(page.get_by_test_id("room-card")).to_contain_text("别的账号")
    expect(page.get_by_test_id("packs")).to_have_count(0)
    assert lesson_of(page, lesson_id)["watched_ms"] == 0


def test_a_player_keeps_to_the_months_data_and_asks_before_it_goes_over(
    platform: Platform, open_page: OpenPage
) -> None:
    # given a learner whose month has less left than the lesson costs at least, as sound
    lesson_id = taught(platform)
    page = open_page()
    sign_in(page, VIEWER, "/learn")
    made = made_lesson(page, lesson_id)
    sizes = sorted(one["bytes"] for one in [*made["sounds"][:1], *made["renditions"]])
    leave_of_the_month(page, sizes[0] // 2)
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(f"/lessons/{lesson_id}")
    question, video = page.get_by_test_id("budget-question"), page.locator("video")

    # when he wants to play, he is asked first, and not a byte of it comes
    page.locator(".start .play").click()
    expect(question).to_contain_text("最省也要")
    assert not media_of(loaded)
    question.get_by_role("button", name="先不看了").click()
    expect(question).to_be_hidden()
    assert video.evaluate("video => video.readyState") == 0

    # when he wants to all the same, it plays the cheapest
    page.locator(".start .play").click()
    page.get_by_test_id("go-over").click()
    wait_until(lambda: video.evaluate("video => video.currentTime") > 1, "it plays")
    assert media_of(loaded)

    # given another one whose month has enough left for that, and for no more
    page = open_page()
    sign_in(page, BUYERS[0], "/learn")
    leave_of_the_month(page, (sizes[0] + sizes[1]) // 2)
    page.goto(f"/lessons/{lesson_id}")
    video = page.locator("video")

    # then the page says that it is not what was wished, and plays that one without a question
    expect(page.get_by_text("流量只剩")).to_be_visible()
    page.locator(".start .play").click()
    wait_until(lambda: video.evaluate("video => video.currentTime") > 1, "it plays")
    expect(page.get_by_test_id("budget-question")).to_be_hidden()


def media_of(urls: list[str]) -> list[str]:
    """Those of sound and picture."""
    return [url for url in urls if url.endswith((".m4s", ".mp4"))]


def test_a_page_that_waits_to_hear_who_asks_is_no_blank(platform: Platform, open_page: OpenPage) -> None:
    # given
    page = open_page()
    sign_in(page, VIEWER, "/learn")
    answers: list[Route] = []
    page.route("**/api/session", lambda route: answers.append(route))
    # when
    page.goto("/orders")
    # then
    expect(page.get_by_role("status").filter(has_text="正在打开")).to_be_visible()
    for answer in answers:
        answer.continue_()
    page.unroute("**/api/session")
    expect(page.get_by_role("heading", level=1, name="我的订单")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="正在打开")).to_have_count(0)


def test_what_is_not_watched_soon_is_not_fetched(platform: Platform, open_page: OpenPage) -> None:
    # given a lesson of a minute and a half, all of which a fast line could bring at once
    lesson_id = taught(platform, RunOf(90.0, width=64, height=64))
    page = open_page()
    sign_in(page, VIEWER, "/learn")
    made_lesson(page, lesson_id)

    # when it plays
    page.goto(f"/lessons/{lesson_id}")
    page.locator(".start .play").click()
    wait_until(lambda: seconds_of(page)[0] > 5, "it plays")

    # then no more lies ready than is watched soon
    at, ready = seconds_of(page)
    assert at < ready < at + 30


def seconds_of(page: Page) -> tuple[float, float]:
    """Where the picture is, and up to where it lies ready."""
    video = "document.querySelector('video')"
    at, ready = page.evaluate(f"[{video}.currentTime, {video}.buffered.length && {video}.buffered.end(0)]")
    return at, ready
