"""What viewers get, added up over the media nodes."""

from __future__ import annotations

import pytest

from server.streams.audience import Audience, Ingest, LayerReport, add_up, read_reports


def test_nodes_are_added_up_and_loss_weighs_by_viewers() -> None:
    # given
    one = Audience(viewers=30, by_layer={"h": 20, "m": 8}, slides=1, audio=1, stalling=3, loss=0.02)
    other = Audience(viewers=10, by_layer={"m": 9}, audio=1, stalling=1, loss=0.06)

    # when
    total = add_up([one, other])

    # then
    assert (total.viewers, total.slides, total.audio, total.stalling) == (40, 1, 2, 4)
    assert total.by_layer == {"h": 20, "m": 17}
    assert total.loss == pytest.approx(0.03)


def test_nobody_is_there_when_no_node_reports() -> None:
    assert add_up([]) == Audience()


def test_the_publisher_is_where_most_comes_in() -> None:
    # given the node that has him, and the one that he has just left
    here = Ingest(bitrate=2_000_000, layers=(LayerReport(rid="h", bitrate=1_800_000, width=1280, height=720),))

    # when
    total = add_up([Audience(ingest=Ingest(bitrate=90_000)), Audience(ingest=here), Audience(viewers=1)])

    # then
    assert total.ingest == here


@pytest.mark.parametrize(
    "wrong",
    [
        {"viewers": -1},
        {"viewers": "many"},
        {"loss": 7},
        {"by_layer": [1]},
        {"by_layer": dict.fromkeys("abcdefghijklmnopqr", 1)},
    ],
    ids=str,
)
def test_a_malformed_report_is_left_out(wrong: dict[str, object]) -> None:
    reports = read_reports(
        {"audience:s1:a": wrong, "audience:s1:b": {"viewers": 2, "node_id": "b", "later": "field"}}
    )

    assert reports == [Audience(viewers=2)]
