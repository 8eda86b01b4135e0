"""From the hills and fields: two teas and highland barley."""

from __future__ import annotations

import math
import random

import bpy
from garden import leaf_paint
from kit import bezier, copy, dome_points, lathe, leaf, place, sphere, tube
from mathutils import Vector
from paint import Paint, clouded, glass, wood


def silver_needle(seed: int = 21) -> list[bpy.types.Object]:
    """Junshan silver needle: buds that stand upright in a glass, and dry ones in a dish beside it."""
    dice = random.Random(seed)
    bud = Paint("bud", rough=0.5, soft=0.15)
    bud.set("Base Color", bud.ramp(bud.noise(5), (0.3, "#a5a84a"), (0.55, "#d0c873"), (0.8, "#f3ebbd")))
    wall = glass("glass", ior=1.12)
    parts = [
        lathe(
            "glass",
            [
                (0, 0.0),
                (0.68, 0.0),
                (0.74, 0.05),
                (0.8, 2.5),
                (0.77, 2.52),
                (0.735, 2.48),
                (0.69, 0.24),
                (0.62, 0.17),
                (0, 0.16),
            ],
            wall,
            96,
        )
    ]
    tea = glass("tea", "#ffdc36", 1.08, 1.0)
    parts.append(
        lathe("tea", [(0, 0.17), (0.615, 0.18), (0.683, 0.25), (0.722, 2.06), (0.715, 2.09), (0, 2.075)], tea, 96)
    )
    kinds = []
    for k in range(4):
        bend = dice.uniform(-0.05, 0.05)
        line = bezier((0, 0, -0.25), (bend, 0, 0.0), (bend * 0.3, 0, 0.27), 12)
        kinds.append(
            tube(
                f"needle {k}",
                line,
                [0.006 + 0.042 * math.sin(math.pi * (i / 12) ** 0.75) ** 0.85 for i in range(13)],
                bud.material,
                sides=8,
                flat=0.7,
            )
        )
    for i in range(64):
        a, r = i * 2.4, 0.56 * math.sqrt(dice.random())
        low = dice.random() < 0.68
        z = (
            0.47 + abs(dice.gauss(0, 0.13))
            if low
            else (1.78 + dice.gauss(0, 0.08) if dice.random() < 0.75 else dice.uniform(0.9, 1.5))
        )
        parts.append(
            copy(
                dice.choice(kinds),
                (r * math.cos(a), r * math.sin(a), z),
                (dice.gauss(0, 0.1), dice.gauss(0, 0.1), dice.uniform(0, 6)),
                dice.uniform(0.8, 1.1),
            )
        )
    dish = clouded("celadon", (0.3, "#a9cdb9"), (0.7, "#c6e0cd"), rough=0.16, coat=0.5)
    saucer = lathe(
        "dish",
        [
            (0, 0.06),
            (0.5, 0.06),
            (0.55, 0.0),
            (0.62, 0.02),
            (0.98, 0.26),
            (1.0, 0.3),
            (0.95, 0.3),
            (0.6, 0.12),
            (0, 0.11),
        ],
        dish,
        96,
    )
    place(saucer, (1.62, -0.55, 0))
    parts.append(saucer)
    for p, n in dome_points(190, 0.74, 0.24, dice):
        lean = Vector((0, 0, 1)).rotation_difference(n).to_euler()
        parts.append(
            copy(
                dice.choice(kinds),
                p + Vector((1.62, -0.55, 0.17)) + n * dice.uniform(0, 0.05),
                (1.57 + lean.x + dice.gauss(0, 0.2), lean.y + dice.gauss(0, 0.2), dice.uniform(0, 6.28)),
                dice.uniform(0.8, 1.0),
            )
        )
    for x, y in ((-1.1, -0.9), (-0.8, -1.15), (0.35, -1.25), (-1.35, -0.65)):
        parts.append(copy(kinds[0], (x, y, 0.045), (1.57, 0, dice.uniform(0, 6))))
    for kind in kinds:
        kind.hide_render = True
    return parts


