"""Word lists: a forbidden word is found however it is dressed up, and ordinary words are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.moderation.links import has_link
from server.moderation.words import ForbiddenWord, WordAction, WordList, fold

LIST = WordList(
    [
        ForbiddenWord("假药", WordAction.REFUSE),
        ForbiddenWord("口红", WordAction.REFUSE),
        ForbiddenWord("加微信", WordAction.HOLD),
        ForbiddenWord("ass", WordAction.REFUSE),
        ForbiddenWord("VX101", WordAction.REFUSE),
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "卖假药了",
        "假 药",
        "假。药",
        "假🍊药",
        "假\u200b药",  # a space of no width
        "假藥",  # traditional
        "ロ红",  # katakana, not a mouth
        "ａｓｓ",  # full width
        "a.s.s",
        "аss",  # a Cyrillic а
        "Ａ-Ş-S",
        "𝐀𝐒𝐒",
        "vxl0l",
        "ＶＸ１０１",
        "加微信买假药",  # the sterner of two
    ],
)
def test_a_forbidden_word_is_found_in_disguise(text: str) -> None:
    assert LIST.find(text) is WordAction.REFUSE


@pytest.mark.parametrize("text", ["加 微 信", "加薇信加微\u2060信"])
def test_words_that_staff_decides_on_are_held(text: str) -> None:
    assert LIST.find(text) is WordAction.HOLD


@pytest.mark.parametrize("text", ["这个橙子真甜", "pass the class", "真药", "药假", "", "。。。", "微信"])
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert LIST.find(text) is None


@given(st.text(max_size=200))
def test_folding_takes_any_text_and_knows_the_places(text: str) -> None:
    folded = fold(text)
    assert len(folded.plain) == len(folded.places)
    assert list(folded.places) == sorted(folded.places)
    assert fold(folded.plain).plain == fold(fold(folded.plain).plain).plain


@given(st.text(alphabet="假药 。!\u200b🍊", max_size=30))
def test_decoration_never_hides_a_word(text: str) -> None:
    bare = "".join(ch for ch in text if ch in "假药")
    assert (LIST.find(text) is WordAction.REFUSE) == ("假药" in bare)


def test_an_empty_list_finds_nothing() -> None:
    assert WordList([]).find("假药") is None
    assert WordList([ForbiddenWord("。。", WordAction.REFUSE)]).find("。。") is None


@pytest.mark.parametrize(
    "text",
    ["www.baidu.com", "ｂａｉｄｕ．ｃｏｍ", "baidu 。 com", "http://a", "看163.com", "b\u200baidu.com", "t.cn/x"],
)
def test_links_are_seen(text: str) -> None:
    assert has_link(text)


@pytest.mark.parametrize("text", ["3.5斤", "1.cc", "今天很好。com", "ok.好的", "橙子5.5元", "a.computer"])
def test_what_only_looks_like_a_link_is_none(text: str) -> None:
    assert not has_link(text)
