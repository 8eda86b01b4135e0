"""Codes of certificates: nobody mistypes one into another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.certificates.model import ALPHABET, CODE_LENGTH, masked, new_code, read_code, written
from server.certificates.paper import Paper, draw

CODE = new_code()


def test_a_code_is_read_however_it_is_typed() -> None:
    for typed in (CODE, written(CODE), written(CODE).lower(), f" {written(CODE).replace('-', ' ')} "):
        assert read_code(typed) == CODE


@pytest.mark.parametrize("place", range(CODE_LENGTH + 1))
def test_one_wrong_character_is_noticed(place: int) -> None:
    for ch in ALPHABET:
        wrong = CODE[:place] + ch + CODE[place + 1 :]
        assert read_code(wrong) == (CODE if wrong == CODE else None)


@pytest.mark.parametrize("place", range(CODE_LENGTH))
def test_two_characters_that_changed_places_are_noticed(place: int) -> None:
    swapped = CODE[:place] + CODE[place + 1] + CODE[place] + CODE[place + 2 :]
    if place < CODE_LENGTH - 1:  # with the check character itself it may fit by chance
        assert read_code(swapped) == (CODE if swapped == CODE else None)


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_code_or_none(typed: str) -> None:
    assert read_code(typed) is None or len(typed) >= CODE_LENGTH


@pytest.mark.parametrize(("name", "shown"), [("李明", "李*"), ("欧阳春兰", "欧***"), ("李", "李*")])
def test_a_name_is_shown_to_its_owner_alone(name: str, shown: str) -> None:
    assert masked(name) == shown


def test_a_paper_is_drawn_with_names_too_long_for_it_and_characters_of_all_kinds() -> None:
    paper = Paper(
        "测" * 24, "骨直角😀" * 15, "共 1 节课", "老师" * 12, "2026-11-28", written(CODE), "/certificates/x", "洞庭"
    )
    pdf = draw(paper)
    assert pdf.startswith(b"%PDF")
    assert len(pdf) < 200_000  # the font itself has 19 MB