def golden_tea(seed: int = 41) -> list[bpy.types.Object]:
    """Baojing golden tea: a white bowl of bright tea, a bamboo scoop of curled leaves, fresh shoots."""
    dice = random.Random(seed)
    china = Paint("china", "#fbfaf5", rough=0.1, coat=0.6, soft=0.15).material
    cup = lathe(
        "cup",
        [
            (0, 0.14),
            (0.36, 0.14),
            (0.4, 0.0),
            (0.46, 0.0),
            (0.48, 0.16),
            (0.8, 0.45),
            (0.98, 0.85),
            (1.08, 1.12),
            (1.05, 1.14),
            (0.93, 0.85),
            (0.74, 0.5),
            (0.4, 0.25),
            (0, 0.22),
        ],
        china,
        96,
    )
    place(cup, (-0.75, 0.25, 0))
    tea = glass("tea", "#d3e04a", 1.33, 0.75)
    pool = lathe(
        "pool",
        [(0, 0.215), (0.4, 0.245), (0.75, 0.505), (0.945, 0.85), (0.985, 0.955), (0.965, 0.965), (0, 0.96)],
        tea,
        96,
    )
    place(pool, (-0.75, 0.25, 0))
    parts = [cup, pool]
    saucer = lathe(
        "saucer",
        [(0, 0.02), (0.6, 0.0), (0.7, 0.02), (1.25, 0.12), (1.3, 0.16), (1.2, 0.15), (0.6, 0.06), (0, 0.06)],
        china,
        96,
    )
    place(saucer, (-0.75, 0.25, -0.02))
    parts.append(saucer)
    fresh = leaf_paint("shoot", "#4f8f2c", "#a5cf55")
    blade = leaf("shoot leaf", 0.62, 0.22, fresh, droop=0.15, fold=0.35)
    small = leaf("bud leaf", 0.5, 0.12, fresh, droop=-0.1, fold=0.6)
    stalk = clouded("shoot stalk", (0.3, "#7fae45"), (0.7, "#a9cc68"))

    def shoot(at: tuple[float, float, float], turn: tuple[float, float, float], size: float) -> None:
        bits = [tube("stalk", bezier((-0.4, 0, 0), (-0.1, 0, 0.03), (0.1, 0, 0.08), 6), [0.022] * 7, stalk)]
        bits.append(copy(small, (0.08, 0, 0.07), (0, -0.25, 0.05), 1))
        bits.append(copy(blade, (0.02, 0, 0.05), (0.2, -0.1, 0.6), 1))
        bits.append(copy(blade, (-0.12, 0, 0.03), (-0.2, -0.05, -0.75), 0.92))
        handle = bpy.data.objects.new("shoot", None)
        bpy.context.scene.collection.objects.link(handle)
        for bit in bits:
            bit.parent = handle
        parts.append(place(handle, at, turn, size))

    shoot((-0.55, 0.15, 0.98), (0, 0, 0.4), 0.75)
    shoot((-1.6, -0.95, 0.04), (0.1, 0, 0.5), 1.15)
    shoot((-0.55, -1.3, 0.05), (0, 0, -0.2), 1.05)
    shoot((1.85, 0.55, 0.05), (0, 0, 1.3), 1.0)
    dry = Paint("dry", rough=0.55)
    dry.set("Base Color", dry.ramp(dry.noise(4), (0.3, "#3d5a22"), (0.55, "#6f8a35"), (0.75, "#c8bd66")))
    kinds = []
    for k in range(6):
        curl = dice.uniform(0.1, 0.24)
        line = bezier(
            (-0.17, 0, 0), (0, curl * dice.choice((-1, 1)), dice.uniform(-0.1, 0.14)), (0.17, curl * 0.4, 0), 9
        )
        kinds.append(
            tube(
                f"dry {k}",
                line,
                [0.01 + 0.026 * math.sin(math.pi * (i + 0.6) / 10.5) for i in range(10)],
                dry.material,
                sides=7,
                flat=0.6,
            )
        )
    tray = wood("scoop", "#c99a58", "#8a5c2c", scale=1.2)
    scoop = lathe(
        "scoop",
        [(0, 0.05), (0.7, 0.07), (0.92, 0.2), (0.98, 0.34), (0.93, 0.35), (0.85, 0.22), (0.65, 0.13), (0, 0.11)],
        tray,
        72,
    )
    place(scoop, (1.2, -0.55, 0))
    scoop.scale = (1.1, 0.85, 1)
    parts.append(scoop)
    for p, n in dome_points(300, 0.86, 0.34, dice):
        parts.append(
            copy(
                dice.choice(kinds),
                Vector((p.x * 1.05 + 1.2, p.y * 0.8 - 0.55, p.z + 0.16)) + n * dice.uniform(0, 0.05),
                (dice.gauss(0, 0.5), dice.gauss(0, 0.5), dice.uniform(0, 6.28)),
                dice.uniform(0.8, 1.2),
            )
        )
    for _ in range(14):
        parts.append(
            copy(
                dice.choice(kinds),
                (dice.uniform(0.1, 2.1), dice.uniform(-1.6, -1.25), 0.03),
                (0, 0, dice.uniform(0, 6.28)),
            )
        )
    for thing in (*kinds, blade, small):
        thing.hide_render = True
    return parts


