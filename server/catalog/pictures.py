"""Pictures of products and their inspection reports: what a phone takes becomes a small WebP."""

from __future__ import annotations

import asyncio
import io
import secrets
from typing import Protocol

from PIL import Image, ImageOps, UnidentifiedImageError

from server.errors import UnsupportedType

LONGEST_SIDE = 1280
REPORT_LONGEST_SIDE = 2400  # a page of A4 whose small print can be read
PDF_BEGINS = b"%PDF-"
WEBP_QUALITY = 80
PIXEL_LIMIT = 50_000_000  # a 50-megapixel phone; decoded it takes 150 MB for a moment
DECODES_AT_ONCE = 2
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
BROKEN_PICTURE = (  # what Pillow raises for anything that is not a whole picture
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,  # its PNG reader says so of broken chunks
    EOFError,
    MemoryError,
)


class Objects(Protocol):
    """Where pictures are kept."""

    async def put(self, key: str, data: bytes, content_type: str) -> None: ...


class Pictures:
    """Takes pictures in. At most DECODES_AT_ONCE are decoded at once; others wait their turn."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._turns = asyncio.Semaphore(DECODES_AT_ONCE)

    async def add(self, raw: bytes) -> str:
        """Keep a picture and answer its address. Raises UnsupportedType (`not_a_picture`, `too_many_pixels`)."""
        return await self._keep("pictures", raw, LONGEST_SIDE)

    async def add_report(self, raw: bytes) -> str:
        """Keep an inspection report, a PDF or a photograph. Raises UnsupportedType (`not_a_report`)."""
        if raw.startswith(PDF_BEGINS):
            return await self._put("reports", raw, "pdf", "application/pdf")
        try:
            return await self._keep("reports", raw, REPORT_LONGEST_SIDE)
        except UnsupportedType:
            raise UnsupportedType("a report is a PDF or a picture", code="not_a_report") from None

    async def _keep(self, folder: str, raw: bytes, longest_side: int) -> str:
        async with self._turns:
            small = await asyncio.to_thread(shrink, raw, longest_side)
        return await self._put(folder, small, "webp", "image/webp")

    async def _put(self, folder: str, data: bytes, ending: str, content_type: str) -> str:
        key = f"public/{folder}/{secrets.token_hex(12)}.{ending}"
        await self._objects.put(key, data, content_type)
        return f"/files/{key}"


def check_pixels(picture: Image.Image, most: int) -> None:
    """Raises UnsupportedType (`too_many_pixels`), from what the header says, before anything is decoded."""
    if picture.width * picture.height > most:
        raise UnsupportedType("the picture has too many pixels", code="too_many_pixels")


def shrink(raw: bytes, longest_side: int = LONGEST_SIDE) -> bytes:
    """A picture upright, at most `longest_side` on a side, as WebP without its metadata (place, phone, owner).

    Raises:
        UnsupportedType: `not_a_picture` for anything that is not a whole picture of a usual kind, `too_many_pixels`.
    """
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as picture:
            check_pixels(picture, PIXEL_LIMIT)
            picture.draft("RGB", (longest_side, longest_side))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((longest_side, longest_side))
            out = io.BytesIO()
            mode = "RGBA" if upright.has_transparency_data else "RGB"
            upright.convert(mode).save(out, "WEBP", quality=WEBP_QUALITY, exif=b"")
            return out.getvalue()
    except BOMBS:
        raise UnsupportedType("the picture has too many pixels", code="too_many_pixels") from None
    except BROKEN_PICTURE:
        raise UnsupportedType("this is not a picture", code="not_a_picture") from None
