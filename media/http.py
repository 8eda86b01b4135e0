"""What WHIP, WHEP and HLS share over HTTP: bodies, tokens, CORS, rates, problems, what is done to a session."""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from config.logs import logger
from config.settings import MediaSettings
from media.admission import client_of
from media.answer import write_fragment
from media.cluster.signature import sender_of
from media.node import Node
from media.problems import Problem, bad_sdp, key_missing, key_wrong, too_fast, too_slow, unknown_session
from media.rates import Rate
from media.resource import Resource, digest
from media.sdp import BadSdp, Offer, parse_fragment, parse_offer
from media.session import Ending
from media.turn import turn_links

log = logger(__name__)

SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
PROBLEM_TYPE = "application/problem+json"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Retry-After, WWW-Authenticate",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, Last-Event-ID",
    "Access-Control-Max-Age": "86400",
}
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_type",
}
BODY_SECONDS = 20.0  # the largest body over a line of 26 kbit/s
ANY_ETAG = frozenset(("*", '"*"'))  # the RFC's own example sends it in quotes
SLUG = r"{slug:[A-Za-z0-9_-]{1,100}}"
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+){0,4}/?")
_ENDPOINTS = ("/whip/", "/whep/", "/hls/")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem_response(problem: Problem) -> web.Response:
    """A problem as RFC 9457 JSON."""
    body = {
        "type": "about:blank",
        "title": problem.code.replace("_", " "),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    response = web.json_response(body, status=problem.status, content_type=PROBLEM_TYPE)
    response.headers.update({hdrs.CACHE_CONTROL: "no-store", **problem.headers})
    return response


@web.middleware
async def cors_and_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer of WHIP, WHEP and HLS may be read by any page, and every fault is a problem document."""
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem_response(problem)
    except web.HTTPException as fault:
        response = problem_response(_from_http(fault))
    except Exception:
        log.exception("request failed", method=request.method)
        response = problem_response(Problem(500, "internal", "something went wrong here"))
    if not response.prepared and request.path.startswith(_ENDPOINTS):
        response.headers.update(CORS)
    return response


def _from_http(fault: web.HTTPException) -> Problem:
    kept = {k: v for k, v in fault.headers.items() if k == hdrs.ALLOW}
    return Problem(fault.status, CODES.get(fault.status, "bad_request"), fault.reason or "", kept)


def limit_rates(settings: MediaSettings) -> Middleware:
    """A middleware that lets no address open sessions, or change them, faster than the settings allow.

    RFC 9725, 5: endpoints SHOULD limit the rate of POST, PATCH and DELETE.
    """
    opens = Rate(settings.opens_per_address_per_minute)
    changes = Rate(settings.changes_per_address_per_minute)

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_change = request.method in ("POST", "PATCH", "DELETE") and request.path.startswith(_ENDPOINTS)
        if is_change and sender_of(request) is None:  # a node has counted what it passes on
            is_opening = request.method == "POST" and request.path.strip("/").count("/") == 1
            client = client_address(request, settings.trusted_proxy_hops)
            wait = (opens if is_opening else changes).take(client, time.monotonic())
            if wait > 0:
                raise too_fast(wait)
        return await handler(request)

    return limited


def bearer(request: web.Request) -> str:
    """The bearer token of a request.

    Raises:
        Problem: 401 when there is none, 403 when it can be nobody's.
    """
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > 1024:
        raise key_missing()
    if not token.isascii():  # RFC 6750 2.1; its bytes may be no text at all
        raise key_wrong()
    return token


def client_address(request: web.Request, trusted_proxy_hops: int) -> str:
    """Who asks, as admission counts it: seen by the outermost trusted proxy; further left anybody can write."""
    sender = sender_of(request)
    if sender is not None:
        return sender.client or f"node {sender.node_id}"
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    trusted = min(trusted_proxy_hops, len(hops))
    return client_of(hops[-trusted] if trusted else request.remote or "")


async def read_offer(request: web.Request) -> Offer:
    """The offer in the body.

    Raises:
        Problem: 415 for another type, 413 for too large a body, 400 for no offer.
    """
    try:
        return parse_offer(await read_text(request, SDP_TYPE))
    except BadSdp as error:
        raise bad_sdp(str(error)) from None


async def read_text(
    request: web.Request,
    content_type: str,
    fault: Callable[[str], Problem] = bad_sdp,
    patience_seconds: float = BODY_SECONDS,
) -> str:
    """The body, which must be of this type.

    Raises:
        Problem: 415 for another type, 413 for too large a body, 408 for one that does not come, 400 for none or one
            that is not UTF-8.
    """
    if request.content_type.lower() != content_type:
        raise Problem(415, "unsupported_type", f"send {content_type}", {"Accept": content_type})
    try:
        async with asyncio.timeout(patience_seconds):
            text = (await request.read()).decode()
    except TimeoutError:
        raise too_slow() from None
    except UnicodeDecodeError:
        raise fault("the body is not UTF-8") from None
    if not text.strip():
        raise fault("the body is empty")
    return text


def location_of(request: web.Request, resource: Resource) -> str:
    """The path of a session as its client must ask for it."""
    # A proxy that serves us below a path says so; the Location must lead through it again.
    prefix = request.headers.get("X-Forwarded-Prefix", "")
    if not _PREFIX.fullmatch(prefix):
        prefix = ""
    endpoint = request.path.split("/")[1]
    return f"{prefix.rstrip('/')}/{endpoint}/{resource.slug}/{resource.session.id}"


def created(
    request: web.Request, resource: Resource, settings: MediaSettings, extensions: Iterable[str] = ()
) -> web.Response:
    """201 with the answer, its ETag, the session's Location, the TURN servers and the `Link`s of extensions."""
    response = web.Response(
        status=201,
        body=resource.answer.encode(),
        headers={
            "Content-Type": SDP_TYPE,
            "Location": location_of(request, resource),
            "ETag": resource.session.etag,
            "Cache-Control": "no-store",
        },
    )
    for link in (*turn_links(settings, resource.session.id.rpartition(".")[2][:8], time.time()), *extensions):
        response.headers.add(hdrs.LINK, link)
    return response


def find_resource(node: Node, request: web.Request, needs_key: bool) -> Resource:
    """The session that a request speaks of.

    Raises:
        Problem: 401 without a key, 404 for no such session, 403 for another's key.
    """
    key = bearer(request) if needs_key else ""
    resource = node.resources.get(request.match_info["session"])
    is_ours = resource is not None and resource.slug == request.match_info["slug"]
    if resource is None or not is_ours or (resource.key_digest is not None) != needs_key:
        raise unknown_session()
    if resource.key_digest is not None and not hmac.compare_digest(resource.key_digest, digest(key)):
        raise key_wrong()
    return resource


class SessionRoutes:
    """The routes of one kind of endpoint: `/whip` or `/whep`."""

    def __init__(self, node: Node, needs_key: bool) -> None:
        self._node = node
        self._needs_key = needs_key

    def add_to(self, app: web.Application, endpoint: str, post: Handler) -> None:
        """Register everything below `/{endpoint}/`."""
        place, session = f"/{endpoint}/{SLUG}", f"/{endpoint}/{SLUG}/{{session}}"
        app.router.add_post(place, post)
        app.router.add_get(place, self.get_endpoint)
        app.router.add_route("OPTIONS", place, self.options_endpoint)
        app.router.add_get(session, self.get_session)
        app.router.add_patch(session, self.patch)
        app.router.add_delete(session, self.delete)
        app.router.add_route("OPTIONS", session, self.options_session)

    # RFC 9725, 4.1: endpoints and sessions MUST return a 2xx response with no content when a GET request is received.

    async def get_endpoint(self, request: web.Request) -> web.Response:
        """Nothing to see."""
        return web.Response(status=204)

    async def get_session(self, request: web.Request) -> web.Response:
        """Nothing to see, but that it is there."""
        self._find(request)
        return web.Response(status=204)

    async def options_endpoint(self, request: web.Request) -> web.Response:
        """CORS preflight, and what may be posted. Mints nothing (RFC 9725, 4.6)."""
        return allowed({"Accept-Post": SDP_TYPE})

    async def options_session(self, request: web.Request) -> web.Response:
        """CORS preflight, and with what a session may be changed."""
        return allowed({"Accept-Patch": FRAGMENT_TYPE})

    async def patch(self, request: web.Request) -> web.Response:
        """Trickle ICE (204) or an ICE restart (200)."""
        resource = self._find(request)
        session = resource.session
        text = await read_text(request, FRAGMENT_TYPE)
        listed = ",".join(request.headers.getall(hdrs.IF_MATCH, ()))  # RFC 9110 5.3: several lines are one list
        wanted = {tag.strip() for tag in listed.split(",")} - {""}
        if not wanted:
            raise Problem(428, "precondition_required", "send If-Match with the session's ETag")
        try:
            fragment = parse_fragment(text)
        except BadSdp as error:
            raise bad_sdp(str(error)) from None
        is_any = not wanted.isdisjoint(ANY_ETAG)
        if not is_any and session.etag not in wanted:
            raise Problem(412, "precondition_failed", "the session's ETag is another one by now")
        if fragment.ice_ufrag is None or fragment.ice_pwd is None:
            if is_any:
                raise bad_sdp("an ICE restart needs new credentials")
        # RFC 9725, 4.3.3: a session receiving updated ice-pwd and ice-ufrag MUST consider it an ICE restart.
        elif not session.is_current_ufrag(fragment.ice_ufrag):
            return self._restart(resource, fragment.ice_ufrag, fragment.ice_pwd)
        # An ICE-lite server never sends checks to candidates, so the client's are of no use to it.
        return web.Response(status=204)

    def _restart(self, resource: Resource, remote_ufrag: str, remote_pwd: str) -> web.Response:
        session = resource.session
        session.restart_ice(remote_ufrag, remote_pwd)
        log.info("ice restart", session=session.id)
        return web.Response(
            body=write_fragment(self._node.sessions.local(session), resource.mids).encode(),
            headers={"Content-Type": FRAGMENT_TYPE, "ETag": session.etag, "Cache-Control": "no-store"},
        )

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """End the session; the answer goes out first, since some clients take a closed peer for a failure.

        A client who is gone before he has the answer has ended it all the same. ETags are ignored (RFC 9725, 4.3.1).
        """
        session = self._find(request).session
        response = web.Response(status=200, headers=CORS)
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:
            session.end(Ending.DELETED)
        return response

    def _find(self, request: web.Request) -> Resource:
        return find_resource(self._node, request, self._needs_key)


def allowed(more: Mapping[str, str] | None = None) -> web.Response:
    """The answer to a CORS preflight: 200, as RFC 9725, 4.2 has it."""
    return web.Response(status=200, headers={**PREFLIGHT, **(more or {})})
