"""From decoded pictures of any size to one upright picture per rendition, each scaled from the next larger."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import cast

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from workers.transcode.plan import Size, fit, upright

MILLISECONDS = Fraction(1, 1000)
TURNS = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}

_Look = tuple[int, int, str, int, float]


class Screen:
    """Scales pictures. The filter graph is made anew when the source changes its size, format or turn."""

    def __init__(self, sizes: Sequence[Size]) -> None:
        self._sizes = sizes
        self._look: _Look | None = None
        self._graph: Graph | None = None
        self._sinks: list[FilterContext] = []
        self._shown = 0

    def show(self, frame: VideoFrame, pixel_aspect: float) -> list[VideoFrame]:
        """The picture in every size, the order being that of the sizes."""
        look = (frame.width, frame.height, frame.format.name, frame.rotation % 360, pixel_aspect)
        if self._graph is None or look != self._look:
            self._graph = self._build(frame, look)
        self._shown += 1
        frame.pts, frame.time_base = self._shown, MILLISECONDS
        self._graph.push(frame)
        return [cast(VideoFrame, sink.pull()) for sink in self._sinks]

    def _build(self, frame: VideoFrame, look: _Look) -> Graph:
        graph = Graph()
        graph.threads = 1  # slices of pictures this small cost more in handing over than they bring
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=MILLISECONDS)
        self._sinks = []
        at, pad = self._upright(graph, source, look), 0
        for number, size in enumerate(self._sizes):
            if number:
                at, pad = _chain(graph, at, pad, [("scale", f"{size.width}:{size.height}"), ("setsar", "1")]), 0
            if number < len(self._sizes) - 1:
                split = graph.add("split", "2")
                at.link_to(split, pad)
                at, pad = split, 1
                self._sink(graph, split, 0)
            else:
                self._sink(graph, at, pad)
        graph.configure()
        self._look = look
        return graph

    def _upright(self, graph: Graph, source: FilterContext, look: _Look) -> FilterContext:
        width, height, _, rotation, pixel_aspect = look
        canvas = self._sizes[0]
        inner = fit(upright(width, height, rotation, pixel_aspect), canvas)
        steps: list[tuple[str, str | None]] = []
        for turn in TURNS.get(rotation, ()):
            name, _, argument = turn.partition("=")
            steps.append((name, argument or None))
        steps += [
            ("scale", f"{inner.width}:{inner.height}:out_range=tv"),
            ("format", "yuv420p"),
            ("pad", f"{canvas.width}:{canvas.height}:-1:-1"),
            ("setsar", "1"),
        ]
        return _chain(graph, source, 0, steps)

    def _sink(self, graph: Graph, at: FilterContext, pad: int) -> None:
        sink = graph.add("buffersink")
        at.link_to(sink, pad)
        self._sinks.append(sink)


def _chain(graph: Graph, at: FilterContext, pad: int, steps: Sequence[tuple[str, str | None]]) -> FilterContext:
    for name, argument in steps:
        following = graph.add(name, argument)
        at.link_to(following, pad)
        at, pad = following, 0
    return at
