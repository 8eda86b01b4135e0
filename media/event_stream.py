"""What a listener to a WHEP session's server-sent events is told: only what is new to him."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

from media.rtp.choice import LayerState

EVENTS = ("active", "banned", "inactive", "layers", "reconnect", "viewercount")
BITRATE_STEP = 0.2  # a bitrate is told again when it differs by this share: it is never quite the same
Layers = tuple[tuple[LayerState, bool], ...]  # with: does this viewer get it now?


@dataclass(frozen=True, slots=True)
class Situation:
    """What there is to tell a viewer at one moment."""

    is_active: bool
    viewers: int
    layers: Layers
    video_line: int | None  # which m-line of the offer the pictures are; None: he takes no pictures
    moving: Mapping[str, str] | None  # the node is going away: what `reconnect` says


class EventStream:
    """One event stream of a session, with at most one listener: a newer one takes the place of the older.

    Nothing waits here for a slow listener: what he was not told in time he is never told, only what is true then.
    """

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._told: dict[str, object] = {}
        self.over = asyncio.Event()  # for the listener who is there now

    def begin(self) -> asyncio.Event:
        """A listener is there, who knows nothing yet. The event is set when he shall leave."""
        self.close()
        self.over = asyncio.Event()
        self._told = {}
        return self.over

    def close(self) -> None:
        """Send the listener away."""
        self.over.set()

    def news(self, now: Situation) -> list[tuple[str, str]]:
        """What the listener has not heard yet: names of events and their data, one line of JSON each."""
        found = [self._activity(now), self._viewers(now), self._layers(now), self._move(now)]
        return [(name, _compact(data)) for name, data in filter(None, found) if name in self._wanted]

    def farewell(self, *, is_banned: bool) -> list[tuple[str, str]]:
        """What the listener is told when his session is over."""
        return [("banned", _compact({}))] if is_banned and "banned" in self._wanted else []

    def _activity(self, now: Situation) -> tuple[str, object] | None:
        before = self._told.get("active")
        self._told["active"] = now.is_active
        # The draft: no "inactive" at the beginning.
        if before is now.is_active or (before is None and not now.is_active):
            return None
        return ("active" if now.is_active else "inactive"), {}

    def _viewers(self, now: Situation) -> tuple[str, object] | None:
        if self._told.get("viewers") == now.viewers:
            return None
        self._told["viewers"] = now.viewers
        return "viewercount", {"viewercount": now.viewers}

    def _layers(self, now: Situation) -> tuple[str, object] | None:
        before = self._told.get("layers", ())
        if now.video_line is None or not _differ(before, now.layers):  # type: ignore[arg-type]
            return None
        self._told["layers"] = now.layers
        return "layers", {str(now.video_line): [_layer(layer, selected) for layer, selected in now.layers]}

    def _move(self, now: Situation) -> tuple[str, object] | None:
        if now.moving is None or "moving" in self._told:
            return None
        self._told["moving"] = True
        return "reconnect", dict(now.moving)


def _differ(before: Layers, after: Layers) -> bool:
    if len(before) != len(after):
        return True
    for (old, was_selected), (new, is_selected) in zip(before, after, strict=True):
        if (old.rid, old.width, old.height, was_selected) != (new.rid, new.width, new.height, is_selected):
            return True
        if abs(new.bits_per_second - old.bits_per_second) > BITRATE_STEP * old.bits_per_second:
            return True
    return False


def _layer(layer: LayerState, is_selected: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "rid": layer.rid,
        "bitrate": layer.bits_per_second,
        "width": layer.width,
        "height": layer.height,
    }
    return {**told, "selected": True} if is_selected else told


def _compact(data: object) -> str:
    return json.dumps(data, separators=(",", ":"))
