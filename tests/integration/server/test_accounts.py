"""Signing in over HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from config.settings import ServerSettings
from server.accounts import service as accounts
from server.wiring import open_services
from tests.harness.app import Page, RunningServer
from tests.integration.server.conftest import PASSWORD, Stall

NewPage = Callable[[], Page]


async def test_a_viewer_registers_and_is_signed_in(new_page: NewPage) -> None:
    # given
    page = new_page()

    # when
    status, body = await page.ask(
        "POST",
        "/api/accounts",
        {"name": "LiMing", "password": "a long password", "display_name": "李明", "phone": "138 1234 5678"},
    )

    # then
    assert (status, body["user"]["roles"]) == (201, ["viewer"])
    assert "phone" not in body["user"]
    assert (await page.ask("GET", "/api/session"))[1]["user"]["name"] == "liming"


async def test_the_session_cookie_cannot_be_read_by_scripts(new_page: NewPage, stall: Stall) -> None:
    page = new_page()
    async with page.http.post("/api/session", json={"login": "zhanghong", "password": PASSWORD}) as response:
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


async def test_a_wrong_password_and_an_unknown_name_look_the_same(new_page: NewPage, stall: Stall) -> None:
    page = new_page()
    wrong = await page.ask("POST", "/api/session", {"login": "zhanghong", "password": "not the password"})
    unknown = await page.ask("POST", "/api/session", {"login": "nobody", "password": "not the password"})
    assert wrong == unknown
    assert (wrong[0], wrong[1]["code"]) == (401, "wrong_credentials")


async def test_whoever_steals_the_hashes_pays_64_mib_for_each_try_also_for_those_of_a_cheaper_time(
    server: RunningServer,
    stall: Stall,
    load_settings: Callable[[type[ServerSettings]], ServerSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given somebody whose hash is quick to make, as all are in tests
    kept = server.services.database["users"]
    user = {"_id": stall.host.id}
    assert extract_parameters((await kept.find_one(user) or {})["password_hash"]) != RFC_9106_LOW_MEMORY
    # when he signs in where hashes are made in earnest, and somebody else registers there
    monkeypatch.setattr(accounts, "PasswordHasher", PasswordHasher)
    async with open_services(load_settings(ServerSettings), with_sockets=False) as earnest:
        await earnest.accounts.sign_in("zhanghong", PASSWORD, "192.0.2.9")
        await earnest.accounts.register("liming", PASSWORD, "李明", None)
        # then
        hashes = [document["password_hash"] async for document in kept.find()]
        assert [extract_parameters(one) for one in hashes] == [RFC_9106_LOW_MEMORY] * 2
        assert await earnest.accounts.sign_in("zhanghong", PASSWORD, "192.0.2.9")


async def test_guessing_passwords_is_slowed(new_page: NewPage, stall: Stall) -> None:
    page = new_page()
    answers = [
        (await page.ask("POST", "/api/session", {"login": "zhanghong", "password": f"guess number {n}"}))[1]["code"]
        for n in range(12)
    ]
    assert answers[0] == "wrong_credentials"
    assert answers[-1] == "too_many_requests"


async def test_a_taken_name_and_a_taken_phone_are_told_apart(new_page: NewPage) -> None:
    page = new_page()
    first = {"name": "liming", "password": PASSWORD, "display_name": "李明", "phone": "13812345678"}
    await page.ask("POST", "/api/accounts", first)
    assert (await page.ask("POST", "/api/accounts", {**first, "phone": None}))[1]["code"] == "name_taken"
    assert (await page.ask("POST", "/api/accounts", {**first, "name": "other"}))[1]["code"] == "phone_taken"


async def test_signing_out_voids_the_cookie(new_page: NewPage, stall: Stall) -> None:
    # given
    page, thief = new_page(), new_page()
    await page.sign_in("zhanghong", PASSWORD)
    thief.http.cookie_jar.update_cookies({c.key: c.value for c in page.http.cookie_jar})

    # when
    await page.ask("DELETE", "/api/session")

    # then
    assert (await thief.ask("GET", "/api/session"))[1] == {"user": None}


async def test_another_sites_form_cannot_act_for_the_user(new_page: NewPage, stall: Stall) -> None:
    page = new_page()
    await page.sign_in("zhanghong", PASSWORD)
    status, body = await page.ask(
        "POST", "/api/my/room/stream-key", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    )
    assert (status, body["code"]) == (403, "cross_site")


async def test_a_forged_cookie_is_nobody(new_page: NewPage, stall: Stall) -> None:
    page = new_page()
    status, body = await page.ask("GET", "/api/my/room", headers={"Cookie": "dongting_session=forged"})
    assert (status, body["code"]) == (401, "sign_in_required")


async def test_malformed_and_oversized_bodies_are_told_apart(new_page: NewPage) -> None:
    page = new_page()
    async with page.http.post("/api/session", data=b"{not json") as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (400, "bad_request")
    async with page.http.post("/api/session", data=io.BytesIO(b"x" * 2_000_000)) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (413, "body_too_large")
    assert (await page.ask("GET", "/api/nothing"))[1]["code"] == "not_found"


async def test_guessing_at_a_login_that_looks_like_an_address_locks_nobody_out(
    new_page: NewPage, stall: Stall
) -> None:
    page = new_page()
    for number in range(9):
        status, _ = await page.ask(
            "POST", "/api/session", {"login": "127.0.0.1", "password": f"guess number {number}"}
        )
        assert status in (401, 429)
    await page.sign_in("zhanghong", PASSWORD)


async def test_what_is_asked_is_counted_by_its_route(new_page: NewPage, stall: Stall) -> None:
    # given
    page = new_page()
    await page.ask("GET", "/api/rooms/zhang")
    await page.ask("GET", "/api/rooms/nowhere")

    # when
    async with page.http.get("/metrics") as response:
        told = await response.text()

    # then
    assert 'dongting_http_requests_total{method="GET",route="/api/rooms/{slug}",status="200"} 1.0' in told
    assert 'dongting_http_requests_total{method="GET",route="/api/rooms/{slug}",status="404"} 1.0' in told
