"""From the garden, each around the origin on a table at height 0: oranges, peppers, the leaf and the basket they need."""

from __future__ import annotations

import math
import random

import bpy
from kit import bezier, copy, dome_points, lathe, leaf, place, sphere, tube
from mathutils import Vector
from paint import Paint, clouded


def _orange_peel() -> bpy.types.Material:
    paint = Paint("peel", rough=0.38, coat=0.25, soft=0.12)
    paint.set("Base Color", paint.ramp(paint.noise(1.6), (0.32, "#ee7d0c"), (0.55, "#f7951a"), (0.75, "#fbae2b")))
    pores = paint.node("ShaderNodeTexVoronoi")
    pores.inputs["Scale"].default_value = 26
    paint.link(paint.coords(), pores.inputs["Vector"])
    paint.bump(pores.outputs["Distance"], 0.22, 0.02)
    return paint.material


def _orange_flesh(radius: float) -> bpy.types.Material:
    """Ten segments with pale walls, drawn in polar coordinates on the cut."""
    paint = Paint("flesh", rough=0.16, coat=0.5, soft=0.3)
    split = paint.node("ShaderNodeSeparateXYZ")
    paint.link(paint.coords(), split.inputs[0])
    x, y = split.outputs[0], split.outputs[1]
    r = paint.math(
        "DIVIDE",
        paint.math("SQRT", paint.math("ADD", paint.math("MULTIPLY", x, x), paint.math("MULTIPLY", y, y))),
        radius,
    )
    angle = paint.math("ARCTAN2", y, x)
    wave = paint.math("ABSOLUTE", paint.math("SINE", paint.math("MULTIPLY", angle, 5.0)))
    wall = paint.math("MULTIPLY", wave, r)  # distance from a wall, about even along it
    juice = paint.noise(9, 4, paint.coords("Object", (1, 1, 1)), 2.2)
    inner = paint.ramp(juice, (0.3, "#f06a08"), (0.5, "#f98a14"), (0.7, "#ffb03a"))
    pale = paint.node("ShaderNodeMixRGB")
    paint.link(paint.ramp(wall, (0.05, "#ffffff"), (0.13, "#000000")), pale.inputs[0])
    paint.link(inner, pale.inputs[1])
    pale.inputs[2].default_value = (0.95, 0.62, 0.25, 1)
    rind = paint.node("ShaderNodeMixRGB")
    paint.link(
        paint.ramp(r, (0.0, "#ffffff"), (0.07, "#000000"), (0.84, "#000000"), (0.88, "#ffffff")), rind.inputs[0]
    )
    paint.link(pale.outputs[0], rind.inputs[1])
    rind.inputs[2].default_value = (0.95, 0.74, 0.42, 1)
    skin = paint.node("ShaderNodeMixRGB")
    paint.link(paint.ramp(r, (0.955, "#000000"), (0.975, "#ffffff")), skin.inputs[0])
    paint.link(rind.outputs[0], skin.inputs[1])
    skin.inputs[2].default_value = (0.83, 0.28, 0.01, 1)
    paint.set("Base Color", skin.outputs[0])
    paint.bump(paint.noise(26, 3), 0.25, 0.02)
    return paint.material


def leaf_paint(name: str = "leaf", dark: str = "#1d5a2a", light: str = "#4f9a3c") -> bpy.types.Material:
    """A glossy leaf with veins."""
    paint = Paint(name, rough=0.32, coat=0.2, soft=0.05)
    split = paint.node("ShaderNodeSeparateXYZ")
    paint.link(paint.node("ShaderNodeTexCoord").outputs["UV"], split.inputs[0])
    t, s = split.outputs[0], paint.math("ABSOLUTE", paint.math("SUBTRACT", split.outputs[1], 0.5))
    vein = paint.math(
        "ABSOLUTE",
        paint.math("SINE", paint.math("SUBTRACT", paint.math("MULTIPLY", t, 34.0), paint.math("MULTIPLY", s, 26.0))),
    )
    line = paint.math("MAXIMUM", paint.math("LESS_THAN", vein, 0.16), paint.math("LESS_THAN", s, 0.022))
    tone = paint.math("ADD", paint.math("MULTIPLY", line, 0.35), paint.math("MULTIPLY", paint.noise(3), 0.7))
    paint.set("Base Color", paint.ramp(tone, (0.2, dark), (0.85, light)))
    return paint.material


