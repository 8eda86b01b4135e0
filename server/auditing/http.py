"""Routes: the books of sales, for operators."""

from __future__ import annotations

from aiohttp import web

from server.accounts.model import Role
from server.auditing.service import Auditor
from server.auditing.shape import audit_shape
from server.http import Routes, answer, require_role


def audit_routes(auditor: Auditor) -> Routes:
    """Routes of this noun."""

    async def list_audits(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        audits = await auditor.show()
        names = await auditor.names(audits)
        return answer({"items": [audit_shape(found, names) for found in audits]})

    return [web.get("/api/operators/sales", list_audits)]
