"""A small modelling kit on Blender: shapes, materials, light, camera; used by every rendered picture of the demo."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import bpy  # first: it makes bmesh and mathutils importable

# isort: split
import bmesh
from mathutils import Vector
from paint import Paint, Point, linear


def fresh(width: int, height: int, samples: int, *, transparent: bool = False) -> bpy.types.Scene:
    """An empty scene that renders with Cycles and its denoiser."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.03
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.max_bounces = 18
    scene.cycles.diffuse_bounces = 1
    scene.cycles.use_fast_gi = True
    scene.cycles.fast_gi_method = "ADD"
    scene.cycles.ao_bounces_render = 1
    scene.cycles.glossy_bounces = 4
    scene.cycles.transmission_bounces = 16
    scene.cycles.transparent_max_bounces = 16
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.seed = 7
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.film_transparent = transparent
    scene.render.image_settings.color_mode = "RGBA" if transparent else "RGB"
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Khronos PBR Neutral"
    scene.world = bpy.data.worlds.new("sky")
    scene.world.light_settings.distance = 2.0
    scene.world.light_settings.ao_factor = 0.25
    scene.world.use_nodes = True
    return scene


def ambient(colour: str, strength: float) -> None:
    """Light from everywhere."""
    back = bpy.context.scene.world.node_tree.nodes["Background"]
    back.inputs[0].default_value = linear(colour)
    tree = bpy.context.scene.world.node_tree
    seen = tree.nodes.new("ShaderNodeLightPath")
    through, brighter = tree.nodes.new("ShaderNodeMath"), tree.nodes.new("ShaderNodeMath")
    through.operation, brighter.operation = "MAXIMUM", "MULTIPLY_ADD"
    tree.links.new(seen.outputs["Is Glossy Ray"], through.inputs[0])
    tree.links.new(seen.outputs["Is Transmission Ray"], through.inputs[1])
    tree.links.new(through.outputs[0], brighter.inputs[0])
    brighter.inputs[1].default_value = 0.85 - strength  # glass and glaze see a bright sky, whatever lights the rest
    brighter.inputs[2].default_value = strength
    tree.links.new(brighter.outputs[0], back.inputs[1])


def add(
    mesh: bpy.types.Mesh, name: str, material: bpy.types.Material | None, *, flat: bool = False
) -> bpy.types.Object:
    """Put a mesh into the scene."""
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    if material is not None:
        mesh.materials.append(material)
    if not flat:
        for face in mesh.polygons:
            face.use_smooth = True
    return thing


def copy(thing: bpy.types.Object, at: Point, turn: Point = (0, 0, 0), size: Point | float = 1) -> bpy.types.Object:
    """Another one that shares the mesh."""
    twin = thing.copy()
    twin.location, twin.rotation_euler = at, turn
    twin.scale = (size,) * 3 if isinstance(size, int | float) else size
    bpy.context.scene.collection.objects.link(twin)
    return twin


