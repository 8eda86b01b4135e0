"""WHIP and WHEP over HTTP, row by row: statuses, headers and problem documents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import aiohttp
import pytest

from tests.integration.media.clients import KEY, SDP, Client, HookServer
from tests.integration.media.conftest import Running

BEARER = {"Authorization": f"Bearer {KEY}"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
TRICKLE = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
NEW_CREDENTIALS = TRICKLE.replace("abcd", "efgh")


async def offer_of(client: Client) -> str:
    """What this client would post."""
    await client.pc.setLocalDescription(await client.pc.createOffer())
    return str(client.pc.localDescription.sdp)


async def problem(response: aiohttp.ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, checked."""
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = await response.json(content_type=None)
    assert (response.status, body["code"], body["status"]) == (status, code, status)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    return body


async def test_a_created_session_has_a_location_an_etag_and_an_ice_lite_answer(running: Running) -> None:
    # given
    offer = await offer_of(running.publisher())

    # when
    async with running.http.post(running.url("/whip/oranges"), data=offer, headers={**SDP, **BEARER}) as response:
        answer = await response.text()

    # then
    assert response.status == 201
    assert response.content_type == "application/sdp"
    assert response.headers["ETag"].startswith('"')
    assert response.headers["ETag"].endswith('"')
    assert len(response.headers["Location"].removeprefix("/whip/oranges/")) >= 32
    exposed = response.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in ("Location", "ETag", "Link", "Retry-After"))
    assert "a=ice-lite" in answer
    assert answer.count("a=recvonly") == 2
    assert "transport-cc" not in answer


async def test_a_location_leads_through_the_proxy_that_names_its_path(running: Running) -> None:
    offer = await offer_of(running.publisher())
    headers = {**SDP, **BEARER, "X-Forwarded-Prefix": "/media"}
    async with running.http.post(running.url("/whip/oranges"), data=offer, headers=headers) as response:
        assert response.headers["Location"].startswith("/media/whip/oranges/")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("v=0", {**SDP}, 401, "key_missing"),
        ("v=0", {**SDP, "Authorization": "Basic abc"}, 401, "key_missing"),
        ("v=0", {**BEARER, "Content-Type": "text/plain"}, 415, "unsupported_type"),
        ("", {**SDP, **BEARER}, 400, "bad_sdp"),
        ("v=0\r\n", {**SDP, **BEARER}, 400, "bad_sdp"),
        ("nonsense", {**SDP, **BEARER}, 400, "bad_sdp"),
        ("v=0\r\n" + "a=x\r\n" * 20_000, {**SDP, **BEARER}, 413, "body_too_large"),
    ],
)
async def test_what_is_no_offer_is_refused(
    running: Running, body: str, headers: dict[str, str], status: int, code: str
) -> None:
    async with running.http.post(running.url("/whip/oranges"), data=body.encode(), headers=headers) as response:
        await problem(response, status, code)
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("slug", "key", "status", "code"),
    [("oranges", "wrong", 403, "key_wrong"), ("nowhere", KEY, 404, "unknown_room")],
)
async def test_what_the_hook_refuses_is_refused(
    running: Running, slug: str, key: str, status: int, code: str
) -> None:
    offer = await offer_of(running.publisher())
    headers = {**SDP, "Authorization": f"Bearer {key}"}
    async with running.http.post(running.url(f"/whip/{slug}"), data=offer, headers=headers) as response:
        await problem(response, status, code)