def oranges(seed: int = 3) -> list[bpy.types.Object]:
    """A heap of ice-sugar oranges, one cut open, with leaves."""
    dice = random.Random(seed)
    peel, green = _orange_peel(), leaf_paint()
    stalk = clouded("stalk", (0.3, "#4b6b2c"), (0.7, "#7d8b3e"))
    base = sphere("orange", 0.62, peel, 64)
    for v in base.data.vertices:  # a little flat, dimpled at the pole
        d = math.exp(-((v.co.x**2 + v.co.y**2) / 0.03))
        v.co.z = v.co.z * 0.94 - (0.05 * d if v.co.z > 0 else -0.03 * d)
    button = lathe("button", [(0.0, 0.015), (0.05, 0.012), (0.085, -0.01), (0.06, -0.02)], stalk, 10)
    stem = tube(
        "stem",
        bezier((0, 0, 0), (0.01, 0, 0.06), (0.03, 0, 0.11), 5),
        [0.028, 0.026, 0.025, 0.024, 0.026, 0.03],
        stalk,
    )
    blade = leaf("orange leaf", 0.95, 0.42, green)
    parts = []

    def one(x: float, y: float, z: float, tilt: float, spin: float, leaves: int = 0) -> None:
        body = copy(base, (x, y, z), (tilt, 0, spin), dice.uniform(0.96, 1.03))
        parts.append(body)
        for thing, height in ((button, 0.54), (stem, 0.53)):
            twin = copy(thing, (0, 0, height))
            twin.parent = body
        for k in range(leaves):
            twin = copy(
                blade,
                (0, 0, 0.6),
                (dice.uniform(-0.3, 0.3), dice.uniform(-0.5, -0.15), k * 2.2 + dice.uniform(0, 1)),
                dice.uniform(0.8, 1.05),
            )
            twin.parent = body

    one(-0.95, 0.35, 0.58, 0.3, 0.4)
    one(0.22, 0.62, 0.58, -0.2, 2.0)
    one(1.38, 0.5, 0.58, 0.45, 1.0)
    one(-0.38, 0.5, 1.5, 0.25, 0.2, 2)
    one(0.8, 0.55, 1.48, -0.15, 2.6, 1)
    one(-1.62, -0.5, 0.58, 0.7, -0.7, 1)
    flesh = _orange_flesh(0.62)
    half = sphere("half", 0.62, peel, 64)
    cut = bpy.data.meshes.new("cut")
    ring = [(0.617 * math.cos(2 * math.pi * i / 64), 0.617 * math.sin(2 * math.pi * i / 64), 0.0) for i in range(64)]
    cut.from_pydata(ring, [], [tuple(range(64))])
    cut.materials.append(flesh)
    for v in half.data.vertices:
        v.co.z = min(v.co.z, 0)
    face = bpy.data.objects.new("face", cut)
    bpy.context.scene.collection.objects.link(face)
    face.location.z, face.parent = 0.004, half
    place(half, (0.35, -0.62, 0.545), (1.12, 0.1, 0.12))
    other = copy(half, (1.42, -0.72, 0.6), (0.12, -0.05, 1.3), 0.97)
    twin = copy(face, (0, 0, 0.004))
    twin.parent = other
    loose = copy(blade, (-0.75, -1.0, 0.06), (0.15, 0.02, 2.9), 1.1)
    spare = copy(blade, (-0.45, -0.95, 0.05), (-0.2, 0.05, 0.5), 0.95)
    for thing in (base, button, stem, blade):
        thing.hide_render = True
    return [*parts, half, other, loose, spare]


