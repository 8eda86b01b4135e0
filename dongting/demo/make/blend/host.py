"""The demo's presenter, a small clay figure in a straw hat: the model and the poses of the clip."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from kit import ambient, bezier, camera, fresh, group, lamp, lathe, place, render, sphere, tube
from mathutils import Vector
from paint import Paint, clouded


@dataclass(frozen=True)
class Pose:
    """One moment: angles in radians, openings 0..1; hands are places in front of the body."""

    nod: float = 0.0
    turn: float = 0.0
    tilt: float = 0.0
    lean: float = 0.0
    mouth: float = 0.2
    eyes: float = 1.0
    left: tuple[float, float, float] = (-0.72, -0.95, 0.95)
    right: tuple[float, float, float] = (0.72, -0.95, 0.95)
    palm: float = 0.0


def straw() -> bpy.types.Material:
    """Plaited straw, ring by ring."""
    paint = Paint("straw", rough=0.6)
    split = paint.node("ShaderNodeSeparateXYZ")
    paint.link(paint.coords(), split.inputs[0])
    x, y = split.outputs[0], split.outputs[1]
    r = paint.math("SQRT", paint.math("ADD", paint.math("MULTIPLY", x, x), paint.math("MULTIPLY", y, y)))
    ring = paint.math(
        "SINE", paint.math("MULTIPLY", paint.math("ADD", r, paint.math("MULTIPLY", split.outputs[2], 0.8)), 62)
    )
    twist = paint.math(
        "SINE",
        paint.math("ADD", paint.math("MULTIPLY", paint.math("ARCTAN2", y, x), 90), paint.math("MULTIPLY", r, 40)),
    )
    both = paint.math("ADD", paint.math("MULTIPLY", ring, 0.35), paint.math("MULTIPLY", twist, 0.15))
    paint.set(
        "Base Color", paint.ramp(paint.math("ADD", both, 0.5), (0.1, "#c79a48"), (0.6, "#ecc97d"), (1.0, "#f7dfa3"))
    )
    paint.bump(both, 0.5, 0.03)
    return paint.material


class Presenter:
    """The figure; `strike` puts it into a pose."""

    def __init__(self) -> None:
        skin = Paint("skin", "#f6c9a4", rough=0.45, soft=0.35)
        skin.set("Subsurface Radius", (0.6, 0.25, 0.15))
        self.skin = skin.material
        self.shirt = clouded("shirt", (0.3, "#f2ead8"), (0.7, "#fbf6ea"), rough=0.8, relief=0.05, fine=60)
        apron = clouded("apron", (0.3, "#0c5f52"), (0.7, "#13786a"), rough=0.75, relief=0.08, fine=80)
        scarf = clouded("scarf", (0.3, "#d7941c"), (0.7, "#efb738"), rough=0.7)
        ribbon = clouded("ribbon", (0.3, "#c93f22"), (0.7, "#e2553a"), rough=0.7)
        hair = clouded("hair", (0.3, "#241712"), (0.7, "#3b261c"), scale=6, rough=0.38, coat=0.25)
        dark, shine = (
            Paint("eye", "#17100c", rough=0.08, coat=1.0).material,
            Paint("shine", "#ffffff", rough=0.2)
            .set("Emission Color", (1, 1, 1, 1))
            .set("Emission Strength", 0.8)
            .material,
        )
        blush = Paint("blush", "#f08a74", rough=0.7, soft=0.3).material
        lip = Paint("lip", "#8f2a22", rough=0.4).material
        self._arms: list[bpy.types.Object] = []
        body = lathe(
            "body",
            [
                (0, -0.2),
                (0.86, -0.2),
                (0.92, 0.1),
                (0.86, 0.7),
                (0.72, 1.2),
                (0.56, 1.52),
                (0.34, 1.7),
                (0.24, 1.78),
                (0, 1.8),
            ],
            self.shirt,
        )
        bib = lathe("bib", [(0, -0.22), (0.89, -0.22), (0.95, 0.1), (0.895, 0.7), (0.755, 1.18), (0.0, 1.18)], apron)
        for v in bib.data.vertices:  # the apron covers the front
            v.co.y = min(v.co.y, 0.12 * v.co.x**2)
        straps = [
            tube(
                "strap",
                bezier((s * 0.42, -0.6, 1.16), (s * 0.46, -0.55, 1.5), (s * 0.34, -0.05, 1.72), 12),
                [0.06] * 13,
                apron,
                flat=0.4,
            )
            for s in (-1, 1)
        ]
        pocket = tube(
            "pocket",
            bezier((-0.3, -0.93, 0.52), (0, -0.99, 0.4), (0.3, -0.93, 0.52), 12),
            [0.022] * 13,
            Paint("seam", "#e0a526", rough=0.6).material,
        )
        wrap = lathe("wrap", [(0.2, 1.62), (0.4, 1.6), (0.45, 1.68), (0.38, 1.8), (0.22, 1.82)], scarf)
        knot = place(sphere("knot", 0.13, scarf, 24), (0.05, -0.42, 1.62))
        tails = [
            tube(
                "tail",
                bezier((0.05, -0.44, 1.6), (s * 0.16, -0.58, 1.45), (s * 0.2 + 0.05, -0.64, 1.25), 8),
                [0.05, 0.08, 0.1, 0.11, 0.115, 0.115, 0.11, 0.1, 0.05],
                scarf,
                flat=0.4,
            )
            for s in (-1, 1)
        ]
        for thing in tails:
            thing.scale.y = 1
        self.body = group([body, bib, *straps, pocket, wrap, knot, *tails], (0, 0, 0))
        head = sphere("head", 0.98, self.skin, 72)
        for v in head.data.vertices:
            v.co.z *= 0.9
            v.co.x *= 1.04 + 0.05 * math.exp(-((v.co.z + 0.35) ** 2) * 6)
        ears = [place(sphere("ear", 0.17, self.skin, 24), (s * 0.99, 0.05, -0.1)) for s in (-1, 1)]
        self.eyes = [place(sphere("eye", 0.125, dark, 32), (s * 0.36, -0.895, -0.02)) for s in (-1, 1)]
        for thing in self.eyes:
            thing.scale = (0.8, 0.45, 1.12)
        self.shines = [place(sphere("shine", 0.04, shine, 16), (s * 0.36 + 0.035, -0.955, 0.045)) for s in (-1, 1)]
        brows = [
            tube(
                "brow",
                bezier((s * 0.22, -0.9, 0.24), (s * 0.36, -0.905, 0.3), (s * 0.5, -0.84, 0.23), 8),
                [0.012, 0.022, 0.026, 0.028, 0.028, 0.026, 0.022, 0.018, 0.01],
                hair,
            )
            for s in (-1, 1)
        ]
        cheeks = [place(sphere("cheek", 0.16, blush, 32), (s * 0.56, -0.765, -0.27)) for s in (-1, 1)]
        for s, thing in zip((-1, 1), cheeks, strict=True):
            thing.scale, thing.rotation_euler = (1.15, 0.12, 0.72), (0.25, 0, s * 0.62)
        nose = place(sphere("nose", 0.055, self.skin, 20), (0, -0.985, -0.16))
        self.mouth = place(sphere("mouth", 0.13, lip, 32), (0, -0.9, -0.38), (0.3, 0, 0))
        self.smile = tube(
            "smile",
            bezier((-0.2, -0.905, -0.335), (0, -0.945, -0.44), (0.2, -0.905, -0.335), 12),
            [0.008] + [0.017] * 11 + [0.008],
            lip,
        )
        cap = sphere("cap", 1.035, hair, 72)
        for v in cap.data.vertices:
            v.co.z *= 0.92
            if v.co.y < -0.3 and v.co.z < 0.55:
                v.co *= 0.9
            elif v.co.z < -0.45:
                v.co *= 0.95
        fringe = (
            (-0.12, 0.62, -0.62, -0.74, 0.28),
            (-0.3, 0.58, -0.86, -0.45, 0.0),
            (0.0, 0.64, -0.28, -0.92, 0.38),
            (0.1, 0.62, 0.42, -0.86, 0.36),
            (0.25, 0.6, 0.8, -0.6, 0.16),
            (0.4, 0.55, 1.0, -0.3, -0.28),
            (-0.45, 0.5, -1.02, -0.25, -0.4),
            (-0.5, 0.45, -1.03, 0.0, -0.45),
            (0.5, 0.45, 1.03, 0.0, -0.45),
        )
        locks = []
        for x0, z0, x1, y1, z1 in fringe:  # locks that fall from under the hat
            middle = Vector(((x0 + x1) * 0.55, min(-0.62, y1 - 0.2) - 0.12, (z0 + z1) / 2 + 0.14))
            locks.append(
                tube(
                    "lock",
                    bezier((x0, -0.8, z0), middle, (x1, y1, z1), 12),
                    [0.16, 0.17, 0.175, 0.17, 0.165, 0.155, 0.145, 0.13, 0.11, 0.09, 0.065, 0.035, 0.01],
                    hair,
                    flat=0.9,
                )
            )
        braids = []
        for s in (-1, 1):
            for k, p in enumerate(bezier((s * 0.92, 0.15, -0.4), (s * 1.2, -0.25, -0.85), (s * 0.98, -0.5, -1.3), 7)):
                bead = place(sphere("braid", 0.155 - 0.008 * k, hair, 20), p)
                bead.scale = (1, 0.85, 0.8)
                braids.append(bead)
            braids.append(place(sphere("bobble", 0.1, ribbon, 20), (s * 0.97, -0.52, -1.4)))
            braids.append(
                tube(
                    "tuft",
                    bezier((s * 0.97, -0.52, -1.42), (s * 0.96, -0.55, -1.52), (s * 0.93, -0.56, -1.66), 5),
                    [0.07, 0.1, 0.1, 0.07, 0.04, 0.01],
                    hair,
                )
            )
        hat_paint = straw()
        hat = lathe(
            "hat",
            [
                (0, 1.22),
                (0.25, 1.2),
                (0.55, 1.08),
                (0.74, 0.86),
                (0.82, 0.6),
                (0.92, 0.52),
                (1.3, 0.44),
                (1.72, 0.3),
                (1.76, 0.32),
                (1.72, 0.36),
                (1.3, 0.52),
                (0.95, 0.62),
                (0.86, 0.72),
                (0.6, 1.14),
                (0.25, 1.27),
                (0, 1.29),
            ],
            hat_paint,
            120,
        )
        band = lathe("band", [(0.845, 0.6), (0.88, 0.61), (0.86, 0.78), (0.8, 0.8)], ribbon, 96)
        sprig = [
            tube(
                "ear of reed",
                bezier((0.55, -0.72, 0.7), (0.7, -0.72, 1.05), (0.95, -0.7, 1.25), 10),
                [0.012, 0.012, 0.02, 0.045, 0.06, 0.065, 0.06, 0.055, 0.045, 0.03, 0.01],
                clouded("plume", (0.3, "#d9a441"), (0.7, "#f3dc9b"), scale=12, rough=0.8),
            )
        ]
        topper = group([hat, band, *sprig], (0, 0.1, 0.06), (-0.2, 0.03, 0))
        self.head = group(
            [
                head,
                *ears,
                *self.eyes,
                *self.shines,
                *brows,
                *cheeks,
                nose,
                self.mouth,
                self.smile,
                cap,
                *locks,
                *braids,
                topper,
            ],
            (0, 0, 2.5),
        )
        self.head.parent = self.body

    def strike(self, pose: Pose) -> None:
        """Move into a pose."""
        self.body.rotation_euler = (0, pose.lean, 0)
        self.head.rotation_euler = (pose.nod, pose.tilt, pose.turn)
        for thing in self.eyes:
            thing.scale.z = 1.12 * max(0.1, pose.eyes)
        for thing in self.shines:
            thing.scale = (max(0.01, pose.eyes),) * 3
        self.mouth.scale = (1.25 - 0.15 * pose.mouth, 0.4, 0.25 + 0.6 * pose.mouth)
        self.mouth.hide_render, self.smile.hide_render = pose.mouth < 0.22, pose.mouth >= 0.22
        for thing in self._arms:
            bpy.data.objects.remove(thing)
        self._arms = []
        for side, hand in ((-1, pose.left), (1, pose.right)):
            self._arm(side, Vector(hand), pose.palm if side == 1 else 0.0)

    def _arm(self, side: int, hand: Vector, palm: float) -> None:
        shoulder = Vector((side * 0.52, -0.05, 1.42))
        elbow = (shoulder + hand) / 2 + Vector((side * 0.42, 0.1, -0.34))
        line = bezier(shoulder, elbow, hand, 18)
        sleeve = tube(
            "sleeve",
            line[:14],
            [0.27, 0.28, 0.28, 0.275, 0.27, 0.265, 0.26, 0.255, 0.25, 0.25, 0.252, 0.257, 0.262, 0.255],
            self.shirt,
            sides=24,
        )
        wrist = tube("wrist", line[12:], [0.15] * 7, self.skin, sides=18)
        fist = place(sphere("hand", 0.19, self.skin, 28), hand)
        fist.scale = (1 + 0.15 * palm, 0.9, 1 - 0.25 * palm)
        thumb = place(sphere("thumb", 0.085, self.skin, 16), hand + Vector((-side * 0.13, -0.06, 0.12)))
        parts = [sleeve, wrist, fist, thumb]
        if palm > 0.3:  # an open hand that shows the way
            along = (hand - line[-4]).normalized()
            for k in (-1.5, -0.5, 0.5, 1.5):
                root = hand + along * 0.1 + Vector((0, k * 0.075, 0.02))
                parts.append(
                    tube(
                        "finger",
                        bezier(
                            root, root + along * 0.12, root + along * 0.23 * palm + Vector((0, k * 0.02, 0.04)), 6
                        ),
                        [0.06] * 6 + [0.035],
                        self.skin,
                        sides=12,
                    )
                )
        for thing in parts:
            thing.parent = self.body
        self._arms += parts


def _wave(t: float, speed: float, phase: float = 0.0) -> float:
    return math.sin(2 * math.pi * (t * speed + phase))


def _talking(t: float) -> float:
    """A mouth that speaks in syllables with little rests."""
    return max(0.0, 0.42 + 0.4 * _wave(t, 3) * (0.6 + 0.4 * _wave(t, 1, 0.2)) + 0.2 * _wave(t, 7, 0.4))


def talk(t: float) -> Pose:
    """t runs 0..1 over 3.2 seconds and closes: speaking, hands moving a little."""
    lift = max(0.0, _wave(t, 1, -0.1)) ** 2
    return Pose(
        nod=0.05 * _wave(t, 2), turn=0.13 * _wave(t, 1), tilt=0.05 * _wave(t, 1, 0.3), lean=0.025 * _wave(t, 1), mouth=_talking(t * 2),
        eyes=0.08 if 0.46 < t < 0.5 or 0.9 < t < 0.93 else 1.0,
        left=(-0.74 + 0.06 * _wave(t, 2), -0.98, 0.98 + 0.34 * max(0.0, _wave(t, 1, 0.45)) ** 2), right=(0.74, -0.98, 0.98 + 0.4 * lift),
    )  # fmt: skip


def show(t: float, amount: float) -> Pose:
    """Speaking, the right hand shown towards the goods on the table."""
    base = talk(t)
    reach = amount * amount * (3 - 2 * amount)

    def between(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float]:
        x, y, z = (p + (q - p) * reach for p, q in zip(a, b, strict=True))
        return (x, y, z)

    goal = (1.62, -0.72, 1.14 + 0.07 * _wave(t, 2))
    return replace(
        base,
        turn=base.turn * (1 - 0.6 * reach) + 0.34 * reach,
        lean=base.lean + 0.06 * reach,
        right=between(base.right, goal),
        palm=reach,
    )


def greet(t: float) -> Pose:
    """Two seconds of waving; begins and ends in the first pose of `talk`."""
    up = math.sin(math.pi * min(1.0, max(0.0, t))) ** 0.5
    base = talk(0.0)
    swing = 0.2 * _wave(t, 3)
    hand = tuple(p + (q - p) * up for p, q in zip(base.right, (1.28 + swing, -0.35, 2.25), strict=True))
    return replace(
        base, tilt=0.07 * up * _wave(t, 1.5), mouth=0.2 + 0.5 * up, right=hand, palm=up * 0.9, lean=0.03 * _wave(t, 1)
    )


def poses() -> dict[str, Pose]:
    """Every drawn moment by file name, 12.5 a second."""
    drawn = {f"talk-{i:02}": talk(i / 40) for i in range(40)}
    drawn |= {f"show-{i:02}": show(i / 40, 1.0) for i in range(40)}
    drawn |= {f"reach-{i:02}": show(i / 40, (i + 1) / 8) for i in range(7)}
    drawn |= {f"greet-{i:02}": greet((i + 1) / 21) for i in range(20)}
    return drawn


def studio(width: int, height: int, samples: int) -> Presenter:
    """Light and camera for the figure alone."""
    fresh(width, height, samples, transparent=True)
    figure = Presenter()
    ambient("#d9ebe8", 0.55)
    lamp("SUN", (-5, -5, 7), (0, 0, 1.5), 2.6, "#ffe9c8", 0.12)
    lamp("AREA", (4, -5, 3), (0, 0, 1.8), 160, "#fff4e2", 4)
    lamp("AREA", (2.5, 5, 4), (0, 0, 2.2), 420, "#ffd08a", 3)
    camera((0.1, -13.5, 2.6), (0.1, 0, 1.86), 96)
    return figure


if __name__ == "__main__":
    out, samples = Path(sys.argv[1]), int(sys.argv[2])
    wanted = sys.argv[3:]
    presenter = studio(378, 420, samples)
    bpy.context.scene.cycles.max_bounces = 3
    for name, moment in poses().items():
        if (not wanted or name in wanted) and not (out / f"{name}.png").exists():
            presenter.strike(moment)
            render(out / f"{name}.png")
