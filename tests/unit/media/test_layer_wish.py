"""What a viewer may ask of the WHEP layer extension."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from media.extensions import LayerWish, choice_of, video_line
from media.problems import Problem
from media.rtp.choice import Choice, Mode

RIDS = {"h", "l"}
FIELDS = ("mediaId", "rid", "maxWidth", "maxHeight", "mode")


def wish(text: str) -> Choice:
    return choice_of(LayerWish.model_validate_json(text), 1, RIDS)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("{}", Choice()),
        ('{"mediaId": "1"}', Choice()),
        ('{"mediaId": 1, "rid": "h"}', Choice(Mode.LAYER, "h")),
        ('{"rid": "l", "maxHeight": 360}', Choice(Mode.LAYER, "l", max_height=360)),
        ('{"maxWidth": 640, "maxHeight": 360}', Choice(Mode.AUTO, "", 640, 360)),
        ('{"mode": "auto"}', Choice()),
        ('{"mode": "slides"}', Choice(Mode.SLIDES)),
        ('{"mode": "audio", "mediaId": "1"}', Choice(Mode.AUDIO)),
        ('{"rid": "h", "spatialLayerId": 1, "whatever": []}', Choice(Mode.LAYER, "h")),
    ],
)
def test_a_wish_becomes_a_choice(text: str, choice: Choice) -> None:
    assert wish(text) == choice


@pytest.mark.parametrize(
    "text",
    [
        '{"rid": "m"}',
        '{"rid": ""}',
        '{"mediaId": "0"}',
        '{"mediaId": "None"}',
        '{"mode": "layer"}',
        '{"mode": "best"}',
        '{"mode": "audio", "rid": "h"}',
    ],
)
def test_what_is_not_there_cannot_be_chosen(text: str) -> None:
    with pytest.raises(Problem) as refused:
        wish(text)
    assert (refused.value.status, refused.value.code) == (400, "bad_request")


@pytest.mark.parametrize(
    "text", ["[]", "nonsense", '{"maxWidth": 0}', '{"maxHeight": "360"}', '{"rid": 3}', '{"mode": true}']
)
def test_what_is_not_of_the_form_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        wish(text)


def test_a_viewer_without_pictures_may_ask_for_no_line() -> None:
    assert choice_of(LayerWish(), None, set()) == Choice()
    with pytest.raises(Problem):
        choice_of(LayerWish(mediaId="None"), None, set())


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("v=0\r\nm=video 9 x\r\na=mid:0\r\nm=audio 9 x\r\n", 0),
        ("v=0\r\nm=audio 9 x\r\nm=video 9 x\r\n", 1),
        ("v=0\r\nm=video 0 x\r\nm=audio 9 x\r\n", None),
        ("v=0\r\nm=audio 9 x\r\n", None),
    ],
)
def test_the_pictures_line_is_the_one_that_was_accepted(answer: str, line: int | None) -> None:
    assert video_line(answer) == line


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=6)
    ),
)


@given(st.text() | (JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON))).map(json.dumps))
def test_any_text_is_a_choice_or_refused(text: str) -> None:
    try:
        choice = wish(text)
    except (Problem, ValidationError):
        return
    assert choice.rid in {"", *RIDS}
