"""Halls with booths, and what a booth shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.catalog.model import Merchant, Product, check_line, check_text
from server.clips.model import Clip
from server.errors import BadRequest

TITLE_LENGTH = range(1, 31)
SUMMARY_LENGTH = range(501)
COUNTY_LENGTH = range(1, 17)
MOST_BOOTHS = 60
BOOTH_ID_LENGTH = range(1, 41)
TURN_DEGREES = 180.0  # yaw grows to the right from the picture's middle, -180 to 180
TOP_DEGREES = 90.0
TILE_SIDE = 512
BUILT_IN = {"lake-deck": "湖边晒台", "lake-pavilion": "湖边木亭"}  # panoramas of the platform, with their titles
LEVEL_WIDTHS = (2048, 4096, 8192)


class Season(StrEnum):
    """When a hall's goods are ripe."""

    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"
    WINTER = "winter"
    ALL_YEAR = "all_year"


@dataclass(frozen=True, slots=True)
class Panorama:
    """An equirectangular picture, cut into tiles; it has a level for each of LEVEL_WIDTHS up to `width`."""

    id: str
    title: str
    width: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Booth:
    """A merchant's place in a hall; `yaw` and `pitch` in degrees say where in the scene."""

    id: str
    merchant_id: str
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True)
class HallPlan:
    """What an operator decides about a hall."""

    title: str
    summary: str
    county: str
    season: Season
    panorama_id: str
    booths: tuple[Booth, ...]
    is_open: bool  # to everybody; else only operators see it


@dataclass(frozen=True, slots=True)
class Hall:
    """A 360° scene with booths. `version` grows with each change: two operators don't overwrite each other."""

    id: str
    plan: HallPlan
    panorama: Panorama
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BoothView:
    """A booth with what is to be seen there now."""

    booth: Booth
    merchant: Merchant
    room_slug: str | None
    is_live: bool
    products: tuple[Product, ...]
    clips: tuple[Clip, ...]


def panorama_prefix(panorama_id: str) -> str:
    """Where the objects of a panorama are: `base.webp`, `cover.webp`, `{level}/{column}-{row}.webp`."""
    return f"public/panoramas/{panorama_id}/"


def levels(width: int) -> tuple[int, ...]:
    """The widths of the levels of a panorama that is `width` wide."""
    return tuple(level for level in LEVEL_WIDTHS if level <= width)


def check_plan(plan: HallPlan) -> HallPlan:
    """The same plan in its normal form. Raises BadRequest."""
    if len(plan.booths) > MOST_BOOTHS:
        raise BadRequest(f"booths: at most {MOST_BOOTHS}")
    if len({booth.id for booth in plan.booths}) < len(plan.booths):
        raise BadRequest("booths: two have the same id")
    if len({booth.merchant_id for booth in plan.booths}) < len(plan.booths):
        raise BadRequest("booths: a merchant has one in a hall")
    return HallPlan(
        title=check_line("title", plan.title, TITLE_LENGTH),
        summary=check_text("summary", plan.summary, SUMMARY_LENGTH),
        county=check_line("county", plan.county, COUNTY_LENGTH),
        season=plan.season,
        panorama_id=plan.panorama_id,
        booths=tuple(_checked(booth) for booth in plan.booths),
        is_open=plan.is_open,
    )


def _checked(booth: Booth) -> Booth:
    # Written so that NaN is refused, too.
    if not (abs(booth.yaw) <= TURN_DEGREES and abs(booth.pitch) <= TOP_DEGREES):
        raise BadRequest("booths: yaw from -180 to 180, pitch from -90 to 90 degrees")
    check_line("booths.id", booth.id, BOOTH_ID_LENGTH)
    return booth
