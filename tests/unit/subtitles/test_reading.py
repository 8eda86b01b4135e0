"""Subtitles that teachers upload: what is read of them, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadRequest
from server.subtitles.model import MAX_LINES, Line, fit, read_subtitles, write_webvtt

WEBVTT = """WEBVTT - 柑橘

NOTE 校对过

开头
00:01.000 --> 00:02.500 line:0
<v 李老师>先看<b>树势</b>
再看光照

00:00:03.000 --> 00:00:04.000
好
"""
SUBRIP = "1\r\n00:00:01,000 --> 00:00:02,500\r\n先看树势\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n<i>好</i>\r\n"


def test_webvtt_is_read_without_its_markup_names_and_notes() -> None:
    assert read_subtitles(WEBVTT.encode()) == (Line(1000, 2500, "先看树势\n再看光照"), Line(3000, 4000, "好"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_subrip_is_read_in_the_encodings_that_programs_write(encoding: str) -> None:
    assert read_subtitles(SUBRIP.encode(encoding)) == (Line(1000, 2500, "先看树势"), Line(3000, 4000, "好"))


def test_lines_come_in_the_order_of_time() -> None:
    text = "WEBVTT\n\n00:05.000 --> 00:06.000\n后\n\n00:01.000 --> 00:02.000\n先\n"
    assert [line.text for line in read_subtitles(text.encode())] == ["先", "后"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"WEBVTT",
        b"hello",
        b"\x00\x00\x00\x18ftypmp42",
        b"\xff\xfe\x00",
        "WEBVTT\n\n00:05.000 --> 00:01.000\n倒着\n".encode(),
        b"WEBVTT\n\n00:01.000 --> 00:02.000\n<b></b>\n",
        b"WEBVTT\n\n" + b"00:01.000 --> 00:02.000\nx\n\n" * (MAX_LINES + 1),
    ],
)
def test_what_is_no_subtitle_file_is_refused_with_its_code(raw: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        read_subtitles(raw)
    assert refused.value.code == "bad_subtitles"


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    try:
        read_subtitles(b"WEBVTT\n\n" + raw)
    except BadRequest as refused:
        assert refused.code == "bad_subtitles"  # noqa: PT017 -- both ends are fine


@pytest.mark.parametrize("cut", range(0, len(WEBVTT.encode()), 7))
def test_a_file_that_is_cut_off_is_read_or_refused(cut: int) -> None:
    try:
        read_subtitles(WEBVTT.encode()[:cut])
    except BadRequest as refused:
        assert refused.code == "bad_subtitles"  # noqa: PT017 -- both ends are fine


def test_what_is_written_is_read_again() -> None:
    lines = (Line(0, 900, "a < b & c > d"), Line(3_600_000, 3_601_001, "先看\n再剪"))
    assert read_subtitles(write_webvtt(lines).encode())[1] == lines[1]
    assert "a &lt; b &amp; c &gt; d" in write_webvtt(lines)


def test_lines_after_the_end_are_left_out_and_a_file_of_another_lesson_is_refused() -> None:
    lines = (Line(1000, 2000, "先"), Line(9000, 9500, "后"))
    assert fit(lines, 5000) == lines[:1]
    with pytest.raises(BadRequest):
        fit(lines, 500)
