"""Routes: the way to a certificate, certificates of one's own, and checking another's."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from server.certificates.model import Certificate, masked, written
from server.certificates.service import Certificates
from server.http import Body, Routes, answer, parse_body, require_user
from server.wire import iso


class Taking(Body):
    """`POST /api/courses/{id}/certificate`: the name that stands on it."""

    name: str = Field(max_length=100)


def certificate_routes(certificates: Certificates) -> Routes:
    """Routes of this noun."""

    async def way(request: web.Request) -> web.Response:
        found = await certificates.way(require_user(request), request.match_info["id"])
        steps = [
            {"lesson_id": step.lesson_id, "watched": step.is_watched, "quiz_passed": step.is_quiz_passed}
            for step in found.steps
        ]
        return answer({"steps": steps, "certificate": found.certificate and _own_shape(found.certificate)})

    async def take(request: web.Request) -> web.Response:
        user = require_user(request)
        body = await parse_body(request, Taking)
        return answer(_own_shape(await certificates.take(user, request.match_info["id"], body.name)), 201)

    async def mine(request: web.Request) -> web.Response:
        found = await certificates.mine(require_user(request))
        return answer({"items": [_own_shape(certificate) for certificate in found]})

    async def check(request: web.Request) -> web.Response:
        return answer(_public_shape(await certificates.check(request.match_info["code"])))

    async def paper(request: web.Request) -> web.Response:
        code = request.match_info["code"]
        pdf = await certificates.paper(require_user(request), code, f"{request.scheme}://{request.host}")
        return web.Response(
            body=pdf,
            content_type="application/pdf",
            headers={"Cache-Control": "private, no-store", "Content-Disposition": f'inline; filename="{code}.pdf"'},
        )

    return [
        web.get("/api/courses/{id}/certificate", way),
        web.post("/api/courses/{id}/certificate", take),
        web.get("/api/my/certificates", mine),
        web.get(r"/api/certificates/{code:[\w -]{1,40}}", check),
        web.get(r"/api/certificates/{code:[A-Za-z0-9-]{1,40}}/paper.pdf", paper),
    ]


def _public_shape(certificate: Certificate) -> dict[str, Any]:
    """`Certificate`: nothing that tells strangers who its owner is."""
    return {
        "code": written(certificate.code),
        "holder": masked(certificate.holder_name),
        "course_id": certificate.course_id,
        "course_title": certificate.course_title,
        "teacher_name": certificate.teacher_name,
        "lesson_count": certificate.lesson_count,
        "total_ms": certificate.total_ms,
        "issued_at": iso(certificate.issued_at),
    }


def _own_shape(certificate: Certificate) -> dict[str, Any]:
    """`OwnCertificate`"""
    return {
        **_public_shape(certificate),
        "name": certificate.holder_name,
        "paper_url": f"/api/certificates/{written(certificate.code)}/paper.pdf",
    }
