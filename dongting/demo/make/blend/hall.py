"""Renders the hall as an equirectangular picture: a ten-sided pavilion on the lake with four booths: `python hall.py ART OUT WIDTH SAMPLES`.

The middle of the picture is yaw 0 (+y here), yaw grows to the right (+x). One unit is a metre; the eye is at the origin, 1.6 above the deck.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import bpy
from field import barley, golden_tea
from garden import basket, oranges, peppers
from kit import add, box, fresh, group, lamp, lathe, place, render, tube
from mathutils import Vector
from paint import Paint, clouded, glow, wood
from shore import duck_eggs, lotus_seeds, whitebait

EYE, RADIUS, EAVE = 1.6, 5.4, 3.25
BOOTH_RADIUS = 3.15
BOOTHS = (-36.0, 36.0, -108.0, 108.0)  # yaw of each; content/data names the same
PILLARS = tuple(18 + 36 * i for i in range(10))
GATE = 180.0


def at(yaw: float, radius: float, height: float) -> Vector:
    """A place by direction, distance and height above the deck."""
    a = math.radians(yaw)
    return Vector((radius * math.sin(a), radius * math.cos(a), height - EYE))


def painted(name: str, picture: Path, width: float, height: float, *, shine: float = 0.12) -> bpy.types.Object:
    """A picture on a flat board that looks towards -y."""
    mesh = bpy.data.meshes.new(name)
    w, h = width / 2, height / 2
    mesh.from_pydata([(-w, 0, -h), (w, 0, -h), (w, 0, h), (-w, 0, h)], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="uv")
    for i, uv in enumerate(((0, 0), (1, 0), (1, 1), (0, 1))):
        layer.data[i].uv = uv
    paint = Paint(name, rough=0.8)
    shown = paint.node("ShaderNodeTexImage", image=bpy.data.images.load(str(picture)))
    paint.set("Base Color", shown.outputs[0]).set("Emission Color", shown.outputs[0]).set("Emission Strength", shine)
    return add(mesh, name, paint.material, flat=True)


def made(build: Callable[[], object]) -> list[bpy.types.Object]:
    """Everything that a function puts into the scene, ready to be grouped."""
    before = set(bpy.data.objects)
    build()
    return [o for o in bpy.data.objects if o not in before and o.parent is None and not o.hide_render]


def around(picture: Path) -> None:
    """The painted lake as sky and light."""
    tree = bpy.context.scene.world.node_tree
    sky = tree.nodes.new("ShaderNodeTexEnvironment")
    sky.image = bpy.data.images.load(str(picture))
    back = tree.nodes["Background"]
    tree.links.new(sky.outputs[0], back.inputs[0])
    back.inputs[1].default_value = 1.0


def pavilion() -> None:
    """Deck, pillars, rail, beams and roof."""
    for i in range(45):
        x = -6.6 + i * 0.3
        half = math.sqrt(max(0.1, 6.7**2 - x * x))
        board = wood(
            f"board {i % 5}",
            ("#c79d70", "#cfa67a", "#bf9466", "#d3ac82", "#c49a6c")[i % 5],
            ("#936a42", "#9b7149", "#8b623b", "#a07850", "#8f663f")[i % 5],
            scale=0.7 + 0.1 * (i % 3),
            along="y",
            rough=0.38,
        )
        box("board", (0.294, 2 * half, 0.08), (x, 0, -EYE - 0.04), board, 0.008)
    place(lathe("under", [(0, 0), (6.6, 0)], Paint("under", "#6d4c2e", rough=0.9).material, 40), (0, 0, -EYE - 0.07))
    lacquer = clouded("lacquer", (0.3, "#7d2c1b"), (0.7, "#a03c24"), scale=1.2, rough=0.28, coat=0.4)
    beam = wood("beam", "#a87445", "#6f4626", scale=0.8)
    jade = clouded("jade", (0.3, "#0d5c50"), (0.7, "#13786a"), scale=2, rough=0.45)
    gold = Paint("gold", "#e0a526", rough=0.35).material
    stone = clouded("stone", (0.3, "#b7b3a6"), (0.7, "#d8d4c6"), scale=5, rough=0.7, relief=0.2)
    for yaw in PILLARS:
        post = lathe("pillar", [(0, 0), (0.16, 0), (0.155, EAVE), (0, EAVE)], lacquer, 28)
        place(post, at(yaw, RADIUS, 0))
        place(
            lathe("foot", [(0, 0), (0.27, 0), (0.29, 0.12), (0.22, 0.24), (0.17, 0.26)], stone, 28),
            at(yaw, RADIUS, 0),
        )
        place(
            lathe("ring", [(0.165, 0), (0.19, 0.02), (0.19, 0.12), (0.165, 0.14)], gold, 28),
            at(yaw, RADIUS, EAVE - 0.62),
        )
        foot, head = at(yaw, RADIUS + 0.9, EAVE - 0.25), at(0, 0, EAVE + 2.3)
        tube("rafter", [foot, (foot + head) / 2, head], [0.1, 0.1, 0.1], beam, sides=8)
    for i, yaw in enumerate(PILLARS):
        after = PILLARS[(i + 1) % 10]
        for height, radius, thick, paint in ((EAVE - 0.12, RADIUS, 0.11, beam), (EAVE - 0.48, RADIUS, 0.05, jade)):
            a, b = at(yaw, radius, height), at(after, radius, height)
            tube("lintel", [a, (a + b) / 2, b], [thick] * 3, paint, sides=8)
        for k in range(1, 12):  # the lattice under the lintel
            a = at(yaw, RADIUS, EAVE - 0.3) + (at(after, RADIUS, EAVE - 0.3) - at(yaw, RADIUS, EAVE - 0.3)) * (k / 12)
            box("slat", (0.035, 0.035, 0.32), a, jade, 0)
        middle = (yaw + 18) % 360
        if abs(middle - GATE) > 1:
            _rail(yaw, after, beam, jade)
    roof = clouded("roof", (0.3, "#d9b284"), (0.7, "#e6c79d"), scale=0.5, rough=0.6)
    for yaw in range(0, 360, 9):
        if yaw % 36 != 18:
            foot, head = at(yaw, RADIUS + 0.75, EAVE - 0.16), at(yaw, 0.3, EAVE + 2.24)
            tube("batten", [foot, (foot + head) / 2, head], [0.035] * 3, beam, sides=6)
    lathe(
        "roof",
        [
            (RADIUS + 1.0, EAVE - 0.28 - EYE),
            (3.6, EAVE + 0.75 - EYE),
            (1.8, EAVE + 1.55 - EYE),
            (0.1, EAVE + 2.35 - EYE),
        ],
        roof,
        10,
    )
    for radius, height in ((3.6, 0.68), (1.8, 1.48)):
        corners = [at(y, radius, EAVE + height) for y in (*PILLARS, PILLARS[0])]
        for a, b in zip(corners, corners[1:], strict=False):
            tube("purlin", [a, (a + b) / 2, b], [0.075] * 3, jade, sides=8)
    _lights(gold)


def _rail(yaw: float, after: float, beam: bpy.types.Material, jade: bpy.types.Material) -> None:
    a, b = at(yaw, RADIUS, 0), at(after, RADIUS, 0)
    for height, thick in ((0.95, 0.05), (0.55, 0.03), (0.18, 0.035)):
        up = Vector((0, 0, height))
        tube("rail", [a + up, (a + b) / 2 + up, b + up], [thick] * 3, beam, sides=8)
    for k in range(1, 10):
        p = a + (b - a) * (k / 10)
        box("baluster", (0.035, 0.035, 0.75), p + Vector((0, 0, 0.56)), jade, 0)


def _lights(gold: bpy.types.Material) -> None:
    paper = glow("lantern", "#f0602f", 0.9)
    for i in range(1, 10):
        yaw = 36.0 * i
        where = at(yaw, RADIUS - 0.25, EAVE - 0.72)
        ball = lathe("lantern", [(0.07, 0.2), (0.16, 0.17), (0.23, 0.0), (0.16, -0.17), (0.07, -0.2)], paper, 28)
        place(ball, where)
        for height in (0.2, -0.2):
            place(
                lathe("cap", [(0, 0.02), (0.085, 0.02), (0.085, -0.02), (0, -0.02)], gold, 20),
                where + Vector((0, 0, height)),
            )
        tube(
            "cord",
            [where + Vector((0, 0, 0.2)), where + Vector((0, 0, 0.4)), where + Vector((0, 0, 0.62))],
            [0.008] * 3,
            gold,
            sides=5,
        )
        tube(
            "tassel",
            [where + Vector((0, 0, -0.2)), where + Vector((0, 0, -0.3)), where + Vector((0, 0, -0.42))],
            [0.012, 0.022, 0.028],
            gold,
            sides=8,
        )
    lamp("AREA", at(0, 0, EAVE + 0.3), at(0, 0, 0), 150, "#fff0d6", 6)
    lamp("AREA", at(0, 0, 0.4), at(0, 0, 5), 130, "#ffe9c4", 6)
    lamp("SUN", at(16, 30, 16), at(0, 0, 0.5), 3.2, "#ffdca8", 0.05)


def booth(yaw: float, number: int, art: Path) -> None:
    """A counter with a cloth, goods on it, a banner behind it; all look to the middle of the hall."""
    tint = ("#c8432a", "#2f7d3f", "#c1911f", "#2f6f9a")[number - 1]
    planks = wood(f"counter {number}", "#c79661", "#85592f", scale=1.0)
    cloth = Paint(f"cloth {number}", tint, rough=0.85).material
    trim = Paint(f"trim {number}", "#f3e6c4", rough=0.8).material
    parts = [
        box("top", (2.3, 0.95, 0.07), (0, 0, 0.86), planks, 0.02),
        box("front", (2.1, 0.06, 0.8), (0, -0.36, 0.42), planks, 0.01),
        box("side", (0.06, 0.75, 0.8), (-1.02, 0, 0.42), planks, 0.01),
        box("side", (0.06, 0.75, 0.8), (1.02, 0, 0.42), planks, 0.01),
        box("runner", (1.15, 0.97, 0.012), (0, 0, 0.902), cloth, 0),
        box("drop", (1.15, 0.012, 0.46), (0, -0.484, 0.672), cloth, 0),
        box("hem", (1.15, 0.014, 0.035), (0, -0.486, 0.5), trim, 0),
    ]
    poles = wood("pole", "#a5713f", "#6d4422", along="z")
    banner = painted(f"banner {number}", art / f"booth-{number}.png", 0.86, 1.84)
    banner.location = (-0.78, 0.62, 1.92)
    parts += [
        banner,
        box("rod", (1.06, 0.05, 0.05), (-0.78, 0.62, 2.87), poles, 0.01),
        box("rod", (1.0, 0.05, 0.05), (-0.78, 0.62, 0.99), poles, 0.01),
    ]
    parts += [box("pole", (0.05, 0.05, 2.9), (x, 0.64, 1.45), poles, 0.01) for x in (-1.26, -0.3)]
    goods: dict[int, list[tuple[Callable[[], object], tuple[float, float], float, float]]] = {
        1: [
            (oranges, (0.05, 0.05), 0.16, 0.0),
            (whitebait, (0.82, -0.02), 0.16, 0.3),
            (duck_eggs, (-0.7, -0.05), 0.15, 0.2),
        ],
        2: [(peppers, (-0.45, -0.02), 0.18, 0.0), (lotus_seeds, (0.5, 0.0), 0.2, 0.1)],
        3: [(golden_tea, (0.1, -0.05), 0.22, 0.0)],
        4: [(barley, (0.05, -0.02), 0.22, 0.0)],
    }
    for build, (x, y), size, turn in goods[number]:
        parts.append(group(made(build), (x, y, 0.9), (0, 0, turn), size))
    for x, y in ((1.45, -0.15), (1.5, 0.45)):
        parts.append(group(made(lambda: basket(1.4, 1.1)), (x, y, 0), (0, 0, 0.4), 0.19))
    group(parts, at(yaw, BOOTH_RADIUS, 0), (0, 0, -math.radians(yaw)))


def eye(width: int) -> None:
    """A camera that sees everything around."""
    data = bpy.data.cameras.new("eye")
    data.type = "PANO"
    if hasattr(data, "panorama_type"):
        data.panorama_type = "EQUIRECTANGULAR"
    else:
        data.cycles.panorama_type = "EQUIRECTANGULAR"
    thing = bpy.data.objects.new("eye", data)
    thing.rotation_euler = (math.pi / 2, 0, 0)
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.scene.camera = thing
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = width, width // 2


if __name__ == "__main__":
    art, out, size, spp = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    fresh(size, size // 2, spp)
    bpy.context.scene.cycles.max_bounces = 6
    around(art / "around.png")
    pavilion()
    for index, direction in enumerate(BOOTHS):
        booth(direction, index + 1, art)
    plaque = painted("plaque", art / "plaque.png", 1.9, 0.5, shine=0.3)
    plaque.location = at(0, RADIUS - 0.35, EAVE - 0.36)
    eye(size)
    render(out)
