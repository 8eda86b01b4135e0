"""Keeping order and taking part: a host moderates from his phone, asks the room, gives presents; viewers see it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import close_sheet, go_live, sign_in
from tests.harness.platform import BUYERS, ROOM, VIEWER, Platform

pytestmark = pytest.mark.processes("server", "media")


def say(page: Page, text: str) -> None:
    page.get_by_test_id("chat-input").fill(text)
    page.get_by_test_id("chat-send").click()


def enter_room(page: Page, name: str) -> None:
    page.route("**/whep/**", lambda route: route.abort())  # nothing here needs a picture
    sign_in(page, name, f"/r/{ROOM}")
    expect(page.get_by_test_id("chat-input")).to_be_visible()


def test_a_host_keeps_order_and_plays_with_the_room(platform: Platform, open_page: OpenPage) -> None:
    # A host is on the air, two viewers are in the room.
    host, viewer, pest = open_page(), open_page(), open_page()
    go_live(host)
    enter_room(viewer, VIEWER)
    enter_room(pest, BUYERS[0])

    # One advertises: a tap on his line mutes him, and he is told.
    say(pest, "便宜卖，快来")
    host.get_by_test_id("chat-line").filter(has_text="便宜卖").get_by_test_id("chat-manage").click()
    host.get_by_role("button", name="广告").click()
    host.get_by_test_id("act-mute-short").click()
    expect(pest.get_by_test_id("chat-closed")).to_contain_text("禁言")

    # Words, in disguise, are refused; with review first a message waits until the host lets it through.
    host.get_by_test_id("open-moderation").click()
    host.get_by_test_id("desk-words").click()
    host.get_by_test_id("words-refuse").fill("假药\n骗子")
    host.get_by_test_id("save-words").click()
    host.get_by_test_id("desk-rules").click()
    host.get_by_test_id("rule-review_first").click()
    expect(host.get_by_test_id("rule-review_first")).to_have_attribute("aria-checked", "true")
    say(viewer, "騙 子")
    expect(viewer.get_by_text("有些词不能发")).to_be_visible()
    say(viewer, "橙子甜不甜")
    expect(viewer.get_by_text("放行后大家就能看到")).to_be_visible()
    host.get_by_test_id("desk-held").click()
    host.get_by_test_id("held-line").filter(has_text="橙子甜不甜").get_by_test_id("let-through").click()
    expect(pest.get_by_test_id("chat-line").filter(has_text="橙子甜不甜")).to_be_visible()
    host.get_by_test_id("desk-people").click()
    host.get_by_test_id("lift").click()
    expect(pest.get_by_test_id("chat-input")).to_be_visible()
    host.get_by_test_id("desk-log").click()
    expect(host.get_by_test_id("log-entry").filter(has_text="广告")).to_be_visible()
    host.get_by_test_id("desk-rules").click()
    host.get_by_test_id("rule-review_first").click()
    close_sheet(host)

    # A question is asked, answered and pinned.
    viewer.get_by_test_id("open-talk").click()
    viewer.get_by_test_id("ask-input").fill("几天能到长沙？")
    viewer.get_by_test_id("ask-send").click()
    host.get_by_test_id("open-interact").click()
    asked = host.get_by_test_id("question").filter(has_text="几天能到长沙")
    asked.get_by_test_id("question-answer-open").click()
    asked.get_by_test_id("answer-input").fill("两天到")
    asked.get_by_test_id("answer-send").click()
    asked.get_by_test_id("question-pin").click()
    expect(viewer.get_by_test_id("question-answer")).to_contain_text("两天到")
    expect(pest.get_by_test_id("pinned-question")).to_contain_text("几天能到长沙")

    # An announcement and a poll.
    host.get_by_test_id("announcement-input").locator("input").fill("今晚九点抽奖，送五斤冰糖橙")
    host.get_by_test_id("announce").click()
    expect(pest.get_by_test_id("announcement")).to_contain_text("今晚九点抽奖")
    host.get_by_test_id("poll-question").locator("input").fill("下次想看什么？")
    host.get_by_test_id("poll-options").locator("input").fill("茶园 鱼塘 果园")
    host.get_by_test_id("open-poll").click()
    viewer.get_by_test_id("poll-option").filter(has_text="鱼塘").click()
    expect(host.get_by_test_id("poll-option").filter(has_text="鱼塘")).to_contain_text("100%")

    # Coupons: there is one, and one person has it.
    host.get_by_test_id("coupon-quota-less").click(click_count=19)
    host.get_by_test_id("drop-coupons").click()
    viewer.get_by_test_id("coupon-take").click()
    expect(viewer.get_by_test_id("coupon-take")).to_have_text("已领到")
    assert platform.database["coupons"].count_documents({}) == 1

    # A draw that this very phone checks afterwards.
    host.get_by_test_id("draw-prize").locator("input").fill("五斤冰糖橙")
    host.get_by_test_id("open-draw").click()
    viewer.get_by_test_id("draw-enter").click()
    expect(viewer.get_by_test_id("draw-enter")).to_contain_text("已参加")
    host.get_by_test_id("draw-now").click()
    expect(viewer.get_by_test_id("draw")).to_contain_text("恭喜")
    with viewer.context.expect_page() as opened:
        viewer.get_by_test_id("draw-check").click()
    checks = opened.value.get_by_test_id("fairness").locator("li")
    expect(checks).to_have_count(3)
    for number in range(3):
        expect(checks.nth(number)).to_have_attribute("data-ok", "true")
