"""WHIP (RFC 9725) and WHEP, row by row of what a strict endpoint does: each test quotes its row's demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import inspect
import socket
import time
from collections.abc import Mapping

import pytest
from multidict import CIMultiDict
from yarl import URL

from config.bus import Bus
from media.http import find_resource
from media.rtp.choice import MAIN_RID
from media.sdp import parse_fragment
from tests.integration.media.asking import (
    BEARER,
    CANDIDATES,
    FRAGMENT,
    ask,
    live,
    new_credentials,
    other_node,
    patch,
    post,
)
from tests.integration.media.clients import SDP, WAIT_SECONDS, HookServer, until
from tests.integration.media.conftest import Running
from tests.unit.media.test_ice import check, reply

TURN = {"TURN_URLS": "turn:t.example:3478?transport=udp,turn:t.example:3478?transport=tcp", "TURN_SECRET": "shared"}


# -- 1


@pytest.mark.parametrize("endpoint", ["whip", "whep"])
async def test_row_01_a_session_is_created(running: Running, endpoint: str) -> None:
    """`POST` of `application/sdp` → 201, `Content-Type: application/sdp`, `Location`, a strong quoted `ETag`."""
    # given
    await live(running, viewers=0)
    path = "/whip/apples" if endpoint == "whip" else "/whep/oranges"
    client = running.publisher() if endpoint == "whip" else running.viewer()

    # when
    answer = await post(running, path, await client.offer())

    # then
    assert (answer.status, answer.content_type) == (201, "application/sdp")
    tag = answer.headers["ETag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    assert answer.headers["Location"].startswith(f"{path}/")
    assert answer.text.startswith("v=0\r\n")
    assert "a=ice-lite" in answer.text
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in ("Location", "ETag", "Link", "Retry-After"))


async def test_row_01_a_location_cannot_be_guessed(running: Running) -> None:
    """`Location` (unguessable)."""
    offer = await running.publisher().offer()
    answers = [await post(running, f"/whip/room{number}", offer) for number in range(3)]
    names = {answer.headers["Location"].rpartition("/")[2] for answer in answers}
    assert len(names) == 3
    assert all(len(name) >= 32 for name in names)  # 24 random bytes


async def test_row_01_a_location_leads_through_the_proxy_that_names_its_path(running: Running) -> None:
    """`Location` that the client can use: also below a path of a proxy."""
    answer = await post(running, "/whip/oranges", await running.publisher().offer(), X_Forwarded_Prefix="/media")
    assert answer.headers["Location"].startswith("/media/whip/oranges/")


# -- 2


@pytest.mark.parametrize("endpoint", ["/whip/oranges", "/whep/oranges"])
@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("v=0", {"Content-Type": "text/plain"}, 415, "unsupported_type"),
        ("v=0", {"Content-Type": "application/json"}, 415, "unsupported_type"),
        ("", {}, 400, "bad_sdp"),
        ("v=0\r\n", {}, 400, "bad_sdp"),
        ("nonsense", {}, 400, "bad_sdp"),
        ("v=0\r\n" + "a=x\r\n" * 20_000, {}, 413, "body_too_large"),
    ],
)
async def test_row_02_what_is_no_offer_is_refused(
    running: Running, endpoint: str, body: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Wrong content type → 415; malformed or empty SDP → 400; oversized body → 413."""
    answer = await post(running, endpoint, body, **headers)
    assert answer.is_problem(status, code)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# -- 3


async def test_row_03_two_tracks_of_a_kind_are_refused(running: Running, hook: HookServer) -> None:
    """More than one track of a kind → 406, never a partial answer."""
    host = running.publisher()
    host.pc.addTransceiver("video", direction="sendonly")
    assert (await post(running, "/whip/oranges", await host.offer())).is_problem(406, "cannot_serve")
    assert not hook.calls  # no stream is begun for an offer that can't be served


