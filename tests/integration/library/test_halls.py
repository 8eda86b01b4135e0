"""Halls over HTTP: operators build them, everybody looks at those that are open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from server.accounts.model import Role
from server.showroom.model import BUILT_IN
from tests.harness.app import Page, RunningServer
from tests.harness.halls import make_panorama
from tests.integration.library.conftest import PASSWORD, Farm

Json = dict[str, Any]


def hall_of(farm: Farm, **changes: object) -> Json:
    booth = {"merchant_id": farm.room.merchant_id, "yaw": 30.5, "pitch": -5.0}
    asked: Json = {"title": "秋收展厅", "county": "岳阳", "season": "autumn"}
    return {**asked, "panorama_id": "lake-pavilion", "booths": [booth], **changes}


@pytest_asyncio.fixture
async def operator(server: RunningServer) -> AsyncIterator[Page]:
    """A browser in which an operator is signed in."""
    await server.services.accounts.register(
        "operator", PASSWORD, "站长", None, roles=frozenset({Role.VIEWER, Role.OPERATOR})
    )
    async with Page.open(server.url) as page:
        await page.sign_in("operator", PASSWORD)
        yield page


@pytest_asyncio.fixture
async def host(server: RunningServer, farm: Farm) -> AsyncIterator[Page]:
    """The host's browser."""
    async with Page.open(server.url) as page:
        await page.sign_in(farm.host.name, PASSWORD)
        yield page


async def test_an_operator_builds_a_hall_opens_it_and_tears_it_down(farm: Farm, operator: Page, page: Page) -> None:
    # when: it is built, on a panorama of the platform's own
    status, hall = await operator.ask("POST", "/api/halls", hall_of(farm))

    # then: only operators see it
    assert (status, hall["open"], hall["version"]) == (201, False, 1)
    address = f"/api/halls/{hall['id']}"
    assert (await page.ask("GET", address))[0] == 404
    assert (await page.ask("GET", "/api/halls"))[1]["items"] == []
    assert [one["id"] for one in (await operator.ask("GET", "/api/halls"))[1]["items"]] == [hall["id"]]

    # when
    opened = hall_of(farm, open=True, title="年货馆", season="winter", version=1)
    status, hall = await operator.ask("PUT", address, opened)

    # then: everybody does, and can load its tiles
    assert (status, hall["version"], hall["season"]) == (200, 2, "winter")
    _, seen = await page.ask("GET", address)
    assert (seen["title"], seen["county"]) == ("年货馆", "岳阳")
    [booth] = seen["booths"]
    assert (booth["merchant_name"], booth["yaw"], booth["pitch"]) == ("华容果业合作社", 30.5, -5.0)
    assert (booth["room_slug"], booth["live"], len(booth["products"])) == ("zhang", False, 2)
    panorama = seen["panorama"]
    assert panorama["levels"] == [2048, 4096]
    for url in (panorama["base_url"], panorama["cover_url"], panorama["tiles_url"] + "1/7-3.webp"):
        async with page.http.get(url) as picture:
            assert (picture.status, picture.content_type) == (200, "image/webp")

    # when: the other operator's page still shows the first version
    status, problem = await operator.ask("PUT", address, hall_of(farm, version=1))

    # then: it overwrites nothing
    assert (status, problem["code"]) == (409, "conflict")
    assert (await page.ask("GET", address))[1]["title"] == "年货馆"

    # when
    assert (await operator.ask("DELETE", address))[0] == 204

    # then
    assert (await page.ask("GET", address))[0] == 404
    assert (await operator.ask("DELETE", address))[0] == 404