def barley(seed: int = 51) -> list[bpy.types.Object]:
    """Highland barley: a wooden bowl of grain, a linen sack, ripe ears."""
    dice = random.Random(seed)
    grain_paint = Paint("grain", rough=0.45, soft=0.1)
    grain_paint.set(
        "Base Color",
        grain_paint.ramp(
            grain_paint.math(
                "ADD",
                grain_paint.math("MULTIPLY", grain_paint.noise(2), 0.5),
                grain_paint.math("MULTIPLY", grain_paint.node("ShaderNodeObjectInfo").outputs["Random"], 0.5),
            ),
            (0.25, "#a8772f"),
            (0.5, "#d9ad5a"),
            (0.75, "#f0d391"),
        ),
    )
    grain = sphere("grain", 0.075, grain_paint.material, 16)
    for v in grain.data.vertices:
        t = v.co.z / 0.075
        v.co.x *= 0.62 * (1 - 0.15 * t)
        v.co.y *= 0.55
        v.co.z *= 1.25
    bowl = lathe(
        "bowl",
        [
            (0, 0.0),
            (0.6, 0.0),
            (0.95, 0.2),
            (1.3, 0.62),
            (1.42, 0.95),
            (1.34, 0.98),
            (1.22, 0.68),
            (0.9, 0.3),
            (0, 0.12),
        ],
        wood("bowl", "#b9804a", "#6d4220", scale=0.8),
        96,
    )
    place(bowl, (-0.35, 0.3, 0))
    parts = [
        bowl,
        place(
            lathe("fill", [(0, 1.08), (0.5, 1.03), (1.0, 0.86), (1.27, 0.72)], grain_paint.material), (-0.35, 0.3, 0)
        ),
    ]

    def lay(spots: list[tuple[Vector, Vector]]) -> None:
        for where, outward in spots:
            turn = Vector((0, 0, 1)).rotation_difference(outward).to_euler()
            parts.append(
                copy(
                    grain,
                    where,
                    (1.57 + turn.x + dice.gauss(0, 0.3), turn.y + dice.gauss(0, 0.3), dice.uniform(0, 6.28)),
                    dice.uniform(0.9, 1.15),
                )
            )

    lay(
        [
            (p + Vector((-0.35, 0.3, 0.75)) + n * dice.uniform(0, 0.03), n)
            for p, n in dome_points(900, 1.24, 0.36, dice)
        ]
    )
    up = Vector((0, 0, 1))
    lay([(Vector((0.95 + dice.gauss(0, 0.32), -0.95 + dice.gauss(0, 0.2), 0.04)), up) for _ in range(120)])
    stalk = clouded("straw", (0.3, "#c99a3c"), (0.7, "#eccb76"), scale=5)
    for base, tip, bend in (
        ((2.2, 0.2, 0.06), (-0.1, -1.45, 0.16), 0.15),
        ((2.3, -0.05, 0.1), (0.25, -1.7, 0.14), 0.1),
        ((1.3, 1.1, 0.3), (1.75, -0.3, 1.5), 0.9),
        ((1.5, 1.2, 0.3), (2.1, 0.1, 1.3), 0.9),
        ((1.1, 1.25, 0.3), (1.2, 0.4, 1.95), 0.9),
    ):
        middle = (Vector(base) + Vector(tip)) / 2 + Vector((0, 0.1, bend))
        line = bezier(base, middle, tip, 30)
        parts.append(tube("stalk", line, [0.022] * 31, stalk))
        for i in range(18, 31):
            along = (line[min(i + 1, 30)] - line[i - 1]).normalized()
            for side in (0, 1, 2, 3):
                turn = along.to_track_quat("Z", "Y")
                out = turn @ Vector((math.cos(side * 1.57 + i), math.sin(side * 1.57 + i), 0))
                spot = line[i] + out * 0.055
                tilt = (along + out * 0.35).to_track_quat("Z", "Y").to_euler()
                parts.append(copy(grain, spot, tuple(tilt), 1.0))
                tipped = spot + (along + out * 0.22) * 0.5
                parts.append(
                    tube(
                        "awn",
                        bezier(spot, (spot + tipped) / 2 + Vector((0, 0, 0.02)), tipped, 4),
                        [0.009, 0.007, 0.006, 0.005, 0.003],
                        stalk,
                        sides=4,
                    )
                )
    grain.hide_render = True
    return parts