async def test_row_03_a_track_that_cannot_be_served_refuses_all(running: Running) -> None:
    """An m-line that can't be served → 406, never a partial answer."""
    host = running.publisher()
    host.pc.createDataChannel("chat")
    assert (await post(running, "/whip/oranges", await host.offer())).is_problem(406, "cannot_serve")
    unknown = (await running.publisher().offer()).replace("opus/48000", "speex/48000")
    assert (await post(running, "/whip/oranges", unknown)).is_problem(406, "cannot_serve")


async def test_row_03_a_viewer_who_lacks_the_codec_is_refused(running: Running) -> None:
    """An m-line that can't be served → 406: so for viewers."""
    await live(running, viewers=0)
    offer = (await running.viewer().offer()).replace("H264/90000", "H265/90000")
    assert (await post(running, "/whep/oranges", offer)).is_problem(406, "cannot_serve")


# -- 4


@pytest.mark.parametrize(
    ("offered", "answered"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
async def test_row_04_every_setup_connects(running: Running, offered: str, answered: str) -> None:
    """Offers with `a=setup:passive`, `active` and `actpass` all work (FFmpeg offers `passive`)."""
    # given
    host, viewer = running.publisher(), running.viewer()

    # when: for a host and for a viewer
    assert await host.connect(lambda sdp: sdp.replace("a=setup:actpass", f"a=setup:{offered}")) == 201
    await running.heard.wait("publisher_joined")
    assert await viewer.connect(lambda sdp: sdp.replace("a=setup:actpass", f"a=setup:{offered}")) == 201

    # then
    assert f"a=setup:{answered}" in host.pc.remoteDescription.sdp
    await viewer.sees(video=2, audio=2)


# -- 5


@pytest.mark.parametrize("endpoint", ["whip", "whep"])
async def test_row_05_a_get_is_2xx_without_content(running: Running, endpoint: str) -> None:
    """`GET` on an endpoint or session → 2xx without content (RFC 9725, 4.1)."""
    host, viewer = await live(running)
    client = host if endpoint == "whip" else viewer
    for url in (f"/{endpoint}/oranges", client.location):
        answer = await ask(running, "GET", url, **client.headers)
        assert (answer.status, answer.text) == (204, "")


@pytest.mark.parametrize("media_settings", [TURN], indirect=True)
@pytest.mark.parametrize("endpoint", ["/whip/oranges", "/whep/oranges"])
async def test_row_05_options_names_what_may_be_posted_and_mints_nothing(running: Running, endpoint: str) -> None:
    """`OPTIONS` → CORS and `Accept-Post: application/sdp`, and no TURN credentials minted on a preflight."""
    wanted = {"Access_Control_Request_Method": "POST", "Origin": "https://elsewhere.example"}
    answer = await ask(running, "OPTIONS", endpoint, **wanted)
    assert answer.status == 200
    assert answer.headers["Accept-Post"] == "application/sdp"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert all(method in answer.headers["Access-Control-Allow-Methods"] for method in ("POST", "PATCH", "DELETE"))
    assert "Link" not in answer.headers


async def test_row_05_other_methods_are_405(running: Running) -> None:
    """Methods that nobody defined → 405."""
    assert (await ask(running, "PUT", "/whip/oranges")).is_problem(405, "method_not_allowed")


# -- 6


async def test_row_06_trickle_is_204_whatever_the_candidates(running: Running) -> None:
    """Trickle → 204, no body, no ETag; candidates that can't be used are dropped silently."""
    host, viewer = await live(running)
    for client in (host, viewer):
        answer = await patch(running, client, CANDIDATES, If_Match=client.etag)
        assert (answer.status, answer.text) == (204, "")
        assert "ETag" not in answer.headers
    await viewer.sees(video=3)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (CANDIDATES, {}, 428),
        (CANDIDATES, {"If_Match": '"stale"'}, 412),
        (CANDIDATES, {"If_Match": 'W/"stale", "old"'}, 412),
        (CANDIDATES, {"If_Match": "*", "Content-Type": "application/sdp"}, 415),
        ("", {"If_Match": "*"}, 400),
        ("nonsense", {"If_Match": "*"}, 400),
    ],
)
async def test_row_06_a_patch_that_lacks_something_is_refused(
    running: Running, body: str, headers: dict[str, str], status: int
) -> None:
    """No `If-Match` → 428; stale → 412; wrong type → 415."""
    host, _ = await live(running)
    assert (await patch(running, host, body, **headers)).status == status


