"""Pictures of products: whatever a phone takes becomes a small WebP in the object store."""

from __future__ import annotations

import asyncio
import io
import secrets
from typing import Protocol

from PIL import Image, ImageOps, UnidentifiedImageError

from server.errors import UnsupportedType

LONGEST_SIDE = 1280
WEBP_QUALITY = 80
PIXEL_LIMIT = 50_000_000  # a 50-megapixel phone; decoded it takes 150 MB for a moment
DECODES_AT_ONCE = 2
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


class Objects(Protocol):
    """Where pictures are kept."""

    async def put(self, key: str, data: bytes, content_type: str) -> None: ...


class Pictures:
    """Takes pictures in. At most DECODES_AT_ONCE are decoded at once; others wait their turn."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._turns = asyncio.Semaphore(DECODES_AT_ONCE)

    async def add(self, raw: bytes) -> str:
        """Keep a picture and answer its address. Raises UnsupportedType (`not_a_picture`)."""
        async with self._turns:
            small = await asyncio.to_thread(shrink, raw)
        key = f"public/pictures/{secrets.token_hex(12)}.webp"
        await self._objects.put(key, small, "image/webp")
        return f"/files/{key}"


def shrink(raw: bytes) -> bytes:
    """A picture upright, at most LONGEST_SIDE on a side, as WebP without its metadata (place, phone, owner).

    Raises:
        UnsupportedType (`not_a_picture`): for anything that is not a whole picture of a usual kind and size.
    """
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as picture:
            if picture.width * picture.height > PIXEL_LIMIT:  # known from the header, before anything is decoded
                raise UnsupportedType("the picture has too many pixels", code="not_a_picture")
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            out = io.BytesIO()
            mode = "RGBA" if upright.has_transparency_data else "RGB"
            upright.convert(mode).save(out, "WEBP", quality=WEBP_QUALITY, exif=b"")
            return out.getvalue()
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        ValueError,
        SyntaxError,  # Pillow's PNG reader says so of broken chunks
        EOFError,
        MemoryError,
    ):
        raise UnsupportedType("this is not a picture", code="not_a_picture") from None