def sphere(name: str, radius: float, material: bpy.types.Material | None, detail: int = 48) -> bpy.types.Object:
    """A round thing."""
    mesh = bpy.data.meshes.new(name)
    form = bmesh.new()
    bmesh.ops.create_uvsphere(form, u_segments=detail, v_segments=detail // 2, radius=radius)
    form.to_mesh(mesh)
    form.free()
    return add(mesh, name, material)


def box(
    name: str, size: Point, at: Point, material: bpy.types.Material | None, bevel: float = 0.03
) -> bpy.types.Object:
    """A block with softened edges; `at` is its middle."""
    mesh = bpy.data.meshes.new(name)
    form = bmesh.new()
    bmesh.ops.create_cube(form, size=1.0)
    bmesh.ops.scale(form, vec=Vector(size), verts=form.verts)
    if bevel:
        bmesh.ops.bevel(form, geom=form.edges[:], offset=bevel, segments=3, profile=0.6, affect="EDGES")
    form.to_mesh(mesh)
    form.free()
    thing = add(mesh, name, material)
    thing.location = at
    return thing


def lathe(
    name: str, profile: Sequence[tuple[float, float]], material: bpy.types.Material | None, steps: int = 72
) -> bpy.types.Object:
    """What a potter's wheel makes of a line of (radius, height)."""
    mesh = bpy.data.meshes.new(name)
    points, faces = [], []
    for i in range(steps):
        a = 2 * math.pi * i / steps
        points += [(r * math.cos(a), r * math.sin(a), z) for r, z in profile]
    n = len(profile)
    for i in range(steps):
        for k in range(n - 1):
            a, b = i * n + k, ((i + 1) % steps) * n + k
            faces.append((a, b, b + 1, a + 1))
    mesh.from_pydata(points, [], faces)
    form = bmesh.new()
    form.from_mesh(mesh)
    bmesh.ops.remove_doubles(form, verts=form.verts, dist=1e-5)
    bmesh.ops.recalc_face_normals(form, faces=form.faces)
    form.to_mesh(mesh)
    form.free()
    thing = add(mesh, name, material)
    mesh.set_sharp_from_angle(angle=0.7)  # else a smoothed corner bends the light of a whole glass wall
    return thing


def bezier(a: Point, b: Point, c: Point, steps: int) -> list[Vector]:
    """Points of a quadratic curve."""
    va, vb, vc = Vector(a), Vector(b), Vector(c)
    return [va * (1 - t) ** 2 + vb * 2 * t * (1 - t) + vc * t * t for t in (i / steps for i in range(steps + 1))]


def tube(
    name: str,
    line: Sequence[Vector],
    radii: Sequence[float],
    material: bpy.types.Material | None,
    *,
    sides: int = 10,
    flat: float = 1.0,
) -> bpy.types.Object:
    """A stem, a chilli, a fish: circles along a line, closed at both ends; `flat` squeezes it."""
    mesh = bpy.data.meshes.new(name)
    points: list[Vector] = []
    normal = Vector((0, 0, 1))
    for i, p in enumerate(line):
        along = (line[min(i + 1, len(line) - 1)] - line[max(i - 1, 0)]).normalized()
        side = along.cross(normal)
        if side.length < 1e-3:
            side = along.cross(Vector((1, 0, 0)))
        side.normalize()
        normal = side.cross(along).normalized()
        for k in range(sides):
            a = 2 * math.pi * k / sides
            points.append(p + (side * math.cos(a) * flat + normal * math.sin(a)) * radii[i])
    faces = [
        (i * sides + k, i * sides + (k + 1) % sides, (i + 1) * sides + (k + 1) % sides, (i + 1) * sides + k)
        for i in range(len(line) - 1)
        for k in range(sides)
    ]
    faces += [tuple(range(sides))[::-1], tuple(range((len(line) - 1) * sides, len(line) * sides))]
    mesh.from_pydata([tuple(p) for p in points], [], faces)
    return add(mesh, name, material)


def leaf(
    name: str,
    length: float,
    width: float,
    material: bpy.types.Material | None,
    *,
    droop: float = 0.25,
    fold: float = 0.12,
    cupped: bool = False,
) -> bpy.types.Object:
    """A leaf along +x with a folded middle rib; its uv runs 0..1 along and across."""
    rows, cols = 18, 8
    points, faces, uvs = [], [], []
    for i in range(rows + 1):
        t = i / rows
        half = width * 0.5 * math.sin(math.pi * min(1, t * 0.96 + 0.02)) ** 0.75 * (1 - 0.25 * t)
        for k in range(cols + 1):
            s = k / cols * 2 - 1
            wave = 0.02 * length * math.sin(t * 9 + s)
            points.append(
                (t * length, s * half, (s * s if cupped else abs(s)) * fold * width - droop * length * t * t + wave)
            )
            uvs.append((t, k / cols))
    for i in range(rows):
        for k in range(cols):
            a = i * (cols + 1) + k
            faces.append((a, a + 1, a + cols + 2, a + cols + 1))
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], faces)
    layer = mesh.uv_layers.new(name="uv")
    for loop in mesh.loops:
        layer.data[loop.index].uv = uvs[loop.vertex_index]
    thing = add(mesh, name, material)
    skin = thing.modifiers.new("skin", "SOLIDIFY")
    skin.thickness = 0.012
    return thing