async def test_row_06_tags_in_several_lines_are_one_list(running: Running) -> None:
    """RFC 9110 5.3: a proxy may split a list, or join it."""
    # given
    host, _ = await live(running)
    headers = CIMultiDict({**FRAGMENT, **BEARER})
    for tag in ('"old"', host.etag):
        headers.add("If-Match", tag)

    # when
    async with running.http.patch(host.location, data=CANDIDATES.encode(), headers=headers) as answer:
        # then
        assert answer.status == 204


# -- 7


@pytest.mark.parametrize("tag", ["*", '"*"', "the current one"])
async def test_row_07_an_ice_restart_gives_new_credentials(running: Running, tag: str) -> None:
    """`PATCH` with `If-Match: "*"` and new ufrag/pwd → 200, an sdpfrag and a new ETag: an ICE restart."""
    # given
    host, viewer = await live(running)
    before = running.node.resources[viewer.location.rpartition("/")[2]].session.credentials

    # when
    answer = await patch(running, viewer, new_credentials(), If_Match=viewer.etag if tag not in '*"*"' else tag)

    # then
    assert (answer.status, answer.content_type) == (200, "application/trickle-ice-sdpfrag")
    assert answer.headers["ETag"] not in ("", viewer.etag)
    assert parse_fragment(answer.text).ice_ufrag not in (None, before.ufrag)
    assert "a=candidate:" in answer.text
    for line in ("a=ice-lite", "a=ice-options:"):  # RFC 9725: the same as in the answer
        assert line in answer.text
        assert line in viewer.pc.remoteDescription.sdp
    assert (await patch(running, viewer, CANDIDATES, If_Match=viewer.etag)).status == 412
    assert (await patch(running, viewer, CANDIDATES, If_Match=answer.headers["ETag"])).status == 204
    assert (await patch(running, host, CANDIDATES, If_Match=host.etag)).status == 204  # another session


async def test_row_07_a_failed_restart_leaves_the_old_session_alive(running: Running) -> None:
    """A failed restart leaves the old session alive."""
    # given
    _, viewer = await live(running)

    # when: one that lacks its password, and one whose client never comes
    refused = await patch(running, viewer, "a=ice-ufrag:abcd\r\n", If_Match="*")
    unused = await patch(running, viewer, new_credentials(), If_Match="*")

    # then
    assert (refused.status, unused.status) == (400, 200)
    await viewer.sees(video=10, audio=10)
    assert await viewer.delete() == 200


async def test_row_07_media_follows_to_the_network_of_the_restart(running: Running) -> None:
    """Phones change network: this is the feature that keeps a farmer's broadcast going."""
    # given
    _, viewer = await live(running)
    session = running.node.resources[viewer.location.rpartition("/")[2]].session
    fragment = new_credentials()
    pwd = parse_fragment(fragment).ice_pwd
    assert pwd is not None

    # when: his new network's checks carry the new credentials
    assert (await patch(running, viewer, fragment, If_Match="*")).status == 200
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mobile:
        mobile.setblocking(False)
        mobile.connect(("127.0.0.1", running.node.udp_port))
        mobile.send(check(session.credentials, nominate=True, theirs=parse_fragment(fragment).ice_ufrag or ""))

        # then
        got = bytearray()
        async with asyncio.timeout(WAIT_SECONDS):
            while not 127 < (got[0] if got else 0) < 192:
                got = bytearray(await asyncio.get_running_loop().sock_recv(mobile, 2048))
                if got[:2] == b"\x00\x01":
                    mobile.send(reply(bytes(got), pwd, mobile.getsockname()))


# -- 8


