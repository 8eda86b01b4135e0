"""Who answers in the place of S3 with something else is named: nobody else knows why nothing can be kept."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from config.objects import ObjectsUnavailable, S3Objects
from config.settings import SharedSettings


async def test_an_answer_that_is_no_xml_says_what_it_was() -> None:
    # given
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=409, text="no\n  volume server " + "x" * 10_000)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server:
        settings = SharedSettings.model_validate(
            {
                "mongodb_uri": "mongodb://127.0.0.1/",
                "redis_url": "redis://127.0.0.1/",
                "s3_endpoint": f"127.0.0.1:{server.port}",
                "s3_access_key": "key",
                "s3_secret_key": "secret-secret",
                "internal_secret": "s" * 40,
            }
        )
        async with S3Objects(settings) as objects:
            # when
            with pytest.raises(ObjectsUnavailable) as told:
                await objects.put("a", b"b", "text/plain")
    # then
    assert "409" in str(told.value)
    assert "no volume server" in str(told.value)
    assert len(str(told.value)) < 400
