"""Routes: the tus protocol 1.0.0 with creation, termination and expiration; uploads as the page lists them.

https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from server.accounts.model import Role
from server.errors import BadRequest, PreconditionFailed, UnsupportedType
from server.http import Handler, Routes, answer, error_middleware, require_role
from server.uploads.model import Upload, UploadState, UploadStopped, read_metadata
from server.uploads.service import Uploads
from server.wire import iso

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration"
BODY_TYPE = "application/offset+octet-stream"
PATH = "/api/my/uploads"
CHUNK_BYTES = 256 * 1024
NUMBER_DIGITS = 15


def upload_routes(uploads: Uploads) -> Routes:
    """What the page shows of uploads."""

    async def list_unfinished(request: web.Request) -> web.Response:
        found = await uploads.unfinished(require_role(request, Role.HOST))
        items = [upload_shape(upload) for upload in found]
        return answer({"items": items, "most_bytes": uploads.limits.upload_bytes})

    async def show(request: web.Request) -> web.Response:
        return answer(upload_shape(await uploads.look(require_role(request, Role.HOST), request.match_info["id"])))

    return [
        web.get(PATH, list_unfinished, allow_head=False),
        web.get(f"{PATH}/{{id}}", show, allow_head=False),
    ]


def tus_routes(uploads: Uploads) -> Routes:
    """What upload clients speak."""

    async def describe(_: web.Request) -> web.Response:
        headers = {"Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(uploads.limits.upload_bytes)}
        return web.Response(status=204, headers={**_version(), **headers})

    async def begin(request: web.Request) -> web.Response:
        teacher = require_role(request, Role.HOST)
        size = _number(request, "Upload-Length")
        metadata = read_metadata(request.headers.get("Upload-Metadata", ""))
        upload = await uploads.begin(teacher, metadata.get("title", ""), metadata.get("course_id") or None, size)
        return web.Response(status=201, headers={"Location": f"{PATH}/{upload.id}", **_state_of(upload)})

    async def look(request: web.Request) -> web.Response:
        upload = await uploads.look(require_role(request, Role.HOST), request.match_info["id"])
        headers = {**_state_of(upload), "Upload-Length": str(upload.size), "Cache-Control": "no-store"}
        return web.Response(headers=headers)

    async def append(request: web.Request) -> web.Response:
        teacher = require_role(request, Role.HOST)
        if request.content_type != BODY_TYPE:
            raise UnsupportedType(f"Content-Type: {BODY_TYPE}")
        offset = _number(request, "Upload-Offset")
        upload = await uploads.append(teacher, request.match_info["id"], offset, _body(request))
        return web.Response(status=204, headers=_state_of(upload))

    async def drop(request: web.Request) -> web.Response:
        await uploads.drop(require_role(request, Role.HOST), request.match_info["id"])
        return web.Response(status=204)

    methods = {"PATCH": append, "DELETE": drop, "HEAD": look}

    async def instead(request: web.Request) -> web.Response:
        """For clients that cannot send these methods."""
        method = methods.get(request.headers.get("X-HTTP-Method-Override", ""))
        if method is None:
            raise BadRequest("X-HTTP-Method-Override: PATCH, DELETE or HEAD")
        return await method(request)

    return [
        web.options(PATH, describe),
        web.post(PATH, _in_tus(begin)),
        web.head(f"{PATH}/{{id}}", _in_tus(look)),
        web.patch(f"{PATH}/{{id}}", _in_tus(append)),
        web.delete(f"{PATH}/{{id}}", _in_tus(drop)),
        web.post(f"{PATH}/{{id}}", _in_tus(instead)),
    ]


def upload_shape(upload: Upload) -> dict[str, Any]:
    """`Upload`"""
    return {
        "id": upload.id,
        "title": upload.title,
        "course_id": upload.course_id,
        "size": upload.size,
        "offset": upload.offset,
        "expires_at": iso(upload.expires_at),
        "lesson_id": upload.lesson_id,
    }


def _in_tus(handler: Handler) -> Handler:
    """A route that speaks the protocol: its version is in each request and answer, also in errors."""
    answer_errors = error_middleware()

    async def check(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Tus-Resumable") != VERSION:
            raise PreconditionFailed(f"Tus-Resumable: {VERSION}", code="unsupported_version")
        return await handler(request)

    async def speak(request: web.Request) -> web.StreamResponse:
        response: web.StreamResponse = await answer_errors(request, check)
        response.headers.update({"Tus-Resumable": VERSION, **_version()})
        if response.status == UploadStopped.status:
            # RFC 9110, 15.5.9. aiohttp reads on for some seconds all the same: who still sends sees the answer.
            response.force_close()
        return response

    return speak


def _version() -> dict[str, str]:
    return {"Tus-Version": VERSION}


def _state_of(upload: Upload) -> dict[str, str]:
    headers = {"Upload-Offset": str(upload.offset)}
    if upload.state is not UploadState.DONE:
        headers["Upload-Expires"] = format_datetime(upload.expires_at.astimezone(UTC), usegmt=True)
    return headers


def _number(request: web.Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS):
        raise BadRequest(f"{name}: a number")
    return int(text)


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    """The body piece by piece. Raises UploadStopped."""
    while True:
        try:
            chunk = await request.content.read(CHUNK_BYTES)
        except (ConnectionError, web.RequestPayloadError):
            raise UploadStopped("the upload stopped before its end") from None
        if not chunk:
            return
        yield chunk
