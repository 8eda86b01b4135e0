"""Alipay's notices and answers: only what it signed; and its yuan, which are our fen."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import DomainError
from server.payments.alipay.money import to_fen, to_yuan
from server.payments.alipay.provider import Alipay
from server.payments.alipay.signing import Signer, members
from server.payments.gateway import Gateway
from server.payments.model import Notice
from tests.harness.alipay_gateway import KEYS, AlipayGateway
from tests.harness.gateway import Trade, rsa_key, signed

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
NAME = "alipay_trade_query_response"


class StandingClock:
    def now(self) -> datetime:
        return NOW


@cache
def make_provider() -> Alipay:
    gateway: Gateway = None  # type: ignore[assignment]  # reading asks nobody
    return Alipay(KEYS, gateway, "https://api.example.cn/gateway.do", "https://live.example.cn", StandingClock())


def make_trade(state: str = "paid") -> Trade:
    return Trade("f" * 32, 990, NOW + timedelta(minutes=5), "https://live.example.cn/callback", state)


async def make_notice(state: str = "paid", **changes: Any) -> bytes:
    return AlipayGateway(StandingClock()).callback(make_trade(state), **changes)[1]


def refused(body: bytes) -> str:
    with pytest.raises(DomainError) as error:
        make_provider().read_notice({}, body, NOW)
    return error.value.code


async def test_a_genuine_notice_says_who_paid_how_much() -> None:
    notice = make_provider().read_notice({}, await make_notice(), NOW)
    assert notice == Notice("f" * 32, 990, "20261122" + "f" * 20)


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "TRADE_CLOSED", "SOMETHING_NEW"])
async def test_a_trade_that_is_not_paid_is_no_money(status: str) -> None:
    assert not make_provider().read_notice({}, await make_notice(trade_status=status), NOW).is_paid


async def test_a_trade_that_is_finished_is_paid() -> None:
    assert make_provider().read_notice({}, await make_notice(trade_status="TRADE_FINISHED"), NOW).is_paid


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_id": "2021000000000002"}, "wrong_merchant"),
        ({"seller_id": "2088000000000002"}, "wrong_merchant"),
        ({"total_amount": "9.900"}, "bad_request"),
        ({"total_amount": "9,90"}, "bad_request"),
        ({"total_amount": "-9.90"}, "bad_request"),
        ({"total_amount": "1e3"}, "bad_request"),
        ({"total_amount": "٩.90"}, "bad_request"),
        ({"out_trade_no": ""}, "bad_request"),
        ({"notify_time": "yesterday"}, "bad_request"),
        ({"at": NOW - timedelta(hours=27)}, "callback_too_old"),
        ({"at": NOW + timedelta(minutes=6)}, "callback_too_old"),
        ({"key": rsa_key("a stranger")}, "bad_signature"),
    ],
)
async def test_a_notice_about_something_else_is_refused(changes: dict[str, Any], code: str) -> None:
    assert refused(await make_notice(**changes)) == code


async def test_a_notice_that_was_told_again_for_a_day_is_believed() -> None:
    assert make_provider().read_notice({}, await make_notice(at=NOW - timedelta(hours=25)), NOW).is_paid


async def test_a_notice_with_a_moved_field_is_refused() -> None:
    fields = parse_qsl((await make_notice()).decode())
    for name, _ in fields:
        changed = urlencode([(one, "x" if one == name else value) for one, value in fields])
        assert refused(changed.encode()) == "bad_signature"
        without = urlencode([(one, value) for one, value in fields if one != name])
        assert refused(without.encode()) == "bad_signature"


async def test_a_notice_that_says_something_twice_is_refused() -> None:
    assert refused(await make_notice() + b"&total_amount=0.01") == "bad_request"


@pytest.mark.parametrize("body", [b"", b"a", b"\xff", b"a=%ff", b"&" * 200, b"sign_type=RSA2&sign=%21"])
def test_rubbish_is_refused(body: bytes) -> None:
    assert refused(body) in {"bad_request", "bad_signature"}


@given(st.integers(0, 10**11))
def test_fen_survive_being_yuan(fen: int) -> None:
    assert to_fen(to_yuan(fen)) == fen


@pytest.mark.parametrize(
    ("yuan", "fen"), [("0.01", 1), ("9.9", 990), ("9", 900), ("0.29", 29), ("10000000.00", 10**9)]
)
def test_yuan_are_read_exactly(yuan: str, fen: int) -> None:
    assert to_fen(yuan) == fen


@given(st.text(max_size=12))
def test_what_is_no_amount_is_refused_by_value_error_alone(text: str) -> None:
    with suppress(ValueError):
        assert to_fen(text) >= 0


def answer(content: str, key: str = "alipay", name: str = NAME) -> str:
    return f'{{"{name}":{content},"sign":"{signed(rsa_key(key), content)}"}}'


@pytest.mark.parametrize(
    "content",
    [
        '{"code":"10000","msg":"a \\" } { b","nested":{"a":[1,{"b":"}"}]}}',
        '{ "code" : "10000" ,\n "url":"https:\\/\\/a" }',
        '{"code":"10000","msg":"成功","again":"\\"alipay_trade_query_response\\":{}"}',
    ],
)
def test_the_signature_covers_the_content_as_it_was_written(content: str) -> None:
    assert Signer(KEYS).read_answer(answer(content), NAME) == json.loads(content)
    for wrong in (answer(content, key="a stranger"), answer(content).replace("10000", "10001")):
        with pytest.raises(ValueError, match="not signed by Alipay"):
            Signer(KEYS).read_answer(wrong, NAME)


def test_the_order_of_an_answers_parts_does_not_matter() -> None:
    content = '{"code":"10000"}'
    text = f' {{ "sign" : "{signed(rsa_key("alipay"), content)}" , "{NAME}" : {content} }} '
    assert Signer(KEYS).read_answer(text, NAME) == {"code": "10000"}


def test_a_refusal_without_a_signature_is_no_answer_but_says_why() -> None:
    text = '{"error_response":{"code":"40002","sub_code":"isv.invalid-signature"}}'
    with pytest.raises(ValueError, match=r"isv\.invalid-signature"):
        Signer(KEYS).read_answer(text, NAME)


@given(st.text(alphabet='{}[]",:\\ abn1', max_size=30))
def test_a_text_that_is_no_object_raises_value_error_alone(text: str) -> None:
    with suppress(ValueError):
        assert {name: value for name, (value, _) in members(text).items()} == json.loads(text)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,"a":2}', "[" * 50_000, '{"a":1}x']
)
def test_a_broken_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        members(text)


def test_a_deep_object_is_refused() -> None:
    with pytest.raises(ValueError):
        members('{"a":' + "[" * 100_000)
