"""The built page: which headers its files go out with."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from server.pages import page_routes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page as it is built."""
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "sw.js", "manifest.webmanifest", "assets/index-abc.js"):
        (tmp_path / name).write_text("x")
    return tmp_path


async def headers_of(folder: Path, path: str, accepted: str = "identity") -> tuple[int, dict[str, str]]:
    app = web.Application()
    app.router.add_routes(page_routes(folder))
    asked = {"Accept-Encoding": accepted}
    async with TestClient(TestServer(app)) as client, client.get(path, headers=asked) as response:
        return response.status, dict(response.headers)


@pytest.mark.parametrize("path", ["/", "/lessons/abc", "/index.html"])
async def test_the_page_has_its_policy_under_each_of_its_names(folder: Path, path: str) -> None:
    status, headers = await headers_of(folder, path)
    assert status == 200
    assert headers["Cache-Control"] == "no-cache"
    # A service worker that keeps /index.html answers with these headers where there is no network.
    assert "default-src 'self'" in headers["Content-Security-Policy"]


async def test_a_service_worker_is_asked_for_anew_each_time(folder: Path) -> None:
    status, headers = await headers_of(folder, "/sw.js")
    assert (status, headers["Cache-Control"]) == (200, "no-cache")
    assert "javascript" in headers["Content-Type"]


async def test_the_app_is_described_in_its_own_type(folder: Path) -> None:
    _, headers = await headers_of(folder, "/manifest.webmanifest")
    assert headers["Content-Type"] == "application/manifest+json"


async def test_what_has_its_content_in_its_name_is_kept_for_good(folder: Path) -> None:
    _, headers = await headers_of(folder, "/assets/index-abc.js")
    assert "immutable" in headers["Cache-Control"]


async def test_a_pack_that_no_device_has_is_no_page(folder: Path) -> None:
    status, _ = await headers_of(folder, "/packs/u.1/master.m3u8")
    assert status == 404


@pytest.mark.parametrize("path", ["/assets/index-abc.js", "/", "/lessons/abc"])
async def test_the_page_goes_out_as_small_as_a_browser_takes_it(folder: Path, path: str) -> None:
    for name in ("index.html", "assets/index-abc.js"):
        (folder / f"{name}.gz").write_bytes(gzip.compress(b"x"))
    plain, small = await headers_of(folder, path), await headers_of(folder, path, "gzip, deflate")
    assert (plain[1].get("Content-Encoding"), small[1]["Content-Encoding"]) == (None, "gzip")
    assert small[1]["Vary"] == "Accept-Encoding"
    assert small[1]["Cache-Control"] == plain[1]["Cache-Control"]
    assert small[1]["Content-Type"] == plain[1]["Content-Type"]
