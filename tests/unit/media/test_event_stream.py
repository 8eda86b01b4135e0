"""What a listener of a WHEP session's events is told, and what not again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from media.event_stream import EVENTS, EventStream, Situation
from media.rtp.choice import LayerState

HIGH, LOW = LayerState("h", 1_000_000, 1280, 720), LayerState("l", 200_000, 320, 180)
NOW = Situation(is_active=True, viewers=3, layers=((HIGH, True), (LOW, False)), video_line=1, moving=None)
Event = tuple[str, object]


def make_stream(*wanted: str) -> EventStream:
    stream = EventStream(frozenset(wanted or EVENTS))
    stream.begin()
    return stream


def told(stream: EventStream, now: Situation) -> list[Event]:
    return [(name, json.loads(data)) for name, data in stream.news(now)]


def test_a_new_listener_is_told_everything_that_is_true() -> None:
    assert told(make_stream(), NOW) == [
        ("active", {}),
        ("viewercount", {"viewercount": 3}),
        (
            "layers",
            {
                "1": [
                    {"rid": "h", "bitrate": 1_000_000, "width": 1280, "height": 720, "selected": True},
                    {"rid": "l", "bitrate": 200_000, "width": 320, "height": 180},
                ]
            },
        ),
    ]


def test_nothing_is_told_twice() -> None:
    stream = make_stream()
    stream.news(NOW)
    assert told(stream, NOW) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"viewers": 4}, "viewercount"),
        ({"is_active": False}, "inactive"),
        ({"layers": ((HIGH, False), (LOW, True))}, "layers"),
        ({"layers": ((replace(HIGH, bits_per_second=0), False), (LOW, True))}, "layers"),
        ({"layers": ((LOW, True),)}, "layers"),
        ({"layers": ()}, "layers"),
        ({"layers": ((replace(HIGH, width=640, height=360), True), (LOW, False))}, "layers"),
        ({"moving": {"url": "https://b.example/whep/oranges"}}, "reconnect"),
        ({"moving": {}}, "reconnect"),
    ],
)
def test_a_change_is_told_once(changes: dict[str, object], name: str) -> None:
    # given
    stream = make_stream()
    stream.news(NOW)
    after = replace(NOW, **changes)  # type: ignore[arg-type]

    # when, then
    assert [event for event, _ in told(stream, after)] == [name]
    assert told(stream, after) == []


def test_a_bitrate_that_wavers_is_not_news_but_one_that_creeps_away_is() -> None:
    # given
    stream = make_stream("layers")
    stream.news(NOW)

    # when
    heard = []
    for bits in range(1_010_000, 1_300_000, 10_000):
        heard += told(stream, replace(NOW, layers=((replace(HIGH, bits_per_second=bits), True), (LOW, False))))

    # then
    assert len(heard) == 1


def test_a_stream_that_is_not_on_at_first_is_not_called_inactive() -> None:
    # given
    stream = make_stream("active", "inactive")
    away = replace(NOW, is_active=False)

    # when, then
    assert told(stream, away) == []
    assert told(stream, NOW) == [("active", {})]
    assert told(stream, away) == [("inactive", {})]


def test_only_what_was_wanted_is_told() -> None:
    assert told(make_stream("viewercount"), replace(NOW, moving={})) == [("viewercount", {"viewercount": 3})]


def test_a_viewer_without_pictures_hears_of_no_layers() -> None:
    assert told(make_stream("layers"), replace(NOW, video_line=None)) == []


def test_who_comes_back_is_told_again_and_the_listener_before_is_sent_away() -> None:
    # given
    stream = make_stream("viewercount")
    before = stream.over
    stream.news(NOW)

    # when
    over = stream.begin()

    # then
    assert before.is_set()
    assert not over.is_set()
    assert told(stream, NOW) == [("viewercount", {"viewercount": 3})]


def test_data_stands_in_one_line() -> None:
    assert all("\n" not in data for _, data in make_stream().news(replace(NOW, moving={"url": "x\ny"})))
