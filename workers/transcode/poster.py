"""Choosing a poster: an early picture that is neither black nor empty, as WebP."""

from __future__ import annotations

import io
from statistics import fmean, pstdev

from av.video.frame import VideoFrame
from PIL import Image

from workers.transcode.plan import Size, scaled
from workers.transcode.source import Piece, Reader, Track

LOOK_EVERY_MS = 1000.0
LOOK_UNTIL_MS = 60_000.0
GOOD_CONTRAST = 30.0  # of 128 possible; a shelf or a face has 40 and more
GOOD_FROM_MS = 1500.0  # the first pictures of a broadcast are coarse
POSTER_SIDE = 480
WEBP_QUALITY = 80


def contrast(frame: VideoFrame) -> float:
    """How much there is to see; 0 for one colour, little for what is nearly black or white."""
    small = frame.reformat(32, 18, "gray")
    plane = small.planes[0]
    data = bytes(plane)
    values = [value for row in range(18) for value in data[row * plane.line_size : row * plane.line_size + 32]]
    mean = fmean(values)
    return pstdev(values) * (0.2 if mean < 24 or mean > 236 else 1.0)


class PosterPicker:
    """Looks at a picture now and then and keeps the best."""

    def __init__(self) -> None:
        self._next_look_ms = 0.0
        self._best = -1.0
        self._webp: bytes | None = None

    def consider(self, frame: VideoFrame, at_ms: float) -> None:
        """Look at a picture, unless a good one is found already."""
        if at_ms < self._next_look_ms or at_ms > LOOK_UNTIL_MS:
            return
        self._next_look_ms = at_ms + LOOK_EVERY_MS
        score = contrast(frame)
        if score > self._best:
            self._best = score
            self._webp = _webp(frame)
        if self._best >= GOOD_CONTRAST and at_ms >= GOOD_FROM_MS:
            self._next_look_ms = LOOK_UNTIL_MS + 1

    @property
    def score(self) -> float:
        """How much there is to see in it."""
        return max(0.0, self._best)

    @property
    def webp(self) -> bytes | None:
        """The best picture so far."""
        return self._webp


def pick_poster(piece: Piece) -> PosterPicker:
    """Look at a file's keyframes alone, which costs next to nothing. Raises SourceRefused."""
    poster = PosterPicker()
    with Reader(piece, frozenset({Track.VIDEO})) as reader:
        if reader.video is not None:
            reader.video.codec_context.skip_frame = "NONKEY"
        for timed in reader.frames():
            if isinstance(timed.frame, VideoFrame):
                poster.consider(timed.frame, timed.at_ms)
    return poster


def _webp(frame: VideoFrame) -> bytes:
    size = Size(frame.width, frame.height)
    if size.short_side > POSTER_SIDE:
        size = scaled(size, POSTER_SIDE)
    out = io.BytesIO()
    picture: Image.Image = frame.reformat(size.width, size.height, "rgb24").to_image()  # type: ignore[no-untyped-call]
    picture.save(out, "WEBP", quality=WEBP_QUALITY)
    return out.getvalue()
