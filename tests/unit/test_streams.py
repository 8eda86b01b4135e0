"""The life of a broadcast: which step leads where, and places on its timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from server.errors import Conflict
from server.streams.model import STEPS, Step, Stream, StreamState, next_state, timeline_ms

BEGIN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def make_stream(**changes: object) -> Stream:
    fields = {
        "id": "s1",
        "room_id": "r1",
        "host_id": "h1",
        "title": "柑橘开园",
        "state": StreamState.LIVE,
        "created_at": BEGIN,
        "started_at": BEGIN,
        "first_picture_at": BEGIN,
    }
    return Stream(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "step"), list(product(StreamState, Step)))
def test_every_step_leads_where_the_table_says_or_is_refused(state: StreamState, step: Step) -> None:
    if (state, step) in STEPS:
        assert next_state(state, step) is STEPS[state, step]
    else:
        with pytest.raises(Conflict) as refused:
            next_state(state, step)
        assert refused.value.code == "step_not_allowed"


@pytest.mark.parametrize("state", [StreamState.ENDED, StreamState.CANCELLED])
def test_nothing_brings_a_finished_stream_back(state: StreamState) -> None:
    assert not [step for step in Step if (state, step) in STEPS]


def test_a_moment_is_counted_from_the_first_picture() -> None:
    stream = make_stream(first_picture_at=BEGIN + timedelta(seconds=2))
    assert timeline_ms(stream, BEGIN + timedelta(seconds=5)) == 3000


def test_a_moment_before_the_first_picture_is_zero() -> None:
    assert timeline_ms(make_stream(), BEGIN - timedelta(seconds=1)) == 0
    assert timeline_ms(make_stream(first_picture_at=None, started_at=None), BEGIN) == 0