async def test_row_08_a_delete_ignores_etags(running: Running) -> None:
    """`DELETE` → 200, ignores ETags; answer first, close the peer afterwards."""
    # given
    host, viewer = await live(running)

    # when
    for client in (viewer, host):
        answer = await ask(running, "DELETE", client.location, **client.headers, If_Match='"stale"')
        assert (answer.status, answer.text) == (200, "")

    # then
    await until(lambda: not running.node.resources, "both to be closed")
    assert (await ask(running, "DELETE", viewer.location)).is_problem(404, "unknown_session")
    await until(lambda: viewer.pc.getReceivers()[0].transport.state == "closed", "the viewer's DTLS to close")


@pytest.mark.parametrize("media_settings", [{"CONSENT_TIMEOUT_SECONDS": "1"}], indirect=True)
async def test_row_08_consent_that_expires_ends_the_session(running: Running) -> None:
    """Consent that expires (RFC 7675) ends the session: here the viewer's; the host has proved that he lives."""
    await live(running)  # aiortc renews every five seconds
    await until(lambda: len(running.node.resources) == 1, "the viewer to be closed")
    assert running.node.streams["oranges"].state == "live"
    assert running.heard.names() == ["publisher_joined"]


# -- 9


@pytest.mark.parametrize("media_settings", [TURN], indirect=True)
async def test_row_09_turn_servers_are_told_with_passwords_that_end(running: Running) -> None:
    """`Link: <turn:…>; rel="ice-server"; username=…; credential=…` on the 201, short-lived."""
    # given
    await live(running, viewers=0)

    # when
    for path, client in (("/whip/apples", running.publisher()), ("/whep/oranges", running.viewer())):
        answer = await post(running, path, await client.offer())
        links = [link for link in answer.headers.getall("Link") if "ice-server" in link]

        # then
        assert [link.split(";")[0] for link in links] == [f"<{url}>" for url in TURN["TURN_URLS"].split(",")]
        assert all('rel="ice-server"' in link and 'credential-type="password"' in link for link in links)
        user = links[0].split('username="')[1].split('"')[0]
        password = links[0].split('credential="')[1].split('"')[0]
        assert time.time() + 3000 < int(user.split(":")[0]) < time.time() + 4000
        assert base64.b64decode(password) == hmac.new(b"shared", user.encode(), hashlib.sha1).digest()


@pytest.mark.parametrize(
    "media_settings", [{"TURN_URLS": "stun:t.example:3478", "TURN_SECRET": "shared"}], indirect=True
)
async def test_row_09_a_stun_server_needs_no_password(running: Running) -> None:
    """`Link: …; rel="ice-server"`: credentials are for TURN."""
    answer = await post(running, "/whip/oranges", await running.publisher().offer())
    assert answer.headers.getall("Link") == ['<stun:t.example:3478>; rel="ice-server"']


# -- 10


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("token", "status", "code"),
    [("", 401, "key_missing"), ("Basic abc", 401, "key_missing"), ("Bearer wrong", 403, "key_wrong")],
)
async def test_row_10_the_token_is_checked_on_every_request(
    running: Running, method: str, token: str, status: int, code: str
) -> None:
    """The bearer token is checked on every request. Missing → 401 with `WWW-Authenticate`, wrong → 403."""
    # given
    host, viewer = await live(running)
    headers: Mapping[str, str] = {**FRAGMENT, "If-Match": "*", **({"Authorization": token} if token else {})}

    # when
    answers = [await ask(running, method, host.location, new_credentials(), **headers)]
    if method == "GET":
        offer = await running.publisher().offer()
        own = {"Authorization": token} if token else {}
        answers.append(await ask(running, "POST", "/whip/oranges", offer, **{**SDP, **own}))

    # then
    for answer in answers:
        assert answer.is_problem(status, code)
        assert (answer.headers.get("WWW-Authenticate") == "Bearer") is (status == 401)
    await viewer.sees(video=3)


