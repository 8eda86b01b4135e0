"""Clips as the page sees them."""

from __future__ import annotations

from typing import Any

from server.clips.model import Clip, OwnClip, clip_prefix


def clip_shape(clip: Clip) -> dict[str, Any]:
    """`Clip`; only of one that is shown."""
    if clip.shown is None:
        raise ValueError("a clip that is not made yet")
    base = f"/files/{clip_prefix(clip.id, clip.shown.edition)}"
    return {
        "id": clip.id,
        "lesson_id": clip.lesson_id,
        "product_id": clip.product_id,
        "pinned_lesson_id": clip.pinned_lesson_id,
        "title": clip.title,
        "video_url": base + "clip.mp4",
        "poster_url": base + "poster.webp" if clip.shown.has_poster else None,
        "duration_ms": clip.shown.duration_ms,
        "at_ms": clip.shown.at_ms,
    }


def own_clip_shape(own: OwnClip) -> dict[str, Any]:
    """`OwnClip`"""
    clip = own.clip
    return {
        "id": clip.id,
        "lesson_id": clip.lesson_id,
        "product_id": clip.product_id,
        "title": clip.title,
        "start_ms": own.start_ms,
        "end_ms": own.end_ms,
        "by_host": clip.by_host,
        "state": clip.work.state,
        "progress": clip.work.progress,
        "error": clip.work.error,
        "shown": clip_shape(clip) if clip.shown else None,
    }
