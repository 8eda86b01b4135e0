"""What a node prints for Prometheus."""

from __future__ import annotations

from prometheus_client import generate_latest

from media.metrics import Snapshot, make_registry
from media.rtp.counters import Counters

SEEN = Snapshot(
    sessions=5,
    publishers=1,
    viewers=3,
    copies_given=1,
    copies_taken=0,
    streams={"live": 1},
    recordings={"on": 1, "off": 0},
    spool_free_bytes=7_000_000,
    layers={"best": 900_000, "least": 120_000},
    events_waiting=0,
    events_lost=0,
)


def printed(counters: Counters) -> list[str]:
    return generate_latest(make_registry(counters, lambda: SEEN)).decode().splitlines()


def test_the_forwarding_delay_is_a_histogram_in_seconds() -> None:
    # given
    counters = Counters()
    counters.forwarded(0.0004, 3)
    counters.forwarded(0.004, 2)
    counters.forwarded(9.0, 1)

    # when
    lines = printed(counters)

    # then
    name = "dongting_media_forwarding_delay_seconds"
    assert f'{name}_bucket{{le="0.0005"}} 3.0' in lines
    assert f'{name}_bucket{{le="0.005"}} 5.0' in lines
    assert f'{name}_bucket{{le="0.1"}} 5.0' in lines
    assert f'{name}_bucket{{le="+Inf"}} 6.0' in lines
    assert f"{name}_count 6.0" in lines
    assert any(line.startswith(f"{name}_sum 9.00") for line in lines)


def test_layers_and_copies_have_labels_that_nobody_outside_chooses() -> None:
    lines = printed(Counters())
    assert 'dongting_media_ingest_bits_per_second{layer="best"} 900000.0' in lines
    assert 'dongting_media_copies{direction="given"} 1.0' in lines
    assert 'dongting_media_streams{state="live"} 1.0' in lines


def test_drops_are_one_family_by_reason() -> None:
    counters = Counters()
    counters.dropped_late = 7
    assert 'dongting_media_dropped_total{reason="late"} 7.0' in printed(counters)
