"""What WHIP and WHEP share over HTTP: bodies, tokens, CORS, problem documents, PATCH and DELETE."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from config.logs import logger
from config.settings import MediaSettings
from media.admission import client_of
from media.answer import write_fragment
from media.node import Node, Resource, digest
from media.problems import Problem, bad_sdp, key_missing, key_wrong, unknown_session
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
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "86400",
}
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_type",
}
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+){0,4}/?")
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
    response.headers.update(problem.headers)
    return response


@web.middleware
async def cors_and_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer of WHIP and WHEP may be read by any page, and every fault is a problem document."""
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem_response(problem)
    except web.HTTPException as fault:
        response = problem_response(_from_http(fault))
    except Exception:
        log.exception("request failed", method=request.method)
        response = problem_response(Problem(500, "internal", "something went wrong here"))
    if not response.prepared and request.path.startswith(("/whip/", "/whep/")):
        response.headers.update(CORS)
    return response


def _from_http(fault: web.HTTPException) -> Problem:
    kept = {k: v for k, v in fault.headers.items() if k == hdrs.ALLOW}
    return Problem(fault.status, CODES.get(fault.status, "bad_request"), fault.reason or "", kept)


def bearer(request: web.Request) -> str:
    """The bearer token of a request.

    Raises:
        Problem: 401 when there is none.
    """
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > 1024:
        raise key_missing()
    return token


def client_address(request: web.Request, trusted_proxy_hops: int) -> str:
    """Who asks, as admission counts it: seen by the outermost trusted proxy; further left anybody can write."""
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    trusted = min(trusted_proxy_hops, len(hops))
    return client_of(hops[-trusted] if trusted else request.remote or "")


async def read_offer(request: web.Request) -> Offer:
    """The offer in the body.

    Raises:
        Problem: 415 for another type, 413 for too large a body, 400 for no offer.
    """
    try:
        return parse_offer(await _read_text(request, SDP_TYPE))
    except BadSdp as error:
        raise bad_sdp(str(error)) from None


async def _read_text(request: web.Request, content_type: str) -> str:
    if request.content_type.lower() != content_type:
        raise Problem(415, "unsupported_type", f"send {content_type}", {"Accept": content_type})
    try:
        text = (await request.read()).decode()
    except UnicodeDecodeError:
        raise bad_sdp("the body is not UTF-8") from None
    if not text.strip():
        raise bad_sdp("the body is empty")
    return text


def created(request: web.Request, resource: Resource, settings: MediaSettings) -> web.Response:
    """201 with the answer, its ETag, the session's Location and the TURN servers."""
    # A proxy that serves us below a path says so; the Location must lead through it again.
    prefix = request.headers.get("X-Forwarded-Prefix", "")
    if not _PREFIX.fullmatch(prefix):
        prefix = ""
    endpoint = request.path.split("/")[1]
    location = f"{prefix.rstrip('/')}/{endpoint}/{resource.slug}/{resource.session.id}"
    response = web.Response(
        status=201,
        body=resource.answer.encode(),
        headers={
            "Content-Type": SDP_TYPE,
            "Location": location,
            "ETag": resource.session.etag,
            "Cache-Control": "no-store",
        },
    )
    for link in turn_links(settings, resource.session.id[:8], time.time()):
        response.headers.add(hdrs.LINK, link)
    return response


class SessionRoutes:
    """The routes of one kind of endpoint: `/whip` or `/whep`."""

    def __init__(self, node: Node, needs_key: bool) -> None:
        self._node = node
        self._needs_key = needs_key

    def add_to(self, app: web.Application, endpoint: str, post: Handler) -> None:
        """Register everything below `/{endpoint}/`."""
        slug = r"{slug:[A-Za-z0-9_-]{1,100}}"
        place, session = f"/{endpoint}/{slug}", f"/{endpoint}/{slug}/{{session}}"
        app.router.add_post(place, post)
        app.router.add_route("OPTIONS", place, self.options)
        app.router.add_patch(session, self.patch)
        app.router.add_delete(session, self.delete)
        app.router.add_route("OPTIONS", session, self.options)

    async def options(self, request: web.Request) -> web.Response:
        """CORS preflight, and what may be posted. Mints nothing."""
        accept = {"Accept-Patch": FRAGMENT_TYPE} if "session" in request.match_info else {"Accept-Post": SDP_TYPE}
        return web.Response(status=204, headers={**PREFLIGHT, **accept})

    async def patch(self, request: web.Request) -> web.Response:
        """Trickle ICE (204) or an ICE restart (200)."""
        resource = self._find(request)
        session = resource.session
        text = await _read_text(request, FRAGMENT_TYPE)
        wanted = request.headers.get(hdrs.IF_MATCH, "").strip()
        if not wanted:
            raise Problem(428, "precondition_required", "send If-Match with the session's ETag")
        try:
            fragment = parse_fragment(text)
        except BadSdp as error:
            raise bad_sdp(str(error)) from None
        if wanted.strip('"') == "*":
            if fragment.ice_ufrag is None or fragment.ice_pwd is None:
                raise bad_sdp("an ICE restart needs new credentials")
            if not session.is_current_ufrag(fragment.ice_ufrag):
                return self._restart(resource, fragment.ice_ufrag, fragment.ice_pwd)
        elif wanted != session.etag:
            raise Problem(412, "precondition_failed", "the session's ETag is another one by now")
        # An ICE-lite server never sends checks, so the client's candidates are of no use to it.
        return web.Response(status=204)

    def _restart(self, resource: Resource, remote_ufrag: str, remote_pwd: str) -> web.Response:
        session = resource.session
        session.restart_ice(remote_ufrag, remote_pwd)
        log.info("ice restart", session=session.id)
        return web.Response(
            body=write_fragment(self._node.local(session), resource.mids).encode(),
            headers={"Content-Type": FRAGMENT_TYPE, "ETag": session.etag},
        )

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """End the session; the answer goes out first, since some clients take a closed peer for a failure.

        A client who is gone before he has the answer has ended it all the same.
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
        key = bearer(request) if self._needs_key else ""
        resource = self._node.resources.get(request.match_info["session"])
        is_ours = resource is not None and resource.slug == request.match_info["slug"]
        if resource is None or not is_ours or (resource.key_digest is not None) != self._needs_key:
            raise unknown_session()
        if resource.key_digest is not None and not hmac.compare_digest(resource.key_digest, digest(key)):
            raise key_wrong()
        return resource
