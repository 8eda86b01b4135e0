"""WeChat Pay's callbacks: only what it signed just now, with content that only we can read."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadRequest, DomainError
from server.payments.gateway import Gateway
from server.payments.model import Notice
from server.payments.wechat.provider import Wechat
from server.payments.wechat.signing import SIGNATURE_HEADERS, Signer
from tests.harness.gateway import Trade, rsa_key
from tests.harness.wechat_gateway import API_V3_KEY, KEYS, WechatGateway

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)


class StandingClock:
    def now(self) -> datetime:
        return NOW


@cache
def make_provider() -> Wechat:
    gateway: Gateway = None  # type: ignore[assignment]  # reading asks nobody
    return Wechat(KEYS, gateway, "https://api.example.cn", "https://live.example.cn", StandingClock())


def make_trade(state: str = "paid") -> Trade:
    return Trade("f" * 32, 990, NOW + timedelta(minutes=5), "https://live.example.cn/callback", state)


async def make_gateway() -> WechatGateway:
    return WechatGateway(StandingClock())


async def refused(headers: dict[str, str], body: bytes) -> str:
    with pytest.raises(DomainError) as error:
        make_provider().read_notice(headers, body, NOW)
    return error.value.code


async def test_a_genuine_callback_says_who_paid_how_much() -> None:
    callback = (await make_gateway()).callback(make_trade())
    assert make_provider().read_notice(*callback, NOW) == Notice("f" * 32, 990, "420000" + "f" * 20)


async def test_a_trade_that_is_not_paid_is_no_money() -> None:
    callback = (await make_gateway()).callback(make_trade("closed"))
    assert not make_provider().read_notice(*callback, NOW).is_paid


@pytest.mark.parametrize("seconds", [301, -301])
async def test_what_was_signed_more_than_five_minutes_from_now_is_refused(seconds: int) -> None:
    gateway = await make_gateway()
    callback = gateway.callback(make_trade(), at=NOW - timedelta(seconds=seconds))
    assert await refused(*callback) == "callback_too_old"
    fresh = gateway.callback(make_trade(), at=NOW - timedelta(seconds=300))
    assert make_provider().read_notice(*fresh, NOW).is_paid


@pytest.mark.parametrize("header", SIGNATURE_HEADERS)
@pytest.mark.parametrize("value", ["", "0", "0x", "é", "1" * 400, "AAAA"])
async def test_a_callback_with_another_header_is_refused(header: str, value: str) -> None:
    headers, body = (await make_gateway()).callback(make_trade())
    assert await refused({**headers, header: value}, body) == "bad_signature"
    del headers[header]
    assert await refused(headers, body) == "bad_signature"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"appid": "wx0000000000000002"}, "wrong_merchant"),
        ({"mchid": "1900000002"}, "wrong_merchant"),
        ({"amount": {"total": 990, "currency": "USD"}}, "bad_request"),
        ({"amount": {"total": 990.0, "currency": "CNY"}}, "bad_request"),
        ({"amount": {"total": -990, "currency": "CNY"}}, "bad_request"),
        ({"amount": None}, "bad_request"),
        ({"out_trade_no": ""}, "bad_request"),
        ({"event_type": "REFUND.SUCCESS"}, "bad_request"),
        ({"api_v3_key": API_V3_KEY[::-1]}, "bad_request"),
        ({"key": rsa_key("a stranger")}, "bad_signature"),
    ],
)
async def test_a_signed_callback_about_something_else_is_refused(changes: dict[str, Any], code: str) -> None:
    assert await refused(*(await make_gateway()).callback(make_trade(), **changes)) == code


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", "[" * 5_000, '{"event_type": 1}'])
async def test_signed_rubbish_is_refused(body: str) -> None:
    assert await refused((await make_gateway()).signature(body), body.encode()) == "bad_request"


async def test_a_callback_cut_anywhere_is_refused() -> None:
    headers, body = (await make_gateway()).callback(make_trade())
    for end in range(len(body)):
        assert await refused(headers, body[:end]) == "bad_signature"


@given(nonce=st.text(max_size=20), ciphertext=st.binary(max_size=60), data=st.text(max_size=20), raw=st.booleans())
def test_what_cannot_be_decrypted_is_a_bad_request(nonce: str, ciphertext: bytes, data: str, raw: bool) -> None:
    text = ciphertext.decode("latin-1") if raw else b64encode(ciphertext).decode()
    with pytest.raises(BadRequest):
        make_provider()._signer.decrypt(nonce, text, data)


def test_our_signature_covers_method_path_time_nonce_and_body() -> None:
    signer = Signer(KEYS)
    one = signer.headers("POST", "/v3/pay/transactions/h5", json.dumps({"description": "橙"}))
    other = signer.headers("POST", "/v3/pay/transactions/h5", json.dumps({"description": "橙"}))
    assert one["Authorization"].startswith(f'WECHATPAY2-SHA256-RSA2048 mchid="{KEYS.merchant_id}",')
    assert one["Authorization"] != other["Authorization"]
    assert one["Wechatpay-Serial"] == KEYS.public_key_id
