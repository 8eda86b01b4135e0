"""Clips: a host trims what came by itself, and a friend watches it by its link."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from server.wiring import open_services
from tests.browser.conftest import OpenPage
from tests.browser.test_journey import sign_in
from tests.harness.data_servers import Environment
from tests.harness.platform import HOST, ROOM, Platform, settings_of
from tests.harness.takes import NUMBER_BITS, NUMBER_SHARE, RunOf, put_take

pytestmark = pytest.mark.processes("server", "worker")

FRAMES_PER_SECOND = 15
# The number burnt into the picture that is on the screen at a time.
NUMBER_AT = """([at, bits, share]) => new Promise((resolve, reject) => {
    const video = document.querySelector('[data-testid=clip-video]')
    const read = () => {
        const canvas = document.createElement('canvas')
        canvas.width = video.videoWidth
        canvas.height = video.videoHeight
        const context = canvas.getContext('2d')
        context.drawImage(video, 0, 0)
        let number = 0
        for (let place = 0; place < bits; place++) {
            const x = (place + 0.5) * canvas.width / bits, y = canvas.height / share / 2
            if (context.getImageData(x, y, 1, 1).data[0] > 128) number += 2 ** place
        }
        resolve(number)
    }
    video.addEventListener('error', () => reject(new Error(`media ${video.error.code}`)), { once: true })
    video.addEventListener('seeked', read, { once: true })
    const seek = () => { video.currentTime = at }
    if (video.readyState > 0) seek()
    else video.addEventListener('loadedmetadata', seek, { once: true })
})"""
PLAYS_TO_ITS_END = """() => new Promise((resolve, reject) => {
    const video = document.querySelector('[data-testid=clip-video]')
    video.muted = true
    video.playbackRate = 2
    video.addEventListener('error', () => reject(new Error(`media ${video.error.code}`)), { once: true })
    video.addEventListener('ended', () => resolve(video.duration), { once: true })
    video.currentTime = 0
    video.play()
})"""


async def show_oranges(environment: Environment, oranges_id: str) -> str:
    """A broadcast of eight seconds in which oranges were pinned from 1 to 7 s; answers its lesson."""
    async with open_services(settings_of(environment), with_sockets=False) as services:
        teacher = await services.accounts.find_name(HOST)
        assert teacher is not None
        room = (await services.rooms.own(teacher)).room
        stream = await services.streams.let_in(ROOM, services.rooms.key_of(room))
        take = await put_take(services.objects, stream.id, [RunOf(8.0, width=640, height=360)])
        moment = {
            "_id": "moment-of-oranges",
            "stream_id": stream.id,
            "room_id": room.id,
            "product_id": oranges_id,
            "title": "冰糖橙",
            "pinned_at": services.clock.now(),
            "start_ms": 1000,
            "end_ms": 7000,
        }
        await services.database["moments"].insert_one(moment)
        await services.streams.publisher_ended(stream.id, take.duration_ms)
        await services.library.recordings.take_ready(stream, take.duration_ms, has_video=True, has_audio=True)
        return (await services.library.recordings.replay_of(stream.id)).id


def number_at(page: Page, seconds: float) -> int:
    return int(page.evaluate(NUMBER_AT, [seconds, NUMBER_BITS, NUMBER_SHARE]))


def test_a_host_trims_a_clip_and_a_friend_watches_it(platform: Platform, open_page: OpenPage) -> None:
    with ThreadPoolExecutor(1) as thread:  # Playwright keeps an event loop of its own in this one
        lesson_id = thread.submit(asyncio.run, show_oranges(platform.environment, platform.oranges_id)).result()

    # What was pinned has become a clip; the host lets it begin a second and a half later.
    page = open_page()
    sign_in(page, HOST, f"/teach/lessons/{lesson_id}")
    row = page.get_by_test_id("own-clip")
    expect(row).to_contain_text("0:01.0 – 0:07.0")
    expect(row.get_by_role("link", name="播放“冰糖橙”")).to_be_visible()
    row.get_by_test_id("trim").click()
    start = page.get_by_test_id("clip-start")
    expect(start).to_have_text("0:01.0")
    page.get_by_test_id("clip-start-second-on").click()
    expect(start).to_have_text("0:02.0")
    for _ in range(5):
        page.get_by_role("group", name="开始").get_by_role("button", name="往后 0.1 秒").click()
    expect(start).to_have_text("0:02.5")
    page.get_by_test_id("save-clip").click()
    expect(row).to_contain_text("0:02.5 – 0:07.0")
    expect(row.get_by_role("status")).to_have_count(0)

    # A friend has the link: the first picture is the right one, also after the edge, and it plays to its end.
    friend = open_page()
    friend.goto(f"/lessons/{lesson_id}")
    expect(friend.get_by_test_id("share-chapter")).to_be_visible()
    friend.goto("/clips/moment-of-oranges")
    expect(friend.get_by_role("heading", name="冰糖橙")).to_be_visible()
    first = 38  # of 15 in a second the first one from 2.5 s on
    assert [number_at(friend, place) for place in (0.02, 1.02, 2.02)] == [first, first + 15, first + 30]
    assert abs(float(friend.evaluate(PLAYS_TO_ITS_END)) - (7.0 - first / FRAMES_PER_SECOND)) < 0.1

    # He can go on to the whole lesson, or buy.
    friend.get_by_role("button", name="购买 冰糖橙").wait_for()
    friend.get_by_role("link", name="看整节课").click()
    expect(friend.get_by_role("heading", name="冰糖橙开园")).to_be_visible()

    # The host wants none of it any more, and is asked whether he is sure.
    page.get_by_test_id("remove-lesson").click()
    page.get_by_test_id("ask-yes").click()
    expect(page.get_by_test_id("remove-lesson")).to_have_count(0)
    assert page.request.get("/api/my/lessons").json()["items"] == []
    friend.reload()
    expect(friend.get_by_text("这里什么也没有")).to_be_visible()
    friend.goto("/clips/moment-of-oranges")
    expect(friend.get_by_test_id("clip-video")).to_have_count(0)
