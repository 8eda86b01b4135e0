"""Turns the rendered pictures into what the demo ships, and makes the covers: `python finish.py ART CONTENT`."""

from __future__ import annotations

import base64
import io
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent / "web"))
from film import open_page
from still import FLAGS, HERE

PANORAMAS = Path(__file__).parents[3] / "server/showroom/built_in"
PRODUCTS = ("oranges", "whitebait", "peppers", "duck-eggs", "silver-needle", "lotus-seeds", "golden-tea", "barley")


def save(picture: Image.Image, out: Path, limit: int) -> None:
    """WebP as good as fits the limit."""
    for quality in (90, 86, 82, 78, 72, 64, 56):
        data = io.BytesIO()
        picture.convert("RGB").save(data, "WEBP", quality=quality, method=6)
        if data.tell() <= limit:
            break
    out.write_bytes(data.getvalue())
    print(f"{out.name:24} {picture.width}x{picture.height} q{quality} {data.tell() // 1000} kB")


def grown(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Larger, with its edges made crisp again."""
    if picture.size == (width, height):
        return picture
    return (
        picture.convert("RGB")
        .resize((width, height), Image.Resampling.LANCZOS)
        .filter(ImageFilter.UnsharpMask(1.6, 70, 2))
    )


def look(sphere: Image.Image, yaw: float, pitch: float, fov: float, width: int, height: int) -> Image.Image:
    """What a viewer sees in a direction: straight lines of the hall must be straight here."""
    focal = width / 2 / math.tan(math.radians(fov) / 2)
    x, y = np.meshgrid(np.arange(width) - width / 2 + 0.5, height / 2 - 0.5 - np.arange(height))
    z = np.full_like(x, focal)
    p, q = math.radians(pitch), math.radians(yaw)
    y, z = y * math.cos(p) + z * math.sin(p), z * math.cos(p) - y * math.sin(p)
    x, z = x * math.cos(q) + z * math.sin(q), z * math.cos(q) - x * math.sin(q)
    u = (np.arctan2(x, z) / (2 * math.pi) + 0.5) * sphere.width - 0.5
    v = (0.5 - np.arctan2(y, np.hypot(x, z)) / math.pi) * sphere.height - 0.5
    return Image.fromarray(_sample(np.asarray(sphere.convert("RGB"), np.float32), u, v).clip(0, 255).astype(np.uint8))


def _sample(pixels: NDArray[np.float32], u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width, _ = pixels.shape
    x0, y0 = np.floor(u).astype(int), np.clip(np.floor(v).astype(int), 0, height - 2)
    fx, fy = (u - x0)[..., None], np.clip(v - y0, 0, 1)[..., None]
    x0, x1 = x0 % width, (x0 + 1) % width
    top = pixels[y0, x0] * (1 - fx) + pixels[y0, x1] * fx
    low = pixels[y0 + 1, x0] * (1 - fx) + pixels[y0 + 1, x1] * fx
    return np.asarray(top * (1 - fy) + low * fy)


def canvas(page: Page, width: int, height: int, script: str) -> Image.Image:
    """What a script draws."""
    data = page.evaluate(
        f"() => {{ const c = document.createElement('canvas'); c.width = {width}; c.height = {height};"
        f" const ctx = c.getContext('2d'); {script}; return c.toDataURL('image/png'); }}"
    )
    return Image.open(io.BytesIO(base64.b64decode(data.split(",", 1)[1])))


def covers(art: Path, out: Path) -> None:
    """Covers of rooms and courses."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page()
        open_page(page, "show", art)
        page.add_script_tag(path=str(HERE / "covers.js"))
        page.evaluate("loadCovers(['golden-tea', 'barley', 'lotus-seeds'])")
        save(canvas(page, 1280, 720, "drawRoomCover(ctx)"), out / "room-zhanghong.webp", 110_000)
        for name in ("room-zhangshugang", "room-baojing", "room-sangri"):
            save(canvas(page, 1280, 720, f"drawCover(ctx, '{name}')"), out / f"{name}.webp", 110_000)
        page = browser.new_page()
        open_page(page, "lesson", art)
        drawn = "ctx.scale(4/3, 4/3); orchard(ctx, 29); drawTree(ctx, 26.2); shears(ctx, 610, 380, 0.8, 1.7, 0.4)"
        save(canvas(page, 1280, 720, drawn), out / "course-citrus.webp", 130_000)
        browser.close()


def main(art: Path, out: Path) -> None:
    """Everything that is there."""
    for name in PRODUCTS:
        if (art / "p" / f"{name}.png").exists():
            save(grown(Image.open(art / "p" / f"{name}.png"), 1024, 1024), out / f"{name}.webp", 80_000)
    if (art / "hall.png").exists():
        sphere = grown(Image.open(art / "hall.png"), 4096, 2048)
        save(sphere, PANORAMAS / "lake-pavilion.webp", 880_000)
        for yaw in (0, 36, -36, 108, -108, 180):
            look(sphere, yaw, -4, 84, 1000, 640).save(art / "out" / f"hall-{yaw}.png")
        look(sphere, 0, 60, 84, 1000, 640).save(art / "out" / "hall-up.png")
        look(sphere, 0, -60, 84, 1000, 640).save(art / "out" / "hall-down.png")
    if (art / "sprites" / "barley.png").exists():
        covers(art, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
