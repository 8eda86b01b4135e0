"""An operator builds a hall, a merchant writes for his booth, a visitor looks round."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import sign_in
from tests.browser.test_operators import OPERATOR, add_operator
from tests.harness.halls import make_panorama
from tests.harness.platform import HOST, Platform

pytestmark = [pytest.mark.long, pytest.mark.processes("server")]


def test_a_hall_is_built_on_an_uploaded_panorama_and_visited(platform: Platform, open_page: OpenPage) -> None:
    # given a merchant who says who he is and shows a report
    add_operator(platform)
    host, operator, visitor = open_page(), open_page(), open_page()
    sign_in(host, HOST, "/me")
    host.get_by_test_id("to-booth").click()
    host.get_by_test_id("own-words").fill("三代人种橙，<b>不打蜡</b>")
    host.get_by_test_id("save-words").click()
    expect(host.get_by_test_id("save-words")).to_have_text("没有改动")
    oranges = host.get_by_test_id("own-product").filter(has_text="冰糖橙")
    oranges.get_by_test_id("report-file").set_input_files(
        {"name": "report.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n%%EOF"}
    )
    expect(oranges.get_by_role("link", name="检测报告")).to_be_visible()
    for _ in range(2):  # the first tap asks
        oranges.get_by_test_id("withdraw").click()
    expect(oranges.get_by_test_id("withdrawn")).to_be_visible()
    oranges.get_by_test_id("sell-again").click()
    expect(oranges.get_by_test_id("withdrawn")).to_have_count(0)

    # when an operator uploads a panorama, turns it and places the merchant's booth in the middle
    sign_in(operator, OPERATOR, "/operator/halls")
    operator.get_by_test_id("build-hall").click()
    operator.get_by_label("展厅名字").fill("橙园")
    operator.get_by_label("哪个地方").fill("华容")
    operator.get_by_text("冬季", exact=True).click()
    panorama: FilePayload = {"name": "橙园航拍.jpg", "mimeType": "image/jpeg", "buffer": make_panorama(4096, 2048)}
    operator.get_by_test_id("add-panorama").set_input_files(panorama)
    expect(operator.get_by_test_id("panorama")).to_have_count(3)
    scene = operator.get_by_role("region", name="橙园")
    expect(scene.locator(".sphere.ready")).to_be_visible()
    # keys that turn the scene are letters and arrows elsewhere
    operator.get_by_label("哪个地方").press("End")
    for key in ("-", "ArrowLeft", "1"):
        operator.keyboard.press(key)
    expect(operator.get_by_label("哪个地方")).to_have_value("华容1-")
    operator.get_by_label("哪个地方").fill("华容")
    operator.get_by_test_id("place-booth").click()
    operator.get_by_test_id("merchant").filter(has_text="华容果业合作社").click()
    expect(operator.get_by_test_id("planned-booth")).to_contain_text("左右 0°，上下 0°")
    operator.get_by_test_id("hall-open").check()
    operator.get_by_test_id("save-hall").click()
    expect(operator.get_by_test_id("save-hall")).to_have_text("没有改动")

    # then a visitor finds it by its county, and sees the same in the scene and as a list
    visitor.goto("/halls")
    visitor.get_by_test_id("county").filter(has_text="华容").click()
    visitor.get_by_role("link", name="橙园").click()
    scene = visitor.get_by_role("region", name="橙园")
    expect(scene.locator(".sphere.ready")).to_be_visible()
    scene.get_by_role("button", name="华容果业合作社").click()
    sheet = visitor.get_by_role("dialog", name="华容果业合作社")
    expect(sheet).to_contain_text("三代人种橙，<b>不打蜡</b>")
    expect(sheet.get_by_test_id("report")).to_have_count(1)
    expect(sheet.get_by_test_id("talk")).to_contain_text("找他聊聊")
    # and from the booth the way to a product, which has a page of its own with the merchant's words
    sheet.get_by_role("link", name="冰糖橙", exact=True).click()
    expect(visitor.get_by_test_id("product")).to_contain_text("三代人种橙，<b>不打蜡</b>")
    expect(visitor.get_by_test_id("report")).to_have_count(1)
    visitor.get_by_test_id("buy-product").click()
    expect(visitor.get_by_test_id("buy-total")).to_contain_text("39.9")
    visitor.get_by_test_id("put-in-cart").click()
    expect(visitor.get_by_test_id("cart-count")).to_have_text("1")
    visitor.get_by_test_id("product-tile").filter(has_text="君山银针").click()
    expect(visitor.get_by_test_id("product-price")).to_contain_text("168")
    visitor.go_back()
    visitor.go_back()
    visitor.get_by_role("button", name="列表").click()
    expect(visitor.get_by_role("listitem").filter(has_text="三代人种橙")).to_have_count(1)

    # when it is moved and somebody else's change was first, nothing of theirs is overwritten
    second = operator.context.new_page()
    second.goto(operator.url)
    second.get_by_label("展厅名字").fill("橙园的秋天")
    second.get_by_test_id("save-hall").click()
    expect(second.get_by_test_id("save-hall")).to_have_text("没有改动")
    operator.get_by_label("展厅名字").fill("别的名字")
    operator.get_by_test_id("save-hall").click()
    expect(operator.get_by_text("刚刚有变化")).to_be_visible()

    # and what was not saved is not lost: leaving asks first, and it is there again
    second.get_by_label("哪个地方").fill("湘阴")
    second.once("dialog", lambda dialog: dialog.dismiss())
    second.get_by_role("link", name="去看看").click()
    expect(second.get_by_label("哪个地方")).to_have_value("湘阴")
    second.once("dialog", lambda dialog: dialog.accept())
    second.get_by_role("link", name="去看看").click()
    expect(second.get_by_test_id("hall-form")).to_have_count(0)
    second.go_back()
    expect(second.get_by_test_id("resumed")).to_be_visible()
    expect(second.get_by_label("哪个地方")).to_have_value("湘阴")
    second.get_by_test_id("discard").click()
    second.get_by_test_id("discard").click()
    expect(second.get_by_label("哪个地方")).to_have_value("华容")
    visitor.goto("/halls")
    expect(visitor.get_by_role("link", name="橙园的秋天")).to_be_visible()
