"""Draws the panorama `lake-deck`, a wooden deck by the lake at sunrise with nobody's name on it: `python deck.py`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 4096, 2048
EYE_METRES = 1.6
DECK_METRES = 5.5
PLANK_METRES = 0.34
OUT = Path(__file__).parents[3] / "server/showroom/built_in/lake-deck.webp"


def colour(text: str) -> Floats:
    """#rrggbb as three numbers."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], float)


def mixed(low: Floats, high: Floats, share: Floats) -> Floats:
    """From one colour to the other."""
    return low + (high - low) * np.clip(share, 0, 1)[..., None]


def step(distance: Floats, sharpness: float) -> Floats:
    """1 below zero, 0 above, with a soft edge."""
    return 1 / (1 + np.exp(np.clip(distance * sharpness, -60, 60)))


def ridge(yaw: Floats, seed: int, height: float, roughness: int) -> Floats:
    """Heights (radians) of a row of hills, the same at both edges of the picture."""
    random = np.random.default_rng(seed)
    waves = range(2, roughness)
    line = sum(np.sin(yaw * n + random.uniform(0, math.tau)) * random.uniform(0.5, 1) / n**0.9 for n in waves)
    return height * (1 + 0.45 * np.asarray(line))


def sky(yaw: Floats, pitch: Floats) -> Floats:
    """From the pale horizon to the green-blue above, the sun low in the middle."""
    ground = mixed(colour("#fdeccb"), colour("#cfe6e0"), pitch / 0.32)
    ground = mixed(ground, colour("#8fc3c4"), (pitch - 0.25) / 1.1)
    away = np.hypot(yaw * np.cos(pitch), pitch - 0.13)
    ground = mixed(ground, colour("#ffe3a8"), np.exp(-((away / 0.42) ** 2)) * 0.9)
    return mixed(ground, colour("#fff8e4"), step(away - 0.05, 260))


def hills(picture: Floats, yaw: Floats, pitch: Floats) -> Floats:
    """Four rows, the nearer the darker, each standing in mist."""
    rows = (("#b9d3cd", 0.15, 9), ("#93bdb4", 0.105, 12), ("#619c8f", 0.07, 16), ("#2f7366", 0.035, 26))
    for seed, (name, height, roughness) in enumerate(rows):
        top = ridge(yaw, seed + 3, height, roughness)
        inside = step(pitch - top, 900)
        mist = np.clip(pitch / np.maximum(top, 1e-3), 0, 1) ** 0.7
        tint = mixed(colour("#e6efe6"), colour(name), 0.25 + 0.75 * mist)
        picture = picture + (tint - picture) * (inside * (pitch > 0))[..., None]
    return picture


def lake(above: Floats, yaw: Floats, pitch: Floats) -> Floats:
    """What stands above the water once more in it, paler and in ripples."""
    depth = np.clip(-pitch, 0.0, None)
    ripple = np.sin(depth * 900 / (0.06 + depth * 3) + np.sin(yaw * 31) * 2) * np.clip(depth * 0.05, 0, 0.012)
    rows = np.clip(((0.5 - (depth * 0.8 + ripple) / math.pi) * HEIGHT).astype(int), 0, HEIGHT - 1)
    columns = ((yaw / math.tau + 0.5) * WIDTH).astype(int) % WIDTH
    return mixed(above[rows, columns], colour("#4d9a90"), 0.18 + depth * 0.55)


def deck(picture: Floats, yaw: Floats, pitch: Floats) -> Floats:
    """Round planks under the feet, each board of its own wood."""
    distance = EYE_METRES / np.tan(np.clip(-pitch, 1e-3, None))
    x, z = distance * np.sin(yaw), distance * np.cos(yaw)
    board = np.floor(x / PLANK_METRES)
    share = x / PLANK_METRES - board
    random = np.random.default_rng(1).uniform(0, 1, 256)
    shade = random[(board.astype(int)) % 256]
    joint = np.abs((z + shade * 7) % 2.6 - 1.3) > 1.288
    grain = np.sin(z * 9 + np.sin(z * 2.1 + shade * 40) * 3 + share * 26) * 0.5 + 0.5
    wood = mixed(colour("#c08a54"), colour("#dcae78"), shade * 0.7 + grain * 0.3)
    gap = (np.minimum(share, 1 - share) < 0.03) | joint
    wood = mixed(wood, colour("#6e4a2a"), gap * 0.8)
    glow = np.exp(-((yaw / 0.9) ** 2)) * np.clip(distance / DECK_METRES, 0, 1)
    wood = mixed(wood, colour("#ffe7b8"), glow * 0.4)
    wood = mixed(wood, colour("#8a5a31"), ((distance > DECK_METRES - 0.22) & (distance < DECK_METRES)) * 0.75)
    inside = (distance < DECK_METRES) & (pitch < 0)
    return np.where(inside[..., None], wood, picture)


def reeds(picture: Image.Image) -> Image.Image:
    """Reeds round the deck, none where one looks at the sun."""
    random = np.random.default_rng(7)
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    foot = math.atan2(-EYE_METRES - 0.35, DECK_METRES + 0.5)
    for yaw in np.sort(random.uniform(-math.pi, math.pi, 900)):
        clump = math.sin(yaw * 5 + 1) + math.sin(yaw * 11) * 0.6
        if abs(yaw) < 0.45 or clump < 0.15:
            continue
        base = ((yaw / math.tau + 0.5) * WIDTH, (0.5 - foot / math.pi) * HEIGHT)
        tall, lean = random.uniform(0.16, 0.5) * HEIGHT / math.pi, random.uniform(-60, 60)
        points = [(base[0] + lean * s * s, base[1] - tall * s) for s in np.linspace(0, 1, 14)]
        green = tuple(int(v) for v in mixed(colour("#5c8a4e"), colour("#b59a4c"), np.array(random.uniform())))
        draw.line(points, fill=(*green, 235), width=int(random.integers(4, 8)), joint="curve")
        if random.uniform() < 0.45:  # the plume
            for _ in range(26):
                s = random.uniform(0, 1)
                tip = (
                    points[-1][0] + lean * 0.14 * s + random.normal(0, 7 * (1 - s) + 2),
                    points[-1][1] + 46 - 70 * s,
                )
                draw.ellipse((tip[0] - 5, tip[1] - 7, tip[0] + 5, tip[1] + 7), fill=(238, 222, 184, 150))
    soft = layer.filter(ImageFilter.GaussianBlur(0.8))
    return Image.alpha_composite(picture.convert("RGBA"), soft).convert("RGB")


def main() -> None:
    """Draw it and keep it."""
    yaw, pitch = np.meshgrid(
        (np.arange(WIDTH) + 0.5) / WIDTH * math.tau - math.pi,
        math.pi / 2 - (np.arange(HEIGHT) + 0.5) / HEIGHT * math.pi,
    )
    above = hills(sky(yaw, pitch), yaw, pitch)
    whole = np.where((pitch < 0)[..., None], lake(above, yaw, pitch), above)
    whole = deck(whole, yaw, pitch)
    picture = reeds(Image.fromarray(np.clip(whole, 0, 255).astype(np.uint8)))
    picture.save(OUT, "WEBP", quality=82, method=6)


if __name__ == "__main__":
    main()
