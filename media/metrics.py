"""The node's numbers for Prometheus, read from plain counters when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rtp.counters import COUNTED, DELAY_BOUNDS_MS, Counters

DROPPED = "dropped_"
LAYERS = ("best", "middle", "least")  # a rid is the publisher's word, and no label


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is there right now."""

    sessions: int
    publishers: int
    viewers: int
    copies_given: int  # to other nodes
    copies_taken: int  # from other nodes
    streams: dict[str, int]  # by state
    recordings: dict[str, int]  # of the streams, by health
    spool_free_bytes: int
    layers: dict[str, int]  # bit/s that publishers send, by the layer's place: LAYERS
    events_waiting: int
    events_lost: int


class NodeMetrics(Collector):
    """Turns counters and a snapshot into metric families."""

    def __init__(self, counters: Counters, look: Callable[[], Snapshot]) -> None:
        self._counters = counters
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """All families of this node."""
        dropped = CounterMetricFamily("dongting_media_dropped", "Datagrams and packets dropped", labels=["reason"])
        for name in COUNTED:
            value = getattr(self._counters, name)
            if name.startswith(DROPPED):
                dropped.add_metric([name.removeprefix(DROPPED)], value)
            else:
                yield CounterMetricFamily(f"dongting_media_{name}", name.replace("_", " "), value=value)
        yield dropped
        seen = self._look()
        yield GaugeMetricFamily("dongting_media_sessions", "peer connections", value=seen.sessions)
        yield GaugeMetricFamily("dongting_media_publishers", "publishers", value=seen.publishers)
        yield GaugeMetricFamily("dongting_media_viewers", "viewers", value=seen.viewers)
        streams = GaugeMetricFamily("dongting_media_streams", "streams by state", labels=["state"])
        for state, count in seen.streams.items():
            streams.add_metric([state], count)
        yield streams
        recordings = GaugeMetricFamily("dongting_media_recordings", "recordings by health", labels=["health"])
        for health, count in seen.recordings.items():
            recordings.add_metric([health], count)
        yield recordings
        yield GaugeMetricFamily(
            "dongting_media_spool_free_bytes", "what the disk of the spool still holds", value=seen.spool_free_bytes
        )
        copies = GaugeMetricFamily("dongting_media_copies", "streams copied between nodes", labels=["direction"])
        copies.add_metric(["given"], seen.copies_given)
        copies.add_metric(["taken"], seen.copies_taken)
        yield copies
        layers = GaugeMetricFamily("dongting_media_ingest_bits_per_second", "from publishers", labels=["layer"])
        for place, bits_per_second in seen.layers.items():
            layers.add_metric([place], bits_per_second)
        yield layers
        yield self._delay()
        yield GaugeMetricFamily("dongting_media_events_waiting", "events not yet sent", value=seen.events_waiting)
        yield CounterMetricFamily("dongting_media_events_lost", "events lost", value=seen.events_lost)

    def _delay(self) -> HistogramMetricFamily:
        """How long packets stayed here on their way to viewers."""
        counts = list(accumulate(self._counters.delay_buckets))
        bounds = [*(str(milliseconds / 1000) for milliseconds in DELAY_BOUNDS_MS), "+Inf"]
        return HistogramMetricFamily(
            "dongting_media_forwarding_delay_seconds",
            "from the arrival of a packet, or the first of its frame, to its departure",
            buckets=list(zip(bounds, counts, strict=True)),
            sum_value=self._counters.delay_seconds,
        )


def make_registry(counters: Counters, look: Callable[[], Snapshot]) -> CollectorRegistry:
    """One registry per node."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeMetrics(counters, look))
    return registry
