"""The figures of one row, computed from what was counted. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.bench.relay_parts.native import TrackCount, ViewerCount

SLACK_SHARE = 0.02  # of a window's packets may be on their way at its two ends
SLACK_LEAST = 48  # two keyframes


@dataclass(frozen=True, slots=True)
class Beside:
    """Another server right after ours, with the same load."""

    name: str
    joined: int
    cpu_us_per_packet: float  # of the process that forwards
    signalling_us_per_packet: float  # of the one beside it that answered HTTP, in the same window
    ratio_of_ours: float  # our CPU for a packet ÷ its
    delivered_share: float
    delay_ms_p50: float
    delay_ms_p99: float
    setups_per_cpu_second: float  # both processes
    memory_bytes: int  # of the process that forwards
    packets: int
    core_share: float
    load_core_share: float
    waited_share: float
    wrong_packets: int
    other_packets: int  # of streams nobody asked for: probes and repairs, not counted as delivered


@dataclass(frozen=True, slots=True)
class Row:
    """One number of viewers. Times of the media process are CPU time; `limit` is the C loop's, before and after."""

    viewers: int
    joined: int
    cpu_us_per_packet: float
    limit_us_per_packet: float
    ratio_to_limit: float
    delivered_share: float
    delay_ms_p50: float
    delay_ms_p99: float
    bytes_per_viewer: int | None
    setups_per_cpu_second: float
    memory_bytes: int  # of the whole process
    packets: int
    seconds: float
    core_share: float  # of one core, taken by the media process
    load_core_share: float  # of the other, taken by publisher and viewers
    limit_delivered_share: float
    limits_us_per_packet: tuple[float, ...]  # before and after the relay's turn
    paced_limit_us_per_packet: float  # the same loop at the stream's own rate
    stream_core_share: float  # of the relay's core, for receiving and recording, without viewers
    recording_core_share: float  # the part of it that is gone when nothing is recorded
    unrecorded_us_per_packet: float | None  # of a relay that does not record; None: not asked for
    whole_frames_us_per_packet: float | None  # with viewers whose kernel need not cut a frame; None: not asked for
    checked_packets: int
    wrong_packets: int
    publisher_late_ms: float  # the worst frame of all
    waited_share: float  # of the time the relay was ready but another had its core: the machine was not quiet
    stolen_share: float  # of a core, taken by the machine below a virtual one
    drops: dict[str, int]
    beside: tuple[Beside, ...]


HEADLINE = (
    "viewers",
    "cpu_us_per_packet",
    "limit_us_per_packet",
    "ratio_to_limit",
    "delivered_share",
    "delay_ms_p50",
    "delay_ms_p99",
    "bytes_per_viewer",
    "setups_per_cpu_second",
    "recording_core_share",
    "unrecorded_us_per_packet",
    "whole_frames_us_per_packet",
    "beside",
)
HEADLINE_VIEWERS = 200


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not pass; NaN without values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def lost_packets(count: TrackCount, sent: int) -> int:
    """What a viewer lacks of a track in the window: holes in the numbers, and the end if the numbers stopped."""
    if count.window_advance is None:
        return sent
    holes = max(0, count.window_advance - count.window_received)
    behind = sent - count.window_advance
    slack = max(SLACK_LEAST, sent * SLACK_SHARE)
    return holes + (behind if behind > slack else 0)


def delivered_share(counts: Sequence[ViewerCount], sent: tuple[int, int]) -> float:
    """Which share of what was sent in the window came to the viewers."""
    wanted = sum(sent) * len(counts)
    if not wanted:
        return 0.0
    lost = sum(lost_packets(track, n) for viewer in counts for track, n in zip(viewer.tracks, sent, strict=True))
    return max(0.0, 1 - lost / wanted)


def window_packets(counts: Sequence[ViewerCount]) -> int:
    """All packets that came in the window."""
    return sum(track.window_received for viewer in counts for track in viewer.tracks)


def bytes_each(memory: int, viewers: int, memory_with_few: int, few: int) -> int | None:
    """What one viewer more takes, by the difference to a process with few viewers; None without a difference."""
    return max(0, memory - memory_with_few) // (viewers - few) if viewers > few else None


def summary(rows: Sequence[Row]) -> dict[str, object]:
    """The JSON line: the row of 200 viewers (else the last one) on top, and all rows."""
    chosen = next((row for row in rows if row.viewers == HEADLINE_VIEWERS), rows[-1])
    whole = asdict(chosen)
    return {**{name: whole[name] for name in HEADLINE}, "rows": [asdict(row) for row in rows]}
