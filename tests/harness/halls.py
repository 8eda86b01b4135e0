"""Halls and panoramas for tests."""

from __future__ import annotations

import io

from PIL import Image

from server.showroom.model import Booth, HallPlan, Season


def make_plan(
    *booths: Booth, title: str = "洞庭秋收展厅", panorama_id: str = "lake-pavilion", is_open: bool = True
) -> HallPlan:
    """A plan that is acceptable."""
    return HallPlan(title, "湖边的好货", "岳阳", Season.AUTUMN, panorama_id, tuple(booths), is_open)


def make_panorama(width: int = 2048, height: int = 1024, kind: str = "JPEG") -> bytes:
    """A picture whose left half is orange and whose right half is green."""
    picture = Image.new("RGB", (width, height), "orange")
    picture.paste("green", (width // 2, 0, width, height))
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()
