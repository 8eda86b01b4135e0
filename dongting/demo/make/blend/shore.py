"""From the lake: whitebait, salted duck eggs, lotus seeds with pod and flower."""

from __future__ import annotations

import math
import random

import bpy
from garden import basket
from kit import bezier, copy, dome_points, lathe, leaf, place, sphere, tube
from mathutils import Vector
from paint import Paint, clouded


def whitebait(seed: int = 5) -> list[bpy.types.Object]:
    """Dried silver fish heaped on a bamboo tray."""
    dice = random.Random(seed)
    body = Paint("fish", rough=0.3, coat=0.45, soft=0.35)
    body.set("Base Color", body.ramp(body.noise(3), (0.3, "#e9e0c8"), (0.6, "#fbf7ea"), (0.8, "#f2e4bf")))
    body.set("Subsurface Radius", (0.4, 0.36, 0.26)).set("Transmission Weight", 0.12)
    eye = Paint("eye", "#14100c", rough=0.2).material
    kinds = []
    for k in range(7):
        bend = dice.uniform(-0.16, 0.16)
        line = bezier((-0.5, 0, 0), (0, bend * 2.2, dice.uniform(-0.03, 0.06)), (0.5, 0, 0), 16)
        radii = [0.006 + 0.052 * math.sin(math.pi * (i / 16) ** 0.66) ** 0.75 * (1 - 0.5 * i / 16) for i in range(17)]
        radii[0] = 0.014
        fish = tube(f"fish {k}", line, radii, body.material, sides=10, flat=0.6)
        for side in (-1, 1):
            dot = sphere("dot", 0.014, eye, 10)
            dot.location = line[2] + Vector((0, side * 0.024, 0.012))
            dot.parent = fish
        kinds.append(fish)
    parts = basket(1.75, 0.26)
    floor = lathe("heap", [(0, 0.5), (0.5, 0.46), (1.0, 0.3), (1.35, 0.12), (1.5, 0.06)], body.material)
    parts.append(floor)
    places = [(p + Vector((0, 0, 0.12)), n) for p, n in dome_points(270, 1.24, 0.46, dice)]
    for where, outward in places:
        turn = Vector((0, 0, 1)).rotation_difference(outward).to_euler()
        kind = dice.choice(kinds)
        twin = copy(
            kind,
            where + outward * dice.uniform(0.0, 0.09),
            (turn.x + dice.gauss(0, 0.12), turn.y + dice.gauss(0, 0.16), dice.uniform(0, 6.28)),
            dice.uniform(0.85, 1.15),
        )
        for dot in kind.children:
            eyeball = copy(dot, dot.location)
            eyeball.parent = twin
    for kind in kinds:
        kind.hide_render = True
        for dot in kind.children:
            dot.hide_render = True
    return parts


def egg(material: bpy.types.Material, radius: float = 0.5) -> bpy.types.Object:
    """An egg lying along x."""
    thing = sphere("egg", radius, material, 56)
    for v in thing.data.vertices:
        t = v.co.z / radius
        k = 1 - 0.12 * t
        v.co.x, v.co.y, v.co.z = v.co.x * k, v.co.y * k, v.co.z * 1.3
    return thing


