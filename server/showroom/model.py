"""Halls with booths, and clips: short pieces of replays in which a product was shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.cards.model import Moment
from server.catalog.model import Product
from server.making.model import Work

LONGEST_CLIP_MS = 60_000
SHORTEST_CLIP_MS = 3_000  # a card that was pinned and taken away at once still shows its product


@dataclass(frozen=True, slots=True)
class Booth:
    """A merchant's place in a hall; `yaw` and `pitch` in degrees say where in the scene."""

    id: str
    merchant_id: str
    merchant_name: str
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Hall:
    """A 360° scene with booths."""

    id: str
    title: str
    summary: str
    cover_url: str | None
    scene_url: str
    booths: tuple[Booth, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Clip:
    """A moment of a stream as a video of its own. `start_ms` and `end_ms` are on the stream's timeline."""

    id: str
    stream_id: str
    lesson_id: str
    product_id: str
    merchant_id: str | None
    title: str
    start_ms: int
    end_ms: int
    created_at: datetime
    work: Work
    duration_ms: int = 0
    has_poster: bool = False


@dataclass(frozen=True, slots=True)
class BoothView:
    """A booth with what is to be seen there now."""

    booth: Booth
    room_slug: str | None
    is_live: bool
    products: tuple[Product, ...]
    clips: tuple[Clip, ...]


def clip_span(moment: Moment, duration_ms: int) -> tuple[int, int] | None:
    """Which part of a stream the clip of a moment shows; None if the moment is not in the recording."""
    end_ms = duration_ms if moment.end_ms is None else min(moment.end_ms, duration_ms)
    end_ms = min(max(end_ms, moment.start_ms + SHORTEST_CLIP_MS), moment.start_ms + LONGEST_CLIP_MS, duration_ms)
    return (moment.start_ms, end_ms) if moment.start_ms < end_ms else None


def clip_prefix(clip_id: str) -> str:
    """Where the objects of a clip are."""
    return f"public/clips/{clip_id}/"
