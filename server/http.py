"""What all HTTP routes share: problem+json errors, parsing, who is asking, protection against cross-site requests."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from config.logs import logger
from server.accounts.model import Role, User
from server.errors import BadRequest, BodyTooLarge, DomainError, NotAllowed, SignInRequired
from server.infra.away import AWAY
from server.infra.metrics import ServerMetrics

log = logger(__name__)

USER = web.RequestKey("user", User)
SESSION_COOKIE = "dongting_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CODES = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "body_too_large"}
CALLBACKS = "/api/payments/"  # payment providers call from elsewhere; their signature is checked instead
PROBLEM_TYPE = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Routes = Sequence[web.AbstractRouteDef]
FindUser = Callable[[str], Awaitable[User | None]]


class Body(BaseModel):
    """A request's JSON body; unknown fields are an error, so that a typing mistake is noticed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


B = TypeVar("B", bound=BaseModel)


def answer(data: object, status: int = 200) -> web.Response:
    """A JSON answer, never stored by caches in between."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return web.Response(
        text=text, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def problem(status: int, code: str, detail: str) -> web.Response:
    """An error as RFC 9457 describes it."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code}
    text = json.dumps({**body, "detail": detail}, ensure_ascii=False)
    headers = {"Cache-Control": "no-store"}
    if status in {429, 503}:
        headers["Retry-After"] = "2"
    return web.Response(text=text, status=status, content_type=PROBLEM_TYPE, headers=headers)


def explain(error: ValidationError) -> str:
    """One sentence that names each wrong field; values are not repeated, they may be secret."""
    problems = (
        (".".join(map(str, item["loc"])) or "body", item["msg"]) for item in error.errors(include_input=False)
    )
    return "; ".join(f"{where}: {what}" for where, what in problems)


def parse(kind: type[B], data: object) -> B:
    """Check plain data against a model.

    Raises:
        BadRequest: naming each wrong field.
    """
    try:
        json.dumps(data, ensure_ascii=False).encode()  # half an emoji is no text: nothing could keep it
    except (TypeError, ValueError, RecursionError):
        raise BadRequest("the body is not well-formed") from None
    return check(kind, data)


def check(kind: type[B], data: object) -> B:
    """The same of data that is known to be well-formed.

    Raises:
        BadRequest: naming each wrong field.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise BadRequest(explain(error)) from None


async def parse_body(request: web.Request, kind: type[B]) -> B:
    """The request's JSON body as a model.

    Raises:
        BadRequest, BodyTooLarge
    """
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise BodyTooLarge("the body is too large") from None
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    return parse(kind, data)


async def read_limited(request: web.Request, limit_bytes: int) -> bytes:
    """A raw body of at most so many bytes. Raises BodyTooLarge."""
    if (request.content_length or 0) > limit_bytes:
        raise BodyTooLarge("the body is too large")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise BodyTooLarge("the body is too large")
    return bytes(body)


def require_user(request: web.Request) -> User:
    """Who is signed in. Raises SignInRequired."""
    user: User | None = request.get(USER)
    if user is None:
        raise SignInRequired
    return user


def require_role(request: web.Request, role: Role) -> User:
    """Who is signed in, if they have the role. Raises SignInRequired, NotAllowed."""
    user = require_user(request)
    if role not in user.roles:
        raise NotAllowed(f"only a {role} may do this")
    return user


def is_cross_site(method: str, headers: Any, host: str) -> bool:
    """Whether a request that changes something was sent by another site's page.

    Browsers say so in Sec-Fetch-Site (Fetch Metadata), older ones in Origin; programs send neither.
    """
    if method in SAFE_METHODS:
        return False
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != host


def client_address(request: web.Request, trusted_proxy_hops: int) -> str:
    """The address that the outermost trusted proxy saw; what is further left in the header anybody can write."""
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if not hops or not trusted_proxy_hops:
        return request.remote or ""
    return hops[-min(trusted_proxy_hops, len(hops))]


def metrics_middleware(metrics: ServerMetrics) -> Any:
    """Counts answers by route pattern."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        begin = time.perf_counter()
        response = await handler(request)
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        metrics.request_answered(request.method, route, response.status, time.perf_counter() - begin)
        return response

    return middleware


def error_middleware() -> Any:
    """Turns errors into problems: ours by their code, outages into 503, bugs into 500 with one log line."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except DomainError as error:
            return problem(error.status, error.code, error.detail)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            return problem(error.status, CODES.get(error.status, "bad_request"), error.reason)
        except AWAY as error:
            log.warning("a server behind us is away", error=type(error).__name__, path=request.path)
            return problem(503, "unavailable", "a server behind this one does not answer; please try again")
        except Exception:  # the boundary: a bug is logged once and told without its details
            log.exception("request failed", path=request.path, method=request.method)
            return problem(500, "internal", "something went wrong on our side")

    return middleware


def sign_in_middleware(find_user: FindUser, trusted_proxy_hops: int) -> Any:
    """Finds who is asking (session cookie, address behind trusted proxies) and refuses cross-site changes."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(("/api/", "/sandbox/")):
            return await handler(request)
        if trusted_proxy_hops:
            request = request.clone(remote=client_address(request, trusted_proxy_hops))
        if not request.path.startswith(CALLBACKS) and is_cross_site(request.method, request.headers, request.host):
            raise NotAllowed("this request came from another site", code="cross_site")
        token = request.cookies.get(SESSION_COOKIE)
        user = await find_user(token) if token else None
        if user is not None:
            request[USER] = user
        return await handler(request)

    return middleware