def duck_eggs(seed: int = 8) -> list[bpy.types.Object]:
    """Salted duck eggs on straw, one cut to its red and oily yolk."""
    dice = random.Random(seed)
    shell = Paint("shell", rough=0.42, coat=0.15, soft=0.1)
    shell.set("Base Color", shell.ramp(shell.noise(4, 5), (0.3, "#b9d3cd"), (0.55, "#d5e6df"), (0.8, "#c2dbd4")))
    shell.bump(shell.noise(60, 2), 0.05)
    white = Paint("white", "#fbf8f0", rough=0.22, coat=0.35, soft=0.4).material
    yolk = Paint("yolk", rough=0.14, coat=0.9, soft=0.3)
    yolk.set("Base Color", yolk.ramp(yolk.noise(5, 5), (0.3, "#d9480f"), (0.5, "#ee6a12"), (0.72, "#f8941f")))
    yolk.bump(yolk.noise(16, 4), 0.35, 0.03)
    straw = clouded("straw", (0.3, "#b98b3a"), (0.7, "#e9c877"), scale=6, rough=0.55)
    parts = []
    for _ in range(240):  # the straw
        a, r = dice.uniform(0, 6.28), 1.75 * math.sqrt(dice.random())
        mid = Vector(
            (r * math.cos(a), 0.25 + r * 0.72 * math.sin(a), 0.04 + 0.12 * dice.random() * max(0.0, 1.9 - r))
        )
        along = dice.uniform(0, 6.28)
        arm = Vector((math.cos(along), math.sin(along), dice.uniform(-0.08, 0.12))) * dice.uniform(0.35, 0.7)
        arch = Vector((0, 0, dice.uniform(0.02, 0.2)))
        parts.append(tube("straw", bezier(mid - arm, mid + arch, mid + arm, 7), [0.018] * 8, straw, sides=5))
    first = egg(shell.material)
    place(first, (-0.95, 0.55, 0.6), (1.5, 0.2, 0.5))
    parts += [
        first,
        copy(first, (0.15, 0.85, 0.62), (1.6, 0.0, -0.3)),
        copy(first, (1.2, 0.6, 0.6), (1.5, 0.1, -1.0)),
        copy(first, (-0.35, 0.55, 1.22), (1.5, 0.25, 1.2)),
        copy(first, (0.68, 0.7, 1.24), (1.45, -0.2, -0.5)),
    ]
    for at, turn, part in (((-0.55, -0.62, 0.42), (0.78, 0.0, 0.35), 0), ((0.72, -0.7, 0.44), (0.62, 0.0, -0.5), 1)):
        parts += _cut_egg(at, turn, shell.material, white, yolk.material, part)
    return parts


def _cut_egg(
    at: tuple[float, float, float],
    turn: tuple[float, float, float],
    shell: bpy.types.Material,
    white: bpy.types.Material,
    yolk: bpy.types.Material,
    part: int,
) -> list[bpy.types.Object]:
    """Half an egg, its cut looking along +z before it is turned."""
    outer, inner = egg(shell), egg(white, 0.478)
    for thing in (outer, inner):
        for v in thing.data.vertices:
            x, y, z = v.co
            v.co = Vector((z, y, min(x, 0.0)))
    outer.data.update()
    lid = bpy.data.meshes.new("lid")
    ring = []
    for i in range(72):
        a = 2 * math.pi * i / 72
        t = math.sin(a)
        ring.append((0.485 * 1.3 * t, 0.485 * math.cos(a) * (1 - 0.12 * t), 0.002))
    lid.from_pydata(ring, [], [tuple(range(72))])
    lid.materials.append(white)
    top = bpy.data.objects.new("lid", lid)
    bpy.context.scene.collection.objects.link(top)
    ball = sphere("yolk", 0.285, yolk, 48)
    for v in ball.data.vertices:
        v.co.z = v.co.z * (0.16 if v.co.z > 0 else 0.8)
        v.co.x *= 1.12
    ball.location = (-0.04 + 0.05 * part, 0.0, 0.0)
    for thing in (inner, top, ball):
        thing.parent = outer
    place(outer, at, turn)
    return [outer]


