"""Routes of the sandbox's till: for people with a browser, outside of the API."""

from __future__ import annotations

from aiohttp import web

from server.errors import NotFound
from server.http import Routes
from server.payments.sandbox.bill import Manner
from server.payments.sandbox.page import HEADERS, STYLE, bill_page, unknown_page
from server.payments.sandbox.provider import NAME
from server.payments.sandbox.till import Till

CALLBACK_PATH = f"/api/payments/{NAME}/callback"


def own_address(request: web.Request) -> str:
    """Where this very server was reached, whatever proxies and names are in front."""
    socket_name = request.transport.get_extra_info("sockname") if request.transport else None
    if not isinstance(socket_name, tuple):
        return f"{request.scheme}://{request.host}"
    host, port = socket_name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def sandbox_routes(till: Till) -> Routes:
    """Routes of this provider."""

    def page(text: str, status: int = 200) -> web.Response:
        return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)

    async def look(request: web.Request) -> web.Response:
        try:
            return page(bill_page(await till.look(request.match_info["id"])))
        except NotFound:
            return page(unknown_page(), 404)

    async def pay(request: web.Request) -> web.Response:
        try:
            wish = str((await request.post()).get("callback", ""))
            manner = Manner(wish) if wish in set(Manner) else Manner.PROMPT
            bill = await till.pay(request.match_info["id"], own_address(request) + CALLBACK_PATH, manner)
        except NotFound:
            return page(unknown_page(), 404)
        return _see(f"/orders/{bill.order_id}?paid=1")

    async def cancel(request: web.Request) -> web.Response:
        try:
            bill = await till.look(request.match_info["id"])
        except NotFound:
            return page(unknown_page(), 404)
        return _see(f"/orders/{bill.order_id}")

    async def style(_: web.Request) -> web.Response:
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=STYLE, content_type="text/css", headers=headers)

    return [
        web.get("/sandbox/till.css", style),
        web.get("/sandbox/payments/{id}", look),
        web.post("/sandbox/payments/{id}/pay", pay),
        web.post("/sandbox/payments/{id}/cancel", cancel),
    ]


def _see(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
