"""Cutting a panorama into tiles, so that a phone loads what it looks at and no more."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator

from PIL import Image, ImageOps

from server.catalog.pictures import BOMBS, BROKEN_PICTURE, FORMATS, check_pixels
from server.errors import UnsupportedType
from server.showroom.model import LEVEL_WIDTHS, TILE_SIDE, levels

BASE_WIDTH = 1024  # seen while the tiles come, and by a page that draws no tiles
COVER_SIZE = (960, 540)
COVER_VIEW_DEGREES = 96.0
COVER_FINENESS = 2  # points for each of its pixels and direction, so that edges are smooth
WEBP_QUALITY = 80
PIXEL_LIMIT = 80_000_000  # the best 360° cameras make 72 million; decoded and made smaller 600 MB for a moment
SQUEEZE = 0.02  # a picture this near to 2:1 is squeezed, any other is no panorama


def open_panorama(raw: bytes) -> Image.Image:
    """A whole panorama, as wide as its largest level.

    Raises:
        UnsupportedType: `not_a_picture`; `not_a_panorama` for one that is not twice as wide as high, or too small;
            `too_many_pixels`
    """
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as picture:
            width, height = picture.size
            check_pixels(picture, PIXEL_LIMIT)
            if width < LEVEL_WIDTHS[0] or abs(width / height / 2 - 1) > SQUEEZE:
                raise UnsupportedType(
                    f"a panorama is twice as wide as high, {LEVEL_WIDTHS[0]} pixels or more", code="not_a_panorama"
                )
            widest = levels(width)[-1]
            ImageOps.exif_transpose(picture, in_place=True)  # a copy of it would take as much memory again
            whole = picture if picture.mode == "RGB" else picture.convert("RGB")
            return whole.resize((widest, widest // 2), Image.Resampling.LANCZOS)
    except BOMBS:
        raise UnsupportedType("the picture has too many pixels", code="too_many_pixels") from None
    except BROKEN_PICTURE:
        raise UnsupportedType("this is not a picture", code="not_a_picture") from None


def cut(panorama: Image.Image) -> Iterator[tuple[str, bytes]]:
    """Names below the panorama's prefix and what belongs there; the picture to begin with comes last."""
    for number, width in enumerate(levels(panorama.width)):
        level = panorama.resize((width, width // 2), Image.Resampling.LANCZOS)
        for row in range(level.height // TILE_SIDE):
            for column in range(level.width // TILE_SIDE):
                left, top = column * TILE_SIDE, row * TILE_SIDE
                yield (
                    f"{number}/{column}-{row}.webp",
                    _webp(level.crop((left, top, left + TILE_SIDE, top + TILE_SIDE))),
                )
    yield "cover.webp", _webp(_cover(panorama))
    yield "base.webp", _webp(panorama.resize((BASE_WIDTH, BASE_WIDTH // 2), Image.Resampling.LANCZOS))


def _cover(panorama: Image.Image) -> Image.Image:
    """What one sees on entering: the middle, in perspective."""
    import numpy as np  # a hall is built once; every start would pay for it

    width, height = (COVER_FINENESS * side for side in COVER_SIZE)
    half = math.tan(math.radians(COVER_VIEW_DEGREES) / 2)
    x, y = np.meshgrid(np.linspace(-half, half, width), np.linspace(-half, half, height) * height / width)
    yaw = np.arctan(x)
    pitch = np.arctan(y * np.cos(yaw))
    columns = ((yaw / math.tau + 0.5) * panorama.width).astype(np.intp)
    rows = ((pitch / math.pi + 0.5) * panorama.height).astype(np.intp)
    return Image.fromarray(np.asarray(panorama)[rows, columns]).resize(COVER_SIZE, Image.Resampling.LANCZOS)


def _webp(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=WEBP_QUALITY)
    return out.getvalue()