def backdrop(picture: Path, at: Point = (0, 9, 2.4), width: float = 16, strength: float = 1.0) -> bpy.types.Object:
    """A painting behind the scene; it shines by itself and casts no shadow."""
    image = bpy.data.images.load(str(picture))
    height = width * image.size[1] / image.size[0]
    mesh = bpy.data.meshes.new("backdrop")
    w, h = width / 2, height / 2
    mesh.from_pydata([(-w, 0, -h), (w, 0, -h), (w, 0, h), (-w, 0, h)], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="uv")
    for i, uv in enumerate(((0, 0), (1, 0), (1, 1), (0, 1))):
        layer.data[i].uv = uv
    paint = Paint("backdrop")
    shown = paint.node("ShaderNodeTexImage", image=image)
    light = paint.node("ShaderNodeEmission")
    light.inputs[1].default_value = strength
    paint.link(shown.outputs[0], light.inputs[0])
    paint.link(light.outputs[0], paint.tree.nodes["Material Output"].inputs["Surface"])
    thing = add(mesh, "backdrop", paint.material)
    thing.location = at
    thing.visible_diffuse = thing.visible_shadow = False
    return thing


def lamp(
    kind: str, at: Point, look_at: Point, power: float, colour: str = "#ffffff", size: float = 1.0
) -> bpy.types.Object:
    """A sun or a soft box."""
    data = bpy.data.lights.new(kind, kind)
    data.energy, data.color = power, linear(colour)[:3]
    if kind == "AREA":
        data.size = size
    elif kind == "SUN":
        data.angle = size
    thing = bpy.data.objects.new(kind, data)
    thing.location = at
    thing.rotation_euler = (Vector(look_at) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(thing)
    return thing


def camera(at: Point, look_at: Point, lens: float, blur: float = 0.0, focus: Point | None = None) -> bpy.types.Object:
    """The eye; `blur` is an f-number, 0 is sharp everywhere."""
    data = bpy.data.cameras.new("eye")
    data.lens = lens
    thing = bpy.data.objects.new("eye", data)
    thing.location = at
    thing.rotation_euler = (Vector(look_at) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    if blur:
        data.dof.use_dof, data.dof.aperture_fstop = True, blur
        data.dof.focus_distance = (Vector(focus or look_at) - Vector(at)).length
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.scene.camera = thing
    return thing


def render(out: Path) -> None:
    """Write the picture."""
    out.parent.mkdir(parents=True, exist_ok=True)
    bpy.context.scene.render.filepath = str(out)
    bpy.ops.render.render(write_still=True)


def dome_points(count: int, radius: float, height: float, dice: random.Random) -> list[tuple[Vector, Vector]]:
    """Places on a heap and the direction outwards there."""
    found = []
    for i in range(count):
        r, a = radius * math.sqrt((i + 0.5) / count), i * 2.39996 + dice.uniform(-0.2, 0.2)
        z = height * (1 - (r / radius) ** 2)
        slope = 2 * height * r / radius**2
        found.append(
            (
                Vector((r * math.cos(a), r * math.sin(a), z)),
                Vector((slope * math.cos(a), slope * math.sin(a), 1)).normalized(),
            )
        )
    return found


def place(thing: bpy.types.Object, at: Point, turn: Point = (0, 0, 0), size: float = 1.0) -> bpy.types.Object:
    """Move it where it belongs."""
    thing.location, thing.rotation_euler, thing.scale = at, turn, (size,) * 3
    return thing


def group(
    things: Sequence[bpy.types.Object], at: Point, turn: Point = (0, 0, 0), size: float = 1.0
) -> bpy.types.Object:
    """One handle for several things."""
    handle = bpy.data.objects.new("group", None)
    bpy.context.scene.collection.objects.link(handle)
    for thing in things:
        thing.parent = handle
    return place(handle, at, turn, size)
