"""The rows of the chat benchmark and the line that a program reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.bench.chat_parts.crowd import Window


@dataclass(frozen=True, slots=True)
class Row:
    """One way of telling a room, and what it took."""

    way: str
    per_second: float
    window: Window


def summary(ours: Row, plain: Row | None, gathered: Row | None, hold: Row | None) -> dict[str, Any]:
    """One object: the headline figures, then every row."""
    window = ours.window
    rows = [row for row in (ours, plain, gathered, hold) if row is not None]
    return {
        "sockets": window.sockets,
        "cpu_us_per_delivery": round(window.us_per_delivery, 3),
        "ratio_to_plain_emit": _ratio(ours, plain),
        "delivery_ms_p99": round(window.delay_ms_p99, 1),
        "bytes_per_socket": round(window.bytes_per_socket),
        "ratio_to_gathered_emit": _ratio(ours, gathered),
        "delivered_share": round(window.delivered_share, 5),
        "held_sockets": hold.window.sockets if hold else None,
        "held_delivery_ms_p99": round(hold.window.delay_ms_p99, 1) if hold else None,
        "rows": [_whole(row) for row in rows],
    }


def _ratio(ours: Row, other: Row | None) -> float | None:
    return round(ours.window.us_per_delivery / other.window.us_per_delivery, 4) if other else None


def _whole(row: Row) -> dict[str, Any]:
    window = row.window
    return {
        "way": row.way,
        "per_second": row.per_second,
        "sockets": window.sockets,
        "closed": window.closed,
        "refused": window.refused,
        "cpu_us_per_delivery": round(window.us_per_delivery, 3),
        "core_share": round(window.cpu / window.seconds, 3),
        "load_core_share": round(window.load_cpu / window.seconds, 3),
        "waited_share": round(window.waited / window.seconds, 4),
        "stolen_share": round(window.stolen / window.seconds, 4),
        "delivered_share": round(window.delivered_share, 5),
        "delay_ms_p50": round(window.delay_ms_p50, 1),
        "delay_ms_p99": round(window.delay_ms_p99, 1),
        "bytes_per_socket": round(window.bytes_per_socket),
        "messages": window.messages,
        "frames": window.frames,
        "bytes_per_frame": round(window.frame_bytes),
    }
