"""All goods of the demo by the name of their picture; each builds its model and answers the parts."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from field import barley, golden_tea, silver_needle
from garden import oranges, peppers
from shore import duck_eggs, lotus_seeds, whitebait

GOODS: dict[str, Callable[[], list[bpy.types.Object]]] = {
    "oranges": oranges,
    "whitebait": whitebait,
    "peppers": peppers,
    "duck-eggs": duck_eggs,
    "silver-needle": silver_needle,
    "lotus-seeds": lotus_seeds,
    "golden-tea": golden_tea,
    "barley": barley,
}
