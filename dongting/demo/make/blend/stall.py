"""Renders the presenter's empty table for the clip: `python stall.py OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

from kit import ambient, box, camera, fresh, lamp, render
from paint import Paint, wood


def cloth(name: str, colour: str, edge: str) -> object:
    """A woven runner with a border and a thin gold line."""
    paint = Paint(name, rough=0.85)
    split = paint.node("ShaderNodeSeparateXYZ")
    paint.link(paint.coords(), split.inputs[0])
    across = paint.math("ABSOLUTE", split.outputs[1])
    thread = paint.math(
        "MULTIPLY",
        paint.math("SINE", paint.math("MULTIPLY", split.outputs[0], 180.0)),
        paint.math("SINE", paint.math("MULTIPLY", split.outputs[1], 180.0)),
    )
    band = paint.ramp(across, (0.0, colour), (0.86, colour), (0.865, edge), (0.9, edge), (0.905, colour))
    paint.set("Base Color", band)
    paint.bump(thread, 0.25, 0.01)
    return paint.material


if __name__ == "__main__":
    fresh(960, 540, 10, transparent=True)
    for i in range(6):
        plank = wood(
            f"plank {i}",
            ("#d6b083", "#dcb98e", "#cfa878")[i % 3],
            ("#a67c50", "#ae8456", "#9d744a")[i % 3],
            scale=0.5 + 0.05 * (i % 4),
        )
        box("plank", (24, 0.93, 0.24), (1.3 * (i % 2), -3.6 + i * 0.95, -0.12), plank, 0.03)
    runner = box("runner", (30, 2.0, 0.03), (0, -0.6, 0.012), None, 0)
    runner.data.materials.append(cloth("runner", "#0f6a5b", "#e0a526"))
    ambient("#cfe3e2", 0.5)
    lamp("SUN", (-6, -2.5, 7), (0, 0, 0.4), 3.0, "#ffe3b8", 0.2)
    lamp("AREA", (4, -5, 5), (0, 0, 0.6), 170, "#fff6e6", 5)
    camera((0, -9.4, 3.2), (0, 0, 1.55), 25)
    render(Path(sys.argv[1]))
