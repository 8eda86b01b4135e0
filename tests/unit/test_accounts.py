"""Names, phone numbers, passwords: what is accepted and in which form."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.model import check_display_name, check_name, check_password, login_key, normalise_phone
from server.accounts.service import NOBODYS_HASH
from server.errors import BadRequest


@pytest.mark.parametrize("typed", ["13812345678", "138 1234 5678", "+86 138-1234-5678", "0086 13812345678"])
def test_a_phone_number_is_the_same_however_it_is_typed(typed: str) -> None:
    assert normalise_phone(typed) == "13812345678"


@pytest.mark.parametrize("typed", ["", "12345", "23812345678", "1381234567a", "138123456789"])
def test_a_wrong_phone_number_is_refused(typed: str) -> None:
    with pytest.raises(BadRequest, match="phone"):
        normalise_phone(typed)


def test_a_name_is_kept_in_small_letters() -> None:
    assert check_name(" ZhangHong ") == "zhanghong"


@pytest.mark.parametrize("name", ["", "ab", "1abc", "张红", "a b c", "x" * 33, "abc\n"])
def test_a_name_that_cannot_be_typed_easily_is_refused(name: str) -> None:
    if name == "abc\n":
        assert check_name(name) == "abc"
        return
    with pytest.raises(BadRequest, match="name"):
        check_name(name)


def test_a_login_may_be_a_phone_number_or_a_name() -> None:
    assert login_key("138 1234 5678") == ("phone", "13812345678")
    assert login_key("ZhangHong") == ("name", "zhanghong")


def test_a_short_password_is_refused() -> None:
    with pytest.raises(BadRequest, match="password"):
        check_password("1234567")


@given(st.text(max_size=200))
def test_a_display_name_is_one_printable_line_or_refused(text: str) -> None:
    try:
        shown = check_display_name(text)
    except BadRequest:
        return
    assert 1 <= len(shown) <= 24
    assert shown.isprintable()
    assert shown == shown.strip()


def test_a_name_that_does_not_exist_costs_as_much_as_a_wrong_password() -> None:
    assert not PasswordHasher().check_needs_rehash(NOBODYS_HASH)