async def test_row_10_a_token_that_is_no_text_is_wrong(running: Running) -> None:
    """Wrong → 403, whatever its bytes are."""
    # given
    host, _ = await live(running)
    path = URL(host.location).path
    reader, writer = await asyncio.open_connection("127.0.0.1", running.node.http_port)

    # when
    lines = (f"DELETE {path} HTTP/1.1", "Host: localhost", "Connection: close", "Authorization: Bearer ")
    writer.write("\r\n".join(lines).encode() + b"\xff\xfe\r\n\r\n")
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()

    # then
    assert b" 403 " in status


async def test_row_10_rooms_and_keys_that_the_server_does_not_know(running: Running, hook: HookServer) -> None:
    """Wrong → 403; no such room → 404; and 503 when nobody can check the token."""
    offer = await running.publisher().offer()
    assert (await post(running, "/whip/nowhere", offer)).is_problem(404, "unknown_room")
    hook.is_broken = True
    answer = await post(running, "/whip/oranges", offer)
    assert answer.is_problem(503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_row_10_tokens_are_compared_in_constant_time() -> None:
    """Compare in constant time."""
    assert "hmac.compare_digest(resource.key_digest" in inspect.getsource(find_resource)


# -- 11


@pytest.mark.parametrize("media_settings", [{"MAX_SESSIONS": "1"}], indirect=True)
async def test_row_11_a_full_node_says_503_and_when_to_ask_again(running: Running) -> None:
    """Load: 503 + `Retry-After`."""
    assert await running.publisher().connect() == 201
    answer = await post(running, "/whip/apples", await running.publisher().offer())
    assert answer.is_problem(503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "media_settings", [{"OPENS_PER_ADDRESS_PER_MINUTE": "2", "TRUSTED_PROXY_HOPS": "1"}], indirect=True
)
async def test_row_11_posts_of_one_address_are_limited(running: Running) -> None:
    """Rate limits on POST: 429 + `Retry-After`, and only for the address that asks too often."""
    # given
    offer = await running.publisher().offer()

    async def statuses(client: str) -> list[int]:
        answers = [await post(running, "/whep/oranges", offer, X_Forwarded_For=client) for _ in range(3)]
        if answers[-1].status == 429:
            assert answers[-1].is_problem(429, "too_many_requests")
            assert 0 < int(answers[-1].headers["Retry-After"]) <= 30
        return [answer.status for answer in answers]

    # when, then: the last hop counts, what stands left of it anybody can write
    assert await statuses("192.0.2.66") == [409, 409, 429]
    assert await statuses("203.0.113.9, 192.0.2.66") == [429, 429, 429]
    assert await statuses("192.0.2.1") == [409, 409, 429]
    assert await statuses("2001:db8::1") == [409, 409, 429]
    assert await statuses("2001:db8::2") == [429, 429, 429]  # the same customer's network
    assert (await ask(running, "OPTIONS", "/whep/oranges", X_Forwarded_For="192.0.2.66")).status == 200


@pytest.mark.parametrize("media_settings", [{"CHANGES_PER_ADDRESS_PER_MINUTE": "3"}], indirect=True)
async def test_row_11_patches_and_deletes_of_one_address_are_limited(running: Running) -> None:
    """Rate limits on PATCH, DELETE (and what the extensions take)."""
    host, _ = await live(running)
    assert (await patch(running, host, CANDIDATES, If_Match=host.etag)).status == 204
    assert (await ask(running, "DELETE", "/whep/oranges/guessed")).status == 404
    assert (await ask(running, "POST", "/whep/oranges/guessed/layer", "{}")).status == 404
    for method, path in (("PATCH", host.location), ("DELETE", "/whep/oranges/guessed")):
        answer = await ask(running, method, path, CANDIDATES, **FRAGMENT, **host.headers)
        assert answer.is_problem(429, "too_many_requests")
        assert int(answer.headers["Retry-After"]) > 0
    await running.heard.wait("publisher_joined")  # and nobody's session suffers


@pytest.mark.parametrize(
    "media_settings", [{"CONNECTING_PER_ADDRESS": "3", "TRUSTED_PROXY_HOPS": "1", "MAX_SESSIONS": "5"}], indirect=True
)
async def test_row_11_viewers_who_never_connect_lock_out_neither_others_nor_hosts(running: Running) -> None:
    """Load: strangers who open sessions and never connect cost others nothing."""
    # given
    await live(running, viewers=0)
    offer = await running.viewer().offer()

    async def play(client: str) -> int:
        return (await post(running, "/whep/oranges", offer, X_Forwarded_For=client)).status

    # when, then
    assert [await play("192.0.2.66") for _ in range(4)] == [201, 201, 201, 429]
    assert await play("192.0.2.1") == 201
    assert await play("192.0.2.2") == 503  # all five places are taken
    assert await running.publisher("/whip/apples").connect() == 201


@pytest.mark.parametrize("endpoint", ["/whip/apples?takeover=1", "/whep/oranges"])
async def test_row_11_who_has_no_room_sends_to_another_node(running: Running, bus: Bus, endpoint: str) -> None:
    """Load: 307 to another node (never 301/302)."""
    # given
    await live(running, viewers=0)
    await other_node(running, bus, "https://other.example/media")

    # when
    running.node.drain()
    answer = await post(running, endpoint, await running.viewer().offer())

    # then
    assert (answer.status, answer.headers["Location"]) == (307, f"https://other.example/media{endpoint}")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# -- 12


async def test_row_12_without_a_publisher_viewers_hear_when_to_ask_again(running: Running) -> None:
    """WHEP: no publisher yet → 409 + Retry-After."""
    answer = await post(running, "/whep/oranges", await running.viewer().offer())
    assert answer.is_problem(409, "not_live")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("direction", ["recvonly", "sendrecv"])
async def test_row_12_viewers_are_answered_sendonly(running: Running, direction: str) -> None:
    """Answer `sendonly`; tolerate `sendrecv` offers."""
    # given
    await live(running, viewers=0)
    viewer = running.viewer()

    # when
    assert await viewer.connect(lambda sdp: sdp.replace("a=recvonly", f"a={direction}")) == 201

    # then
    assert viewer.pc.remoteDescription.sdp.count("a=sendonly") == 2
    await viewer.sees(video=2, audio=2)


# -- 13


async def test_row_13_a_second_publisher_is_refused_unless_he_takes_over(running: Running) -> None:
    """A second publisher on a live stream → 409, unless it presents the same key and asks to take over."""
    # given
    _, viewer = await live(running)

    # when
    refused = await post(running, "/whip/oranges", await running.publisher().offer())
    accepted = await running.publisher("/whip/oranges?takeover=1").connect()

    # then
    assert refused.is_problem(409, "already_live")
    assert accepted == 201
    await running.heard.wait("publisher_joined", "publisher_joined")
    await viewer.sees(video=10)
    await until(lambda: len(running.node.resources) == 2, "the replaced session to end")


async def test_row_13_another_key_does_not_take_over(running: Running, hook: HookServer) -> None:
    """… unless it presents the same key: another one, though it opens the room, does not."""
    hook.keys.add("another key")
    _, viewer = await live(running)
    host = running.publisher("/whip/oranges?takeover=1", key="another key")
    assert await host.connect() == 403
    await viewer.sees(video=3)


# -- 14


async def test_row_14_extensions_are_announced_as_links_that_nobody_needs(running: Running) -> None:
    """Extension `Link`s with an unknown rel are ignored by clients: announce layer choice and events that way."""
    # given
    host, viewer = await live(running)
    path = viewer.location.removeprefix(running.url(""))

    # then
    assert viewer.links == [
        f'<{path}/layer>; rel="urn:ietf:params:whep:ext:core:layer"',
        f'<{path}/sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; '
        'events="active,banned,inactive,layers,reconnect,viewercount"',
    ]
    assert host.links == []
    await viewer.sees(video=3)  # a client that knows neither
    chosen = await ask(
        running, "POST", f"{path}/layer", f'{{"rid": "{MAIN_RID}"}}', **{"Content-Type": "application/json"}
    )
    assert chosen.status == 200
