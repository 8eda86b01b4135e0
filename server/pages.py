"""The built page: its files with long-lived caching, `index.html` for every address that the router knows."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from server.http import Routes

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self' http: https: ws: wss:",  # media nodes have addresses of their own
        "style-src 'self' 'unsafe-inline'",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "object-src 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self)",
}
NOT_BUILT = "The page is not built yet: run `make up`, or `npm run build` in web/."
APP_MANIFEST = ".webmanifest"  # Python's own table does not know it, and browsers are told not to guess
RESERVED = ("api/", "files/", "internal/", "sandbox/", "socket.io/")


def page_routes(folder: Path) -> Routes:
    """Routes for the page. Files under `assets/` have their content's hash in their name and never change."""
    folder = folder.resolve()

    async def page(request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if path.startswith(RESERVED):
            raise web.HTTPNotFound
        target = (folder / path).resolve()
        index = folder / "index.html"
        if path and target != index and target.is_relative_to(folder) and target.is_file():
            caching = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
            headers = {"Cache-Control": caching, "X-Content-Type-Options": "nosniff"}
            if target.suffix == APP_MANIFEST:
                headers["Content-Type"] = "application/manifest+json"
            return web.FileResponse(target, headers=headers)
        # Under its own name too: the service worker keeps it with its headers, and answers with it without a network.
        if target != index and "." in path.rsplit("/", 1)[-1]:
            raise web.HTTPNotFound
        if not index.is_file():
            return web.Response(status=503, text=NOT_BUILT)
        return web.FileResponse(index, headers=PAGE_HEADERS)

    return [web.get("/{path:.*}", page)]
