"""Payments: signatures that hold, pages that escape, callbacks that are tried again for a bounded time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import DomainError, NotAllowed
from server.payments.model import Notice, Payer, Payment, PaymentState, check_notice
from server.payments.sandbox.bill import CALLBACK_TRIES, BillState, new_bill, next_try, yuan
from server.payments.sandbox.page import bill_page
from server.payments.sandbox.provider import check_signature, sign

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SECRET = "a secret of the sandbox, 32 characters"
PAYMENT = Payment(
    id="pay1",
    order_id="o1",
    order_number="20261122-0",
    provider="sandbox",
    payer=Payer(on_phone=True, address="192.0.2.9"),
    title="冰糖橙 × 1",
    amount_fen=990,
    state=PaymentState.WAITING,
    created_at=NOW,
    expires_at=NOW + timedelta(minutes=5),
)


def refusal(secret: str, header: str, body: bytes, now: datetime = NOW) -> str:
    with pytest.raises(NotAllowed) as refused:
        check_signature(secret, header, body, now)
    return refused.value.code


def test_a_signature_of_the_same_body_holds_for_five_minutes() -> None:
    header = sign(SECRET, b"{}", NOW)
    check_signature(SECRET, header, b"{}", NOW + timedelta(minutes=5))
    assert refusal(SECRET, header, b"{}", NOW + timedelta(minutes=5, seconds=1)) == "callback_too_old"
    assert refusal(SECRET, header, b"{}", NOW - timedelta(minutes=5, seconds=1)) == "callback_too_old"


@given(body=st.binary(max_size=40), other=st.binary(max_size=40))
def test_a_signature_holds_for_no_other_body(body: bytes, other: bytes) -> None:
    header = sign(SECRET, body, NOW)
    if body != other:
        assert refusal(SECRET, header, other) == "bad_signature"
    assert refusal(SECRET[::-1], header, body) == "bad_signature"


@given(header=st.text(max_size=100))
def test_a_made_up_signature_is_refused(header: str) -> None:
    assert refusal(SECRET, header, b"{}") == "bad_signature"


def test_a_moved_time_breaks_the_signature() -> None:
    at = int(NOW.timestamp())
    moved_on = sign(SECRET, b"{}", NOW).replace(f"t={at}", f"t={at + 600}")
    assert refusal(SECRET, moved_on, b"{}", NOW + timedelta(minutes=10)) == "bad_signature"


@pytest.mark.parametrize(
    ("notice", "payment", "provider", "code"),
    [
        (Notice("pay1", 990, "R"), None, "sandbox", "unknown_payment"),
        (Notice("pay1", 990, "R"), PAYMENT, "another", "unknown_payment"),
        (Notice("pay1", 989, "R"), PAYMENT, "sandbox", "wrong_amount"),
    ],
)
def test_a_notice_must_fit_its_payment(notice: Notice, payment: Payment | None, provider: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        check_notice(notice, payment, provider)
    assert refused.value.code == code


def test_the_page_says_what_it_costs_and_that_no_money_is_taken() -> None:
    page = bill_page(new_bill(replace(PAYMENT, amount_fen=123_450)))
    for words in ("沙箱，不会扣真钱", "¥1,234.50", "冰糖橙 × 1", "付款", "取消"):
        assert words in page


def test_the_page_escapes_what_others_wrote() -> None:
    page = bill_page(new_bill(replace(PAYMENT, title='<script>alert("橙")</script> $amount')))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "$amount" in page


def test_a_paid_bill_cannot_be_paid_again_from_its_page() -> None:
    page = bill_page(replace(new_bill(PAYMENT), state=BillState.PAID))
    assert "<form" not in page
    assert "/orders/o1" in page


def test_a_callback_is_tried_again_with_growing_pauses_and_then_given_up() -> None:
    pauses = [at - NOW for tries in range(1, CALLBACK_TRIES) if (at := next_try(tries, NOW))]
    assert pauses == sorted(pauses)
    assert len(pauses) == CALLBACK_TRIES - 1
    assert sum(pauses, timedelta()) < timedelta(hours=1)
    assert next_try(CALLBACK_TRIES, NOW) is None


@pytest.mark.parametrize(("fen", "text"), [(1, "0.01"), (990, "9.90"), (100_000_000, "1,000,000.00")])
def test_amounts_are_written_for_people(fen: int, text: str) -> None:
    assert yuan(fen) == text
