"""Public objects over HTTP, from a real S3 server."""

from __future__ import annotations

import asyncio
import secrets
from urllib.parse import urlsplit

from tests.harness.app import Page, RunningServer

KEY = "public/takes/t/part-000000.m4s"


async def test_a_file_is_sent_whole_in_parts_or_not_again(server: RunningServer, page: Page) -> None:
    # given
    data = secrets.token_bytes(700_000)
    await server.services.objects.put(KEY, data, "application/octet-stream")

    # then: whole
    async with page.http.get(f"/files/{KEY}") as whole:
        assert (whole.status, await whole.read()) == (200, data)
        assert whole.headers["Content-Type"] == "video/iso.segment"
        assert "immutable" in whole.headers["Cache-Control"]
        assert whole.headers["Access-Control-Allow-Origin"] == "*"
        etag = whole.headers["ETag"]

    # and: in parts
    for header, start, end in (
        ("bytes=0-99", 0, 100),
        ("bytes=699000-", 699_000, 700_000),
        ("bytes=-5", 699_995, 700_000),
    ):
        async with page.http.get(f"/files/{KEY}", headers={"Range": header}) as part:
            assert (part.status, await part.read()) == (206, data[start:end])
            assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/700000"

    # and: refused, not again, head only, changed meanwhile
    async with page.http.get(f"/files/{KEY}", headers={"Range": "bytes=700000-"}) as outside:
        assert (outside.status, outside.headers["Content-Range"]) == (416, "bytes */700000")
    async with page.http.get(f"/files/{KEY}", headers={"If-None-Match": etag}) as same:
        assert (same.status, await same.read(), same.headers["ETag"]) == (304, b"", etag)
    async with page.http.head(f"/files/{KEY}") as head:
        assert (head.status, head.headers["Content-Length"], await head.read()) == (200, "700000", b"")
    async with page.http.get(f"/files/{KEY}", headers={"Range": "bytes=0-9", "If-Range": '"old"'}) as changed:
        assert changed.status == 200
        assert len(await changed.read()) == 700_000


async def test_playlists_are_asked_for_again(server: RunningServer, page: Page) -> None:
    await server.services.objects.put("public/takes/t/index.m3u8", b"#EXTM3U\n", "text/plain")
    async with page.http.get("/files/public/takes/t/index.m3u8") as playlist:
        assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        assert playlist.headers["Cache-Control"] == "no-cache"


async def test_what_is_not_public_cannot_be_reached(server: RunningServer) -> None:
    # given
    await server.services.objects.put("uploads/secret", b"secret", "application/octet-stream")
    address = urlsplit(server.url)

    # when: paths are sent as they are, not as a client would tidy them
    for path in (
        "/files/uploads/secret",
        "/files/public/../uploads/secret",
        "/files/public/%2e%2e/uploads/secret",
        "/files/public/..%2fuploads/secret",
        "/files//uploads/secret",
        "/files/public/nothing",
        "/files/public/%00",
    ):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        reply = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()

        # then
        assert reply.split(b" ")[1] in {b"404", b"400"}, path
        assert b"secret" not in reply.split(b"\r\n\r\n", 1)[1]


async def test_clients_that_go_away_do_not_use_the_store_up(server: RunningServer, page: Page) -> None:
    # given: more clients than the server has S3 threads
    await server.services.objects.put(KEY, bytes(8_000_000), "application/octet-stream")
    address = urlsplit(server.url)

    # when: each begins to read and goes
    for _ in range(server.services.settings.s3_threads * 3):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"GET /files/{KEY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert await asyncio.wait_for(reader.read(1000), 10)
        writer.transport.abort()

    # then: the next one is served
    async with page.http.get(f"/files/{KEY}", headers={"Range": "bytes=0-9"}) as response:
        assert await asyncio.wait_for(response.read(), 10) == bytes(10)
