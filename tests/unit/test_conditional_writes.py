"""An object store that knows no conditions, or half of them, is written to all the same, and said so once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from minio import Minio

from config.conditional import ConditionalWrites, ObjectChanged, plain_etag

KEY = "takes/take.json"


class OddStore:
    """As much of an S3 server as is asked for here, with a fault of its own."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.asked = 0  # with a condition
        self.answers_501 = False
        self.body_of_501 = "<Error><Code>NotImplemented</Code><Message>a header</Message></Error>"
        self.etag_format = '"{}"'
        self.compares_strongly = False  # a weak ETag never is the same

    async def answer(self, request: web.Request) -> web.Response:
        key = request.path
        if request.method == "PUT":
            return await self._put(request, key)
        if key not in self.held:
            return _problem(404, "NoSuchKey") if request.method == "GET" else web.Response(status=404)
        headers = {"ETag": self._etag(key), "Last-Modified": "Sat, 28 Nov 2026 08:00:00 GMT"}
        return web.Response(body=self.held[key], headers=headers)

    async def _put(self, request: web.Request, key: str) -> web.Response:
        wanted, unwanted = request.headers.get("If-Match"), request.headers.get("If-None-Match")
        if wanted is not None or unwanted is not None:
            self.asked += 1
            if self.answers_501:
                kind = "application/xml" if self.body_of_501.startswith("<Error>") else "text/html"
                return web.Response(status=501, text=self.body_of_501, content_type=kind)
        if unwanted is not None and key in self.held:
            return _problem(412, "PreconditionFailed")
        if wanted is not None and (self.compares_strongly or plain_etag(wanted) != plain_etag(self._etag(key))):
            return _problem(412, "PreconditionFailed")
        self.held[key] = await request.read()
        return web.Response(headers={"ETag": self._etag(key)})

    def _etag(self, key: str) -> str:
        return self.etag_format.format(hashlib.md5(self.held[key], usedforsecurity=False).hexdigest())


def _problem(status: int, code: str) -> web.Response:
    text = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


@pytest.fixture
def store() -> OddStore:
    return OddStore()


class Writer:
    """A process that reads and writes."""

    def __init__(self, port: int) -> None:
        client = Minio(
            endpoint=f"127.0.0.1:{port}", access_key="key", secret_key="secret", secure=False, region="us-east-1"
        )
        self._client = client
        self._writes = ConditionalWrites(client, "bucket")

    async def read(self) -> str:
        stat = await asyncio.to_thread(self._client.stat_object, bucket_name="bucket", object_name=KEY)
        return plain_etag(stat.etag or "")

    async def write(self, text: str, etag: str | None) -> bool:
        try:
            await asyncio.to_thread(self._writes.put_over, KEY, text.encode(), "application/json", etag)
        except ObjectChanged:
            return False
        return True


@pytest_asyncio.fixture
async def writer(store: OddStore) -> AsyncIterator[Writer]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", store.answer)
    async with TestServer(app) as server:
        assert server.port is not None
        yield Writer(server.port)


async def writes_over(writer: Writer) -> None:
    """The first, the next, and one who comes too late."""
    assert await writer.write("first", None)
    first = await writer.read()
    assert await writer.write("second", first)
    if first:
        assert not await writer.write("late", first)
    assert not await writer.write("late", None)
    assert await writer.write("third", await writer.read())


@pytest.mark.parametrize(
    "body", ["<Error><Code>NotImplemented</Code><Message>a header</Message></Error>", "<html>not implemented</html>"]
)
async def test_a_store_that_answers_501_is_asked_once_and_then_looked_at_before_each_write(
    store: OddStore, writer: Writer, body: str
) -> None:
    store.answers_501, store.body_of_501 = True, body
    await writes_over(writer)
    assert (store.asked, list(store.held.values())) == (1, [b"third"])


@pytest.mark.parametrize("etag_format", ['"{}"', 'W/"{}"', "{}"])
async def test_an_etag_is_the_same_however_it_is_written(store: OddStore, writer: Writer, etag_format: str) -> None:
    store.etag_format = etag_format
    await writes_over(writer)
    assert (store.asked, list(store.held.values())) == (5, [b"third"])


async def test_a_store_that_never_finds_an_etag_the_same_is_not_asked_for_ever(
    store: OddStore, writer: Writer
) -> None:
    store.etag_format, store.compares_strongly = 'W/"{}"', True
    await writes_over(writer)
    assert list(store.held.values()) == [b"third"]


async def test_a_store_without_etags_is_written_to_all_the_same(store: OddStore, writer: Writer) -> None:
    store.etag_format = ""
    await writes_over(writer)
    assert list(store.held.values()) == [b"third"]