def basket(radius: float, height: float, tint: tuple[str, str] = ("#dcb873", "#9a7238")) -> list[bpy.types.Object]:
    """A really woven bamboo basket: uprights, and rings that pass before and behind them."""
    skin = clouded("bamboo", (0.3, tint[1]), (0.6, tint[0]), scale=4, rough=0.45)
    parts = [lathe("floor", [(0, 0.03), (radius * 0.8, 0.03), (radius * 0.82, 0.1)], skin)]
    uprights, rings = 36, max(4, int(height / 0.085))
    for k in range(rings):
        f = k / (rings - 1)
        line, radii = [], []
        for i in range(uprights * 4 + 1):
            a = 2 * math.pi * i / (uprights * 4)
            r = radius * (0.8 + 0.2 * f**0.7) + 0.022 * math.cos(a * uprights / 2 + math.pi * (k % 2))
            line.append(Vector((r * math.cos(a), r * math.sin(a), 0.06 + height * f)))
            radii.append(0.041)
        parts.append(tube("ring", line, radii, skin, sides=6, flat=0.5))
    for i in range(uprights):
        a = 2 * math.pi * (i + 0.5) / uprights
        foot, head = 0.8 * radius, radius
        line = [
            Vector(
                (
                    (foot + (head - foot) * t**0.7) * math.cos(a),
                    (foot + (head - foot) * t**0.7) * math.sin(a),
                    0.05 + height * t,
                )
            )
            for t in (j / 6 for j in range(7))
        ]
        parts.append(tube("upright", line, [0.025] * 7, skin, sides=6))
    for wave in (0, 1):
        line = []
        for i in range(181):
            a = 2 * math.pi * i / 180
            line.append(
                Vector(
                    (
                        (radius + 0.03) * math.cos(a),
                        (radius + 0.03) * math.sin(a),
                        0.08 + height + 0.03 * math.sin(a * 20 + wave * math.pi),
                    )
                )
            )
        parts.append(tube("rim", line, [0.05] * 181, skin, sides=8))
    return parts


def peppers(seed: int = 11, count: int = 46) -> list[bpy.types.Object]:
    """Slender green Zhangshugang peppers in a basket, a few before it."""
    dice = random.Random(seed)
    skin = Paint("pepper", rough=0.3, coat=0.3, soft=0.06)
    skin.set("Base Color", skin.ramp(skin.noise(1.3), (0.28, "#3a6a1c"), (0.5, "#5d8c26"), (0.72, "#93ae45")))
    skin.bump(skin.noise(6, 2), 0.15, 0.03)
    cap = clouded("cap", (0.3, "#3f6b25"), (0.7, "#6c9137"), rough=0.5)
    kinds = []
    for k in range(6):
        bend = dice.uniform(0.1, 0.42) * dice.choice((-1, 1))
        line = bezier(
            (-0.55, 0, 0), (0.1, bend, dice.uniform(-0.1, 0.15)), (0.62, bend * 0.2, dice.uniform(-0.1, 0.1)), 22
        )
        radii = []
        for i in range(23):
            t = i / 22
            radii.append(
                (0.13 * (1 - 0.5 * t) * min(1, (1 - t) * 5 + 0.08) * min(1, 0.55 + t * 5))
                * (1 + 0.07 * math.sin(i * 1.9 + k))
            )
        radii[-1] = 0.012
        pod = tube(f"pepper {k}", line, radii, skin.material, sides=14)
        hat = tube(
            "cap",
            bezier((-0.5, 0, 0.01), (-0.58, 0, 0.0), (-0.6, 0, 0), 4),
            [0.118, 0.128, 0.12, 0.08, 0.03],
            cap,
            sides=12,
        )
        stem = tube(
            "stem",
            bezier((-0.58, 0, 0), (-0.75, -bend * 0.3, 0.02), (-0.86, -bend * 0.5, 0.12), 8),
            [0.036, 0.032, 0.03, 0.028, 0.028, 0.028, 0.03, 0.034, 0.036],
            cap,
        )
        hat.parent = stem.parent = pod
        kinds.append(pod)

    def drop(at: Vector, turn: tuple[float, float, float]) -> None:
        kind = dice.choice(kinds)
        twin = copy(kind, at, turn, dice.uniform(0.9, 1.12))
        for child in kind.children:
            again = copy(child, child.location)
            again.parent = twin

    parts = basket(1.45, 0.62, ("#d6a95c", "#8d6430"))
    parts.append(lathe("heap", [(0, 0.95), (0.5, 0.9), (1.0, 0.7), (1.3, 0.5)], skin.material))
    for p, n in dome_points(count, 1.3, 0.5, dice):
        lean = Vector((0, 0, 1)).rotation_difference(n).to_euler()
        drop(
            p + Vector((0, 0, 0.55)) + n * dice.uniform(0.02, 0.14),
            (lean.x + dice.gauss(0, 0.15), lean.y + dice.gauss(0, 0.18), dice.uniform(0, 6.28)),
        )
    for x, y, spin in ((-1.5, -1.25, 0.5), (1.05, -1.6, 2.7), (1.7, -1.1, 0.15), (-0.2, -1.75, 3.3)):
        drop(Vector((x, y, 0.12)), (dice.uniform(0, 6), 0, spin))
    for kind in kinds:
        for thing in (kind, *kind.children):
            thing.hide_render = True
    return parts