def lotus_seeds(seed: int = 31) -> list[bpy.types.Object]:
    """A celadon bowl of lotus seeds, a green seed pod and a flower."""
    dice = random.Random(seed)
    cream = Paint("seed", rough=0.45, soft=0.3)
    cream.set("Base Color", cream.ramp(cream.noise(3), (0.3, "#efe0bd"), (0.6, "#fbf3dd"), (0.8, "#e8d2a0")))
    glaze = Paint("glaze", rough=0.12, coat=0.7)
    glaze.set("Base Color", glaze.ramp(glaze.noise(1.4), (0.3, "#7fb7a3"), (0.7, "#a7d3c0")))
    bowl = lathe(
        "bowl",
        [
            (0, 0.12),
            (0.5, 0.12),
            (0.52, 0.0),
            (0.6, 0.0),
            (0.62, 0.14),
            (1.05, 0.42),
            (1.3, 0.85),
            (1.34, 1.0),
            (1.29, 1.02),
            (1.2, 0.88),
            (0.95, 0.5),
            (0.5, 0.26),
            (0, 0.22),
        ],
        glaze.material,
        96,
    )
    place(bowl, (-0.35, 0.35, 0))
    parts = [bowl]
    nut = sphere("nut", 0.135, cream.material, 28)
    for v in nut.data.vertices:
        v.co.z *= 1.18
    tip = sphere("tip", 0.03, clouded("tip", (0.3, "#8a5a2c"), (0.7, "#b98145")), 10)
    heap = [(p + Vector((-0.35, 0.35, 0.76)), n) for p, n in dome_points(120, 1.08, 0.42, dice)]
    heap += [
        (Vector((x, y, 0.12)), Vector((0, 0.6, 1)).normalized())
        for x, y in ((0.9, -1.05), (1.2, -0.95), (-1.5, -0.9), (0.5, -1.25), (1.05, -1.3), (-1.25, -1.1))
    ]
    for where, outward in heap:
        twin = copy(nut, where + outward * 0.05, (dice.uniform(0, 6), dice.uniform(0, 6), 0), dice.uniform(0.9, 1.1))
        dot = copy(tip, (0, 0, 0.15), (0, 0, 0), (1, 1, 0.6))
        dot.parent = twin
        parts.append(twin)
    green = clouded("pod", (0.3, "#5d9440"), (0.7, "#93bf58"), scale=3, rough=0.5, soft=0.1)
    pod = lathe(
        "pod",
        [(0, -0.75), (0.1, -0.72), (0.28, -0.5), (0.6, -0.1), (0.68, 0.0), (0.66, 0.05), (0.58, 0.07), (0, 0.09)],
        green,
        40,
    )
    kernel = clouded("kernel", (0.3, "#3e7a36"), (0.7, "#74a94a"), rough=0.35)
    for r, n in ((0.0, 1), (0.26, 6), (0.49, 11)):
        for i in range(n):
            a = 6.283 * i / n + r
            bead = sphere("bead", 0.085, kernel, 18)
            bead.location, bead.parent = (r * math.cos(a), r * math.sin(a), 0.09), pod
    stem = tube("stalk", bezier((0, 0, -0.72), (0.1, 0, -1.2), (0.5, 0.2, -1.7), 10), [0.07] * 11, green)
    stem.parent = pod
    place(pod, (1.35, 0.05, 0.55), (0.85, 0.15, 0.55))
    petal_paint = Paint("petal", rough=0.45, soft=0.3)
    split = petal_paint.node("ShaderNodeSeparateXYZ")
    petal_paint.link(petal_paint.node("ShaderNodeTexCoord").outputs["UV"], split.inputs[0])
    petal_paint.set(
        "Base Color", petal_paint.ramp(split.outputs[0], (0.1, "#fff8f0"), (0.65, "#fde6e2"), (1.0, "#f093ac"))
    )
    petal = leaf("petal", 0.82, 0.78, petal_paint.material, droop=-0.46, fold=0.3, cupped=True)
    heart = lathe(
        "heart",
        [(0, -0.1), (0.08, -0.05), (0.18, 0.14), (0.17, 0.17), (0, 0.18)],
        clouded("heart", (0.3, "#d9c04a"), (0.7, "#efdf7a")),
        24,
    )
    flower = [heart]
    for ring, (n, raise_) in enumerate(((5, -0.95), (7, -0.6), (8, -0.2))):
        flower += [
            copy(petal, (0, 0, -0.05), (0, raise_, 6.283 * i / n + ring * 0.4), 0.8 + 0.14 * ring) for i in range(n)
        ]
    petal.hide_render = True
    handle = bpy.data.objects.new("flower", None)
    bpy.context.scene.collection.objects.link(handle)
    for thing in flower:
        thing.parent = handle
    place(handle, (-1.3, -0.75, 0.32), (0.35, -0.12, 0.3), 0.95)
    return [*parts, pod, handle]