async def test_a_hall_of_many_booths_asks_the_database_as_seldom_as_a_small_one(
    farm: Farm, operator: Page, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    services = farm.server.services
    others = [await services.catalog.add_merchant(f"商家{number}", "") for number in range(5)]
    booths = [{"merchant_id": one, "yaw": 0, "pitch": 0} for one in (farm.room.merchant_id, *(m.id for m in others))]
    seen, asked = [], []

    # when
    for some in (booths[:1], booths):
        _, hall = await operator.ask("POST", "/api/halls", hall_of(farm, open=True, booths=some))
        await services.database.command("profile", 2)
        seen.append((await page.ask("GET", f"/api/halls/{hall['id']}"))[1])
        await services.database.command("profile", 0)
        of_goods = {"ns": {"$in": [f"{services.database.name}.{name}" for name in ("products", "merchants")]}}
        asked.append(await services.database["system.profile"].count_documents(of_goods))
        await services.database["system.profile"].drop()

    # then
    assert 0 < asked[0] == asked[1]
    assert [len(booth["products"]) for booth in seen[1]["booths"]] == [2, 0, 0, 0, 0, 0]

    # and: of very many products a booth shows the newest
    monkeypatch.setattr("server.showroom.service.PRODUCTS_PER_BOOTH", 1)
    _, hall = await page.ask("GET", f"/api/halls/{hall['id']}")
    assert [product["id"] for product in hall["booths"][0]["products"]] == [seen[1]["booths"][0]["products"][0]["id"]]


async def test_nobody_else_builds_halls(farm: Farm, host: Page, page: Page) -> None:
    for method, path in (("POST", "/api/halls"), ("PUT", "/api/halls/x"), ("DELETE", "/api/halls/x")):
        assert (await page.ask(method, path, hall_of(farm)))[0] == 401
        assert (await host.ask(method, path, hall_of(farm)))[0] == 403
    for method in ("GET", "POST"):
        assert (await host.ask(method, "/api/panoramas"))[0] == 403


async def test_a_plan_that_makes_no_sense_is_refused(farm: Farm, operator: Page) -> None:
    stranger = {"merchant_id": "nobody", "yaw": 0, "pitch": 0}
    for wrong in (
        {"booths": [stranger]},
        {"booths": [{**stranger, "yaw": 181}]},
        {"booths": [{**stranger, "yaw": "left"}]},
        {"season": "monsoon"},
        {"title": ""},
        {"county": " "},
        {"scene_url": "https://elsewhere.example"},
    ):
        status, problem = await operator.ask("POST", "/api/halls", hall_of(farm, **wrong))
        assert (status, problem["code"]) == (400, "bad_request"), wrong
    status, problem = await operator.ask("PUT", "/api/halls/x", hall_of(farm, version=2**63))
    assert (status, problem["code"]) == (400, "bad_request")
    status, problem = await operator.ask("POST", "/api/halls", hall_of(farm, panorama_id="moon"))
    assert (status, problem["code"]) == (404, "not_found")


async def test_an_uploaded_panorama_can_be_chosen(farm: Farm, operator: Page) -> None:
    # when
    status, panorama = await operator.ask("POST", "/api/panoramas?title=晒谷场", data=make_panorama())

    # then
    assert (status, panorama["title"], panorama["levels"]) == (201, "晒谷场", [2048])
    _, listed = await operator.ask("GET", "/api/panoramas")
    assert [one["id"] for one in listed["items"]] == [*BUILT_IN, panorama["id"]]
    status, hall = await operator.ask("POST", "/api/halls", hall_of(farm, panorama_id=panorama["id"]))
    assert (status, hall["panorama"]) == (201, panorama)

    # and: what is none is refused
    status, problem = await operator.ask("POST", "/api/panoramas?title=照片", data=make_panorama(2048, 2048))
    assert (status, problem["code"]) == (415, "not_a_panorama")
    status, problem = await operator.ask("POST", "/api/panoramas?title=", data=make_panorama())
    assert (status, problem["code"]) == (400, "bad_request")


async def test_an_uploaded_panorama_goes_with_its_tiles_once_no_hall_stands_in_it(farm: Farm, operator: Page) -> None:
    # given
    _, panorama = await operator.ask("POST", "/api/panoramas?title=晒谷场", data=make_panorama())
    _, hall = await operator.ask("POST", "/api/halls", hall_of(farm, panorama_id=panorama["id"]))
    path = f"/api/panoramas/{panorama['id']}"
    tiles = panorama["tiles_url"].removeprefix("/files/")
    objects = farm.server.services.objects

    # then
    assert (await operator.ask("DELETE", path))[1]["code"] == "panorama_in_use"
    assert await objects.list_keys(tiles)

    # when
    await operator.ask("DELETE", f"/api/halls/{hall['id']}")
    assert (await operator.ask("DELETE", path))[0] == 204

    # then
    assert await objects.list_keys(tiles) == []
    assert panorama["id"] not in [one["id"] for one in (await operator.ask("GET", "/api/panoramas"))[1]["items"]]
    assert (await operator.ask("DELETE", path))[0] == 404
    assert (await operator.ask("DELETE", f"/api/panoramas/{next(iter(BUILT_IN))}"))[0] == 404


async def test_a_merchant_says_who_he_is_in_plain_text(farm: Farm, host: Page, operator: Page, page: Page) -> None:
    # given
    _, hall = await operator.ask("POST", "/api/halls", hall_of(farm, open=True))
    said = "<script>alert(1)</script>三代人种橙\u202e\u0000\r\n\r\n<b>不打蜡</b>"

    # when
    status, merchant = await host.ask("PATCH", "/api/my/merchant", {"summary": said})

    # then: characters stay characters, what cannot be seen or turns the writing round is gone
    told = "<script>alert(1)</script>三代人种橙\n\n<b>不打蜡</b>"
    assert (status, merchant["summary"]) == (200, told)
    assert (await host.ask("GET", "/api/my/merchant"))[1] == merchant
    _, seen = await page.ask("GET", f"/api/halls/{hall['id']}")
    assert seen["booths"][0]["summary"] == told
    _, found = await page.ask("GET", "/api/merchants?q=华容")
    assert found["items"] == [merchant]
    assert (await page.ask("GET", f"/api/merchants/{merchant['id']}"))[1] == merchant
    assert (await page.ask("GET", "/api/merchants/nobody"))[0] == 404
    assert (await host.ask("PATCH", "/api/my/merchant", {"summary": "长" * 2001}))[0] == 400
    assert (await page.ask("PATCH", "/api/my/merchant", {"summary": ""}))[0] == 401


async def test_an_inspection_report_stands_beside_its_product(farm: Farm, host: Page, page: Page) -> None:
    # given
    address = f"/api/my/products/{farm.oranges.id}"
    status, report = await host.ask("POST", "/api/reports", data=b"%PDF-1.7\n%%EOF")
    assert status == 201

    # when
    status, product = await host.ask("PATCH", address, report)

    # then
    assert (status, product["report_url"]) == (200, report["report_url"])
    async with page.http.get(report["report_url"]) as pdf:
        assert (pdf.status, pdf.content_type) == (200, "application/pdf")

    # and: a photograph of it does as well, anything else does not
    status, photograph = await host.ask("POST", "/api/reports", data=make_panorama())
    assert (status, photograph["report_url"].endswith(".webp")) == (201, True)
    status, problem = await host.ask("POST", "/api/reports", data=b"MZ\x90")
    assert (status, problem["code"]) == (415, "not_a_report")
    assert (await page.ask("POST", "/api/reports", data=b"%PDF-1.7"))[0] == 401

    # and: it can be taken away
    status, product = await host.ask("PATCH", address, {"report_url": ""})
    assert (status, product["report_url"]) == (200, None)
