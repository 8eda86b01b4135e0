"""Halls, panoramas and booths as the page sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.catalog.shape import product_shape
from server.clips.shape import clip_shape
from server.showroom.model import BUILT_IN, BoothView, Hall, Panorama, levels, panorama_prefix


def hall_shape(hall: Hall) -> dict[str, Any]:
    """`HallSummary`"""
    plan = hall.plan
    return {
        "id": hall.id,
        "title": plan.title,
        "summary": plan.summary,
        "county": plan.county,
        "season": plan.season,
        "open": plan.is_open,
        "version": hall.version,
        "panorama": panorama_shape(hall.panorama),
    }


def full_hall_shape(hall: Hall, booths: Sequence[BoothView]) -> dict[str, Any]:
    """`Hall`"""
    return {**hall_shape(hall), "booths": [booth_shape(view) for view in booths]}


def panorama_shape(panorama: Panorama) -> dict[str, Any]:
    """`Panorama`"""
    base = f"/files/{panorama_prefix(panorama.id)}"
    return {
        "id": panorama.id,
        "title": panorama.title,
        "built_in": panorama.id in BUILT_IN,
        "base_url": base + "base.webp",
        "cover_url": base + "cover.webp",
        "tiles_url": base,
        "levels": list(levels(panorama.width)),
    }


def booth_shape(view: BoothView) -> dict[str, Any]:
    """`Booth`"""
    return {
        "id": view.booth.id,
        "merchant_id": view.merchant.id,
        "merchant_name": view.merchant.name,
        "summary": view.merchant.summary,
        "yaw": view.booth.yaw,
        "pitch": view.booth.pitch,
        "room_slug": view.room_slug,
        "live": view.is_live,
        "products": [product_shape(product) for product in view.products],
        "clips": [clip_shape(clip) for clip in view.clips],
    }
