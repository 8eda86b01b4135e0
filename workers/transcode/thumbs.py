"""Small pictures of a chunk side by side on one sheet, for whoever looks for a place on the seek bar."""

from __future__ import annotations

import io
from pathlib import Path

from av.video.frame import VideoFrame
from PIL import Image

from server.recordings.ladder import Sheet
from workers.transcode.plan import Size, scaled

THUMB_SIDE = 90
COLUMNS = 10
QUALITY = 60
LONGEST_SIDE = 16_383 // COLUMNS  # of one picture: a WebP is no wider


class ThumbSheet:
    """Takes a picture every so many milliseconds from the chunk's begin on."""

    def __init__(self, begins_ms: float, every_ms: float) -> None:
        self._next_ms = begins_ms
        self._every_ms = every_ms
        self._thumbs: list[Image.Image] = []

    def consider(self, frame: VideoFrame, at_ms: float) -> None:
        """Take a picture if it is time; one that comes late stands for all that it is late for."""
        if at_ms < self._next_ms:
            return
        size = scaled(Size(frame.width, frame.height), THUMB_SIDE)
        small = frame.reformat(min(size.width, LONGEST_SIDE), min(size.height, LONGEST_SIDE), "rgb24")
        picture: Image.Image = small.to_image()  # type: ignore[no-untyped-call]
        while at_ms >= self._next_ms:
            self._thumbs.append(picture)
            self._next_ms += self._every_ms

    def write(self, folder: Path, name: str) -> Sheet | None:
        """Write the sheet; None without pictures."""
        if not self._thumbs:
            return None
        width, height = self._thumbs[0].size
        columns = min(COLUMNS, len(self._thumbs))
        sheet = Image.new("RGB", (width * columns, height * (-(-len(self._thumbs) // columns))))
        for number, thumb in enumerate(self._thumbs):
            sheet.paste(thumb, (number % columns * width, number // columns * height))
        out = io.BytesIO()
        sheet.save(out, "WEBP", quality=QUALITY)
        (folder / name).write_bytes(out.getvalue())
        return Sheet(name=name, width=width, height=height, columns=columns, count=len(self._thumbs))
