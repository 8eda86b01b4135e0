"""What a query asks for, and which parts of a text are it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.search.model import grams_of, pieces_of, query_of


def is_found(query: str, text: str) -> bool:
    words, grams = query_of(query), grams_of(text)
    return bool(words) and all(len(grams & {*word.grams}) >= word.needed for word in words)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("柑橘", "柑橘冬季修剪"),
        ("橘", "柑橘冬季修剪"),
        ("柑橘修剪", "柑橘冬季修剪"),  # two words written as one
        ("柑橘冬天修剪", "柑橘冬季修剪"),
        ("修剪 柑橘", "柑橘冬季修剪"),
        ("柑橘修剪", "柑橘修剪"),
        ("茶葉", "茶叶怎么采"),  # traditional writing finds simplified…
        ("茶叶", "茶葉怎麼採"),  # …and the other way round
        ("ＰＨ值", "土壤ph值"),
        ("N P K", "n、p、k 三要素"),
    ],
)
def test_what_is_asked_for_is_found(query: str, text: str) -> None:
    assert is_found(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("冰糖橙", "冰糖怎么熬"),
        ("柑橘", "橘柑"),
        ("柑橘 茶叶", "柑橘冬季修剪"),
        ("柑橘修剪", "柑橘病虫"),
        ("ph", "phone"),
        ("!!!", "!!!"),
        ("", "柑橘"),
        (".*", "柑橘"),
    ],
)
def test_what_is_not_asked_for_is_not_found(query: str, text: str) -> None:
    assert not is_found(query, text)


def test_pieces_mark_each_part_that_was_asked_for() -> None:
    assert pieces_of("柑橘冬季修剪", query_of("柑橘修剪")) == [("柑橘", True), ("冬季", False), ("修剪", True)]
    assert pieces_of("测PH值", query_of("ph")) == [("测", False), ("PH", True), ("值", False)]
    assert pieces_of("树、树", query_of("树")) == [("树", True), ("、", False), ("树", True)]


@given(st.text(max_size=60), st.text(max_size=60))
def test_pieces_are_the_whole_text_whatever_it_is(text: str, query: str) -> None:
    pieces = pieces_of(text, query_of(query))
    assert "".join(piece for piece, _ in pieces) == text
    assert all(one[1] != other[1] for one, other in pairwise(pieces))


@given(st.text(alphabet="柑橘修剪茶 a1ﬁ", min_size=1, max_size=20))
def test_a_text_is_found_by_itself(text: str) -> None:
    assert is_found(text, text) or not query_of(text)


def test_a_query_of_many_words_is_its_first_five() -> None:
    assert [word.grams for word in query_of("甲 乙 丙 丁 戊 己 庚")] == [(word,) for word in "甲乙丙丁戊"]
