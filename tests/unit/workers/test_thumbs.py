"""Small pictures on one sheet."""

from __future__ import annotations

from pathlib import Path

import pytest
from av.video.frame import VideoFrame
from PIL import Image

from workers.transcode.thumbs import ThumbSheet


@pytest.mark.parametrize(("width", "height"), [(8192, 16), (16, 8192), (640, 360)])
def test_pictures_of_any_shape_fit_on_a_sheet(tmp_path: Path, width: int, height: int) -> None:
    sheet = ThumbSheet(0, 1000)
    for second in range(12):
        sheet.consider(VideoFrame(width, height, "yuv420p"), second * 1000)
    written = sheet.write(tmp_path, "sheet.webp")
    assert written is not None
    with Image.open(tmp_path / "sheet.webp") as picture:
        assert picture.size == (written.width * written.columns, written.height * 2)
