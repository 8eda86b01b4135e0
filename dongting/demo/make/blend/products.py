"""Renders the product pictures: `python products.py BACKDROPS OUT [SIZE SAMPLES [NAME…]]`."""

from __future__ import annotations

import sys
from pathlib import Path

from goods import GOODS
from kit import ambient, backdrop, box, camera, fresh, lamp, render
from paint import wood

BACKDROP = {"golden-tea": "hills", "barley": "snow"}
AIM = {
    "silver-needle": (0.5, 0, 1.12),
    "oranges": (0, 0, 1.0),
    "duck-eggs": (0.05, 0, 0.82),
    "golden-tea": (0.2, 0, 0.62),
    "barley": (0.4, 0, 0.72),
}
LENS = {"silver-needle": 82, "duck-eggs": 80, "oranges": 74}


def table() -> None:
    """Planks of warm wood with their gaps."""
    for i in range(9):
        plank = wood(
            f"plank {i}",
            ("#d6b083", "#dcb98e", "#cfa878")[i % 3],
            ("#a67c50", "#ae8456", "#9d744a")[i % 3],
            scale=0.55 + 0.05 * (i % 4),
        )
        box("plank", (14, 0.93, 0.2), (1.3 * (i % 2), -3.2 + i * 0.95, -0.1), plank, 0.025)


def shoot(name: str, folder: Path, out: Path, size: int, samples: int) -> None:
    """One product on the table, morning light from the left, its land behind."""
    fresh(size, size, samples)
    table()
    GOODS[name]()
    kind = BACKDROP.get(name, "lake")
    backdrop(folder / f"{kind}.png", at=(-0.4, 12, -0.95), width=13.5, strength=0.95)
    ambient("#cfe3e2", 0.42)
    lamp("SUN", (-6, -2.5, 7), (0, 0, 0.4), 3.1, "#ffe3b8", 0.09)
    lamp("AREA", (4, -5, 5), (0, 0, 0.6), 170, "#fff6e6", 5)
    lamp("AREA", (-3, 6, 4.2), (0, 0, 0.8), 260, "#ffd9a0", 4)
    aim = AIM.get(name, (0, 0, 0.7))
    camera((aim[0] * 0.6, -9.4, 3.75), aim, LENS.get(name, 78), 0.9, (aim[0], -0.6, 0.6))
    render(out)


def sprite(name: str, out: Path, size: int, samples: int) -> None:
    """The same goods alone with their shadow, cut out for the clip."""
    fresh(size, size * 3 // 4, samples, transparent=True)
    GOODS[name]()
    floor = box("floor", (12, 12, 0.1), (0, 0, -0.05), None, 0)
    floor.is_shadow_catcher = True
    ambient("#cfe3e2", 0.5)
    lamp("SUN", (-6, -2.5, 7), (0, 0, 0.4), 3.0, "#ffe3b8", 0.2)
    lamp("AREA", (4, -5, 5), (0, 0, 0.6), 170, "#fff6e6", 5)
    lamp("AREA", (-3, 6, 4.2), (0, 0, 0.8), 260, "#ffd9a0", 4)
    aim = AIM.get(name, (0, 0, 0.7))
    camera((aim[0] * 0.6, -9.4, 3.2), (aim[0], 0, aim[2] * 1.02), LENS.get(name, 78) * 0.92)
    render(out)


if __name__ == "__main__":
    backdrops, target = Path(sys.argv[1]), Path(sys.argv[2])
    size, samples = (int(v) for v in (sys.argv[3:5] or ("1024", "160")))
    for name in sys.argv[5:] or GOODS:
        if (target / f"{name}.png").exists():
            continue
        if size < 700 and samples < 20 and "sprites" in str(target):
            sprite(name, target / f"{name}.png", size, samples)
            continue
        shoot(name, backdrops, target / f"{name}.png", size, samples)
