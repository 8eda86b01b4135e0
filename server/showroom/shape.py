"""Halls, booths and clips as the page sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.catalog.shape import product_shape
from server.showroom.model import BoothView, Clip, Hall, clip_prefix


def hall_shape(hall: Hall) -> dict[str, Any]:
    """`Hall` without booths"""
    return {
        "id": hall.id,
        "title": hall.title,
        "summary": hall.summary,
        "cover_url": hall.cover_url,
        "scene_url": hall.scene_url,
    }


def full_hall_shape(hall: Hall, booths: Sequence[BoothView]) -> dict[str, Any]:
    """`Hall`"""
    return {**hall_shape(hall), "booths": [booth_shape(view) for view in booths]}


def booth_shape(view: BoothView) -> dict[str, Any]:
    """`Booth`"""
    return {
        "id": view.booth.id,
        "merchant_id": view.booth.merchant_id,
        "merchant_name": view.booth.merchant_name,
        "yaw": view.booth.yaw,
        "pitch": view.booth.pitch,
        "room_slug": view.room_slug,
        "live": view.is_live,
        "products": [product_shape(product) for product in view.products],
        "clips": [clip_shape(clip) for clip in view.clips],
    }


def clip_shape(clip: Clip) -> dict[str, Any]:
    """`Clip`"""
    base = f"/files/{clip_prefix(clip.id)}"
    return {
        "id": clip.id,
        "lesson_id": clip.lesson_id,
        "product_id": clip.product_id,
        "title": clip.title,
        "video_url": base + "clip.mp4",
        "poster_url": base + "poster.webp" if clip.has_poster else None,
        "duration_ms": clip.duration_ms,
    }
