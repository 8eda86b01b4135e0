"""The node's numbers for Prometheus, read from plain counters when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rtp.counters import COUNTED, Counters

DROPPED = "dropped_"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is there right now."""

    sessions: int
    publishers: int
    viewers: int
    streams: dict[str, int]  # by state
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
        yield GaugeMetricFamily("dongting_media_events_waiting", "events not yet sent", value=seen.events_waiting)
        yield CounterMetricFamily("dongting_media_events_lost", "events lost", value=seen.events_lost)


def make_registry(counters: Counters, look: Callable[[], Snapshot]) -> CollectorRegistry:
    """One registry per node."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeMetrics(counters, look))
    return registry
