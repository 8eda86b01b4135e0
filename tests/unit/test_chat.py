"""Chat texts."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.model import check_text
from server.errors import BadRequest


@given(st.text(max_size=300))
def test_a_text_is_one_clean_line_or_refused(text: str) -> None:
    try:
        cleaned = check_text(text)
    except BadRequest:
        return
    assert 1 <= len(cleaned) <= 200
    assert not any(unicodedata.category(ch) == "Cc" for ch in cleaned)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "长" * 201])
def test_an_empty_or_endless_text_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        check_text(text)


def test_family_emoji_stay_whole() -> None:
    assert check_text("👨‍👩‍👧 你好") == "👨‍👩‍👧 你好"
