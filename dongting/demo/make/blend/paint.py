"""Materials: a small builder over Blender's shader nodes, and the everyday ones: clouds of colour, wood, glass, glow."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

Point = Sequence[float]
SUBSURFACE = False  # true skin and flesh take three times as long and look little better under this soft light


def linear(text: str) -> tuple[float, float, float, float]:
    """A hex colour as the linear light that Blender wants."""
    parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return (r, g, b, 1.0)


class Paint:
    """Builds one material; every method returns a node socket or the Paint."""

    def __init__(
        self,
        name: str,
        colour: str = "#ffffff",
        *,
        rough: float = 0.5,
        coat: float = 0.0,
        soft: float = 0.0,
        sheen: float = 0.0,
    ) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.shader = self.tree.nodes["Principled BSDF"]
        self.set("Base Color", linear(colour))
        self.set("Roughness", rough)
        self.set("Coat Weight", coat)
        self.set("Coat Roughness", 0.12)
        self.set("Sheen Weight", sheen)
        self.set("Specular IOR Level", 0.45)
        if soft and SUBSURFACE:
            self.set("Subsurface Weight", soft)
            self.set("Subsurface Radius", (0.5, 0.22, 0.08))
            self.set("Subsurface Scale", 0.18)

    def set(self, name: str, value: object) -> Paint:
        """Give an input a value or connect a socket to it."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, self.shader.inputs[name])
        else:
            self.shader.inputs[name].default_value = value
        return self

    def node(self, kind: str, **settings: object) -> bpy.types.Node:
        """A node with attributes."""
        made = self.tree.nodes.new(kind)
        for key, value in settings.items():
            setattr(made, key, value)
        return made

    def link(self, source: bpy.types.NodeSocket, target: bpy.types.NodeSocket) -> None:
        """Connect."""
        self.tree.links.new(source, target)

    def coords(self, kind: str = "Object", scale: Point = (1, 1, 1)) -> bpy.types.NodeSocket:
        """Where on the thing we are."""
        mapping = self.node("ShaderNodeMapping")
        mapping.inputs["Scale"].default_value = scale
        self.link(self.node("ShaderNodeTexCoord").outputs[kind], mapping.inputs["Vector"])
        return mapping.outputs[0]

    def noise(
        self, scale: float, detail: float = 3, where: bpy.types.NodeSocket | None = None, distort: float = 0
    ) -> bpy.types.NodeSocket:
        """Clouds between 0 and 1."""
        made = self.node("ShaderNodeTexNoise")
        made.inputs["Scale"].default_value = scale
        made.inputs["Detail"].default_value = detail
        made.inputs["Distortion"].default_value = distort
        self.link(where or self.coords(), made.inputs["Vector"])
        return made.outputs["Fac"]

    def ramp(self, factor: bpy.types.NodeSocket, *stops: tuple[float, str]) -> bpy.types.NodeSocket:
        """Colours along a factor."""
        made = self.node("ShaderNodeValToRGB")
        band = made.color_ramp
        while len(band.elements) < len(stops):
            band.elements.new(0.5)
        for element, (place, colour) in zip(band.elements, stops, strict=True):
            element.position, element.color = place, linear(colour)
        self.link(factor, made.inputs[0])
        return made.outputs[0]

    def math(self, kind: str, a: object, b: object = 0.0, c: object = 0.0) -> bpy.types.NodeSocket:
        """Arithmetic on sockets and numbers."""
        made = self.node("ShaderNodeMath", operation=kind)
        for slot, value in zip(made.inputs, (a, b, c), strict=True):
            if isinstance(value, bpy.types.NodeSocket):
                self.link(value, slot)
            else:
                slot.default_value = value
        return made.outputs[0]

    def bump(self, height: bpy.types.NodeSocket, strength: float = 0.3, distance: float = 0.02) -> Paint:
        """Relief."""
        made = self.node("ShaderNodeBump")
        made.inputs["Strength"].default_value = strength
        made.inputs["Distance"].default_value = distance
        self.link(height, made.inputs["Height"])
        return self.set("Normal", made.outputs[0])


def clouded(
    name: str,
    *stops: tuple[float, str],
    scale: float = 2.0,
    rough: float = 0.5,
    coat: float = 0,
    soft: float = 0,
    relief: float = 0,
    fine: float = 30,
) -> bpy.types.Material:
    """The everyday material: colours in soft clouds, perhaps a little relief."""
    paint = Paint(name, rough=rough, coat=coat, soft=soft)
    paint.set("Base Color", paint.ramp(paint.noise(scale), *stops))
    if relief:
        paint.bump(paint.noise(fine, 4), relief)
    return paint.material


def wood(
    name: str, light: str, dark: str, *, scale: float = 1.0, rough: float = 0.45, along: str = "x"
) -> bpy.types.Material:
    """Planed wood; the grain runs along x, y or z."""
    paint = Paint(name, rough=rough)
    stretch = {"x": (0.12, 1.6, 1.6), "y": (1.6, 0.12, 1.6), "z": (1.6, 1.6, 0.12)}[along]
    where = paint.coords("Object", tuple(s * scale for s in stretch))
    grain = paint.noise(3.2, 6, where, 1.6)
    fine = paint.noise(22, 4, where)
    both = paint.math("ADD", paint.math("MULTIPLY", grain, 0.75), paint.math("MULTIPLY", fine, 0.25))
    paint.set("Base Color", paint.ramp(both, (0.3, dark), (0.48, light), (0.6, light), (0.74, dark)))
    paint.bump(both, 0.18, 0.02)
    return paint.material


def glow(name: str, colour: str, strength: float) -> bpy.types.Material:
    """A thing that shines."""
    paint = Paint(name, colour)
    return paint.set("Emission Color", linear(colour)).set("Emission Strength", strength).material


def glass(
    name: str, tint: str = "#ffffff", ior: float = 1.45, density: float = 0.0, shade: str = "#f4f6f2"
) -> bpy.types.Material:
    """Clear glass or a liquid whose colour deepens with the way through it."""
    paint = Paint(name, "#ffffff", rough=0.0)
    paint.set("Transmission Weight", 1.0).set("IOR", ior)
    output = paint.tree.nodes["Material Output"]
    clear, choose = (
        paint.node("ShaderNodeBsdfTransparent"),
        paint.node("ShaderNodeMixShader"),
    )  # no black shadow without caustics
    clear.inputs[0].default_value = linear(shade)
    paint.link(paint.node("ShaderNodeLightPath").outputs["Is Shadow Ray"], choose.inputs[0])
    paint.link(paint.shader.outputs[0], choose.inputs[1])
    paint.link(clear.outputs[0], choose.inputs[2])
    paint.link(choose.outputs[0], output.inputs["Surface"])
    if density:
        volume = paint.node("ShaderNodeVolumeAbsorption")
        volume.inputs["Color"].default_value, volume.inputs["Density"].default_value = linear(tint), density
        paint.link(volume.outputs[0], output.inputs["Volume"])
    return paint.material
