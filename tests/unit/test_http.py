"""What all routes share: cross-site protection, addresses behind proxies, errors that name fields."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import Field

from server.errors import BadRequest
from server.http import Body, client_address, is_cross_site, parse


class Sample(Body):
    quantity: int = Field(ge=1, strict=True)


def test_reading_is_never_cross_site() -> None:
    assert not is_cross_site("GET", {"Sec-Fetch-Site": "cross-site"}, "a.cn")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_change_from_another_site_is_seen_by_fetch_metadata(site: str) -> None:
    assert is_cross_site("POST", {"Sec-Fetch-Site": site, "Origin": "https://a.cn"}, "a.cn")


def test_without_trusted_proxies_nobody_names_his_own_address() -> None:
    asked = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "10.0.0.1"})
    assert client_address(asked, 0) == (asked.remote or "")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_change_from_our_own_page_is_allowed(site: str) -> None:
    assert not is_cross_site("POST", {"Sec-Fetch-Site": site}, "a.cn")


def test_an_older_browser_is_judged_by_its_origin() -> None:
    assert is_cross_site("DELETE", {"Origin": "https://evil.cn"}, "a.cn")
    assert is_cross_site("DELETE", {"Origin": "null"}, "a.cn")
    assert not is_cross_site("DELETE", {"Origin": "https://a.cn"}, "a.cn")


def test_a_program_without_both_headers_is_allowed() -> None:
    assert not is_cross_site("POST", {}, "a.cn")


def test_an_address_is_taken_from_the_trusted_proxy_only() -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "6.6.6.6, 1.2.3.4"})
    assert client_address(request, 1) == "1.2.3.4"
    assert client_address(request, 2) == "6.6.6.6"
    assert client_address(request, 4) == "6.6.6.6"


@pytest.mark.parametrize("data", [None, [], "x", {"quantity": True}, {"quantity": 1.5}, {"quantity": 1, "price": 2}])
def test_a_wrong_body_is_refused_with_the_field_named(data: object) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(Sample, data)
    assert any(name in refused.value.detail for name in ("quantity", "price", "body"))
