"""Making what a task asks for: looking into the source, planning, encoding, packaging."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from server.recordings.take import Timeline
from workers.transcode.output import Output, open_file, open_segments
from workers.transcode.package import MASTER, POSTER, check_length, master_playlist, weigh
from workers.transcode.plan import RenditionPlan, plan_clip, plan_ladder
from workers.transcode.poster import PosterPicker
from workers.transcode.run import Encoding, Progress, Span, encode
from workers.transcode.source import Piece, look
from workers.transcode.task import Done, MadeRendition, Task

TELL_EVERY_SECONDS = 0.5
CLIP = "clip.mp4"


def make(task: Task, tell: Progress) -> Done:
    """Do a task. Raises SourceRefused."""
    timeline = Timeline(task.parts) if task.parts else None
    pieces = [Piece(Path(piece.path), piece.begins_ms, timeline) for piece in task.pieces]
    folder = Path(task.folder)
    if task.kind == "clip":
        return _make_clip(task, pieces, timeline, folder, seldom(tell))
    return _make_ladder(task, pieces, folder, seldom(tell))


def _make_ladder(task: Task, pieces: Sequence[Piece], folder: Path, tell: Progress) -> Done:
    facts = look(pieces, round(sum(part.duration_ms for part in task.parts)) or None)
    plans = plan_ladder(facts)
    outputs = [Output(open_segments(folder / plan.name), plan, task.threads) for plan in plans]
    poster = PosterPicker()
    headers, length_ms = _encode(plans, outputs, poster, pieces, Span(0.0, facts.duration_ms), tell)
    packaged = [weigh(plan, folder / plan.name, head) for plan, head in zip(plans, headers, strict=True)]
    check_length(packaged, length_ms)
    (folder / MASTER).write_text(master_playlist(packaged))
    return Done(
        duration_ms=max(rendition.duration_ms for rendition in packaged),
        renditions=tuple(
            MadeRendition(
                name=rendition.plan.name,
                width=rendition.plan.size.width if rendition.plan.size else 0,
                height=rendition.plan.size.height if rendition.plan.size else 0,
                bandwidth=rendition.bandwidth,
                bytes=rendition.bytes,
            )
            for rendition in packaged
        ),
        has_poster=_write_poster(poster, folder),
    )


def _make_clip(task: Task, pieces: Sequence[Piece], timeline: Timeline | None, folder: Path, tell: Progress) -> Done:
    place = timeline.replay_time if timeline else float
    span = Span(place(task.start_ms), place(task.end_ms))
    plan = plan_clip(look(pieces, round(span.length_ms)))
    path = folder / CLIP
    poster = PosterPicker()
    _, length_ms = _encode([plan], [Output(open_file(path), plan, task.threads)], poster, pieces, span, tell)
    size = path.stat().st_size
    made = MadeRendition(
        name=plan.name,
        width=plan.size.width if plan.size else 0,
        height=plan.size.height if plan.size else 0,
        bandwidth=round(size * 8000 / length_ms),
        bytes=size,
    )
    return Done(duration_ms=round(length_ms), renditions=(made,), has_poster=_write_poster(poster, folder))


def _encode(
    plans: Sequence[RenditionPlan],
    outputs: Sequence[Output],
    poster: PosterPicker,
    pieces: Sequence[Piece],
    span: Span,
    tell: Progress,
) -> tuple[list[bytes], float]:
    sizes = [plan.size for plan in plans if plan.size]
    length_ms = encode(Encoding(outputs, sizes, plans[0].channels, poster), pieces, span, tell)
    return [output.finish(length_ms) for output in outputs], length_ms


def _write_poster(poster: PosterPicker, folder: Path) -> bool:
    if poster.webp is None:
        return False
    (folder / POSTER).write_bytes(poster.webp)
    return True


def seldom(tell: Progress, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Progress told at most every TELL_EVERY_SECONDS."""
    told_at = clock() - TELL_EVERY_SECONDS

    def maybe(progress: float) -> None:
        nonlocal told_at
        if clock() - told_at >= TELL_EVERY_SECONDS:
            told_at = clock()
            tell(progress)

    return maybe