async def test_a_hook_that_is_away_is_503_with_retry_after(running: Running, hook: HookServer) -> None:
    hook.is_broken = True
    offer = await offer_of(running.publisher())
    async with running.http.post(running.url("/whip/oranges"), data=offer, headers={**SDP, **BEARER}) as response:
        await problem(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0


async def test_several_tracks_of_a_kind_are_406(running: Running, hook: HookServer) -> None:
    # given
    host = running.publisher()
    host.pc.addTransceiver("video", direction="sendonly")
    offer = await offer_of(host)

    # when
    async with running.http.post(running.url("/whip/oranges"), data=offer, headers={**SDP, **BEARER}) as response:
        # then
        await problem(response, 406, "cannot_serve")
    assert not hook.calls  # no stream is begun for an offer that can't be served


@pytest.mark.parametrize("media_settings", [{"MAX_SESSIONS": "1"}], indirect=True)
async def test_a_node_that_is_full_says_503(running: Running) -> None:
    assert await running.publisher().connect() == 201
    assert await running.publisher("/whip/apples").connect() == 503


@pytest.mark.parametrize(
    "media_settings", [{"CONNECTING_PER_ADDRESS": "3", "TRUSTED_PROXY_HOPS": "1", "MAX_SESSIONS": "5"}], indirect=True
)
async def test_viewers_who_never_connect_lock_out_neither_others_nor_hosts(running: Running) -> None:
    # given
    assert await running.publisher().connect() == 201
    await running.heard.wait("publisher_joined")
    offer = await offer_of(running.viewer())

    async def play(client: str) -> aiohttp.ClientResponse:
        headers = {**SDP, "X-Forwarded-For": f"written by anybody, {client}"}
        async with running.http.post(running.url("/whep/oranges"), data=offer, headers=headers) as response:
            await response.read()
            return response

    # when
    statuses = [(await play("192.0.2.66")).status for _ in range(3)]
    refused = await play("192.0.2.66")

    # then
    assert statuses == [201, 201, 201]
    await problem(refused, 429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) > 0
    assert (await play("192.0.2.1")).status == 201
    assert (await play("192.0.2.2")).status == 503  # all five places are taken
    assert await running.publisher("/whip/apples").connect() == 201


async def test_a_viewer_without_a_host_hears_409_and_when_to_ask_again(running: Running) -> None:
    offer = await offer_of(running.viewer())
    async with running.http.post(running.url("/whep/oranges"), data=offer, headers=SDP) as response:
        await problem(response, 409, "not_live")
    assert int(response.headers["Retry-After"]) > 0


async def test_a_viewer_who_lacks_the_codec_is_406(running: Running) -> None:
    # given
    await running.publisher().connect()
    offer = (await offer_of(running.viewer())).replace("H264/90000", "H265/90000")

    # when
    async with running.http.post(running.url("/whep/oranges"), data=offer, headers=SDP) as response:
        # then
        await problem(response, 406, "cannot_serve")


async def test_options_allows_other_sites_and_names_what_may_be_posted(running: Running) -> None:
    async with running.http.options(running.url("/whip/oranges")) as response:
        assert response.status == 200
    assert response.headers["Accept-Post"] == "application/sdp"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"]


async def test_other_methods_are_405(running: Running) -> None:
    async with running.http.request("PUT", running.url("/whip/oranges")) as response:
        await problem(response, 405, "method_not_allowed")


async def patch(running: Running, host: Client, text: str, **headers: str) -> tuple[int, str, str]:
    """Send a fragment; status, ETag and body."""
    all_headers = {**FRAGMENT, **host.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
    async with running.http.patch(host.location, data=text, headers=all_headers) as response:
        return response.status, response.headers.get("ETag", ""), await response.text()


async def test_trickle_is_204_without_a_body(running: Running) -> None:
    host = running.publisher()
    await host.connect()
    trickle = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 61764 typ host\r\n"
    assert await patch(running, host, trickle, If_Match=host.etag) == (204, "", "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 428),
        ({"If_Match": '"stale"'}, 412),
        ({"If_Match": "*", "Content_Type": "text/plain"}, 415),
        ({"If_Match": "*", "Authorization": "Bearer wrong"}, 403),
        ({"If_Match": "*", "Authorization": ""}, 401),
    ],
)
async def test_a_patch_that_lacks_something_is_refused(
    running: Running, headers: dict[str, str], status: int
) -> None:
    host = running.publisher()
    await host.connect()
    assert (await patch(running, host, TRICKLE, **headers))[0] == status


async def test_an_ice_restart_gives_new_credentials_and_a_new_etag(running: Running) -> None:
    # given
    host = running.publisher()
    await host.connect()

    # when
    status, etag, body = await patch(running, host, NEW_CREDENTIALS, If_Match="*")

    # then
    assert status == 200
    assert etag not in ("", host.etag)
    assert "a=ice-ufrag:" in body
    assert "a=candidate:" in body
    assert (await patch(running, host, NEW_CREDENTIALS, If_Match=host.etag))[0] == 412
    await running.heard.wait("publisher_joined")  # the session lives on meanwhile


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 403), (KEY, 200)])
async def test_only_the_key_ends_a_publishing_session(running: Running, key: str, status: int) -> None:
    host = running.publisher()
    await host.connect()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with running.http.delete(host.location, headers=headers) as response:
        assert response.status == status


async def test_a_viewer_ends_his_session_and_a_second_delete_is_404(running: Running) -> None:
    # given
    await running.publisher().connect()
    viewer = running.viewer()
    await viewer.connect()

    # when
    assert await viewer.delete() == 200
    while running.node.resources.get(viewer.location.rsplit("/", 1)[1]):
        await running.http.get(running.url("/healthz"))

    # then
    assert await viewer.delete() == 404


async def test_health_readiness_and_metrics(running: Running) -> None:
    async with running.http.get(running.url("/healthz")) as response:
        assert response.status == 200
    async with running.http.get(running.url("/readyz")) as response:
        assert await response.json() == {"redis": True, "accepts": True}
    async with running.http.get(running.url("/metrics")) as response:
        text = await response.text()
    assert "dongting_media_packets_in_total 0.0" in text
    assert 'dongting_media_dropped_total{reason="junk"} 0.0' in text


TURN = {"TURN_URLS": "turn:t.example:3478?transport=udp,turn:t.example:3478?transport=tcp", "TURN_SECRET": "shared"}


@pytest.mark.parametrize("media_settings", [TURN], indirect=True)
async def test_turn_servers_are_told_with_passwords_that_end_and_not_on_a_preflight(running: Running) -> None:
    # given
    offer = await offer_of(running.publisher())

    # when
    async with running.http.post(running.url("/whip/oranges"), data=offer, headers={**SDP, **BEARER}) as response:
        links = response.headers.getall("Link")
    async with running.http.options(running.url("/whip/oranges")) as preflight:
        assert "Link" not in preflight.headers

    # then
    assert [link.split(";")[0] for link in links] == [f"<{url}>" for url in TURN["TURN_URLS"].split(",")]
    assert all('rel="ice-server"' in link and 'credential-type="password"' in link for link in links)
    user = links[0].split('username="')[1].split('"')[0]
    password = links[0].split('credential="')[1].split('"')[0]
    assert int(user.split(":")[0]) > time.time() + 3000
    assert base64.b64decode(password) == hmac.new(b"shared", user.encode(), hashlib.sha1).digest()
