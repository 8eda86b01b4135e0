"""The demo's data fits together, and its timetable follows the clip."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import av
import pytest
from PIL import Image

from dongting.demo import data
from dongting.demo.seed import CHINA, next_broadcast
from dongting.demo.timetable import SALE_EVERY_LOOPS, cues
from server.showroom.model import BUILT_IN

PICTURES = sorted(
    {
        *(product.picture for product in data.PRODUCTS),
        *(merchant.cover for merchant in data.MERCHANTS),
        *(course.cover for course in data.COURSES),
    }
)
VIDEOS = ["show.mp4", *(lesson.file for course in data.COURSES for lesson in course.lessons)]


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_there_and_light(name: str) -> None:
    path = data.CONTENT / name

    with Image.open(path) as picture:
        assert picture.format == "WEBP"
    assert path.stat().st_size <= 150_000


@pytest.mark.parametrize("name", VIDEOS)
def test_every_clip_can_be_published_as_it_is(name: str) -> None:
    with av.open(str(data.CONTENT / name), "r") as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        pictures = [packet for packet in clip.demux(video) if packet.pts is not None]

        assert video.codec_context.name == "h264"
        assert not video.codec_context.has_b_frames
        assert audio.codec_context.name == ("opus" if name == "show.mp4" else "aac")
        assert all(packet.pts == packet.dts for packet in pictures)
    assert (data.CONTENT / name).stat().st_size <= 10_000_000


def test_every_name_that_is_mentioned_exists() -> None:
    people = {account.name for account in data.ACCOUNTS}
    hosts = {account.name for account in data.ACCOUNTS if "host" in account.roles}
    merchants = {merchant.id for merchant in data.MERCHANTS}
    shelf = {product.id for product in data.PRODUCTS if product.merchant == data.MERCHANTS[0].id}

    assert data.MERCHANTS[0].host == data.LIVE_HOST
    assert {merchant.host for merchant in data.MERCHANTS} <= hosts
    assert {course.teacher for course in data.COURSES} <= hosts
    assert {product.merchant for product in data.PRODUCTS} <= merchants
    assert {booth.merchant for hall in data.HALLS for booth in hall.booths} == merchants
    assert {hall.panorama for hall in data.HALLS} <= set(BUILT_IN)
    assert {act.product for act in data.ACTS} == set(data.SALE_TERMS) == shelf
    assert {author for _, author, _ in data.CHAT} <= people


def test_the_first_loop_shows_everything_and_later_ones_one_thing_each() -> None:
    count = len(data.ACTS)

    found = list(islice(cues(data.ACTS, data.CLIP_SECONDS), 2 * count))

    assert [cue.product for cue in found[:count]] == [act.product for act in data.ACTS]
    assert [cue.product for cue in found[count:]] == [act.product for act in data.ACTS]
    assert [cue.at_seconds for cue in found] == sorted(cue.at_seconds for cue in found)
    assert all(cue.words for cue in found[:count])


def test_a_card_appears_while_its_product_is_in_the_picture() -> None:
    spans = {act.product: (act.from_seconds, act.to_seconds) for act in data.ACTS}

    for cue in islice(cues(data.ACTS, data.CLIP_SECONDS), 20):
        start, end = spans[cue.product]
        assert start <= cue.at_seconds % data.CLIP_SECONDS < end


def test_somebody_who_stays_sees_a_flash_sale() -> None:
    sales = [cue for cue in islice(cues(data.ACTS, data.CLIP_SECONDS), 4 + 2 * SALE_EVERY_LOOPS) if cue.opens_sale]

    assert len(sales) == 2


def test_the_next_broadcast_is_told_in_chinas_time() -> None:
    late = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # already the second of March in China

    assert next_broadcast(late, (1, 8, 30)) == datetime(2026, 3, 3, 8, 30, tzinfo=CHINA)
