"""Making what a task asks for: a plan, a chunk of pictures, the sound, a clip, or what fills a gap."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from server.recordings.ladder import Ladder, MadeChunk, PicturePlan, SoundPlan
from server.recordings.take import Timeline
from workers.transcode.look import look, look_over
from workers.transcode.output import PictureTrack, SoundTrack, open_file, open_segments
from workers.transcode.plan import KEYFRAME_EVERY_MS, plan_clip, plan_ladder
from workers.transcode.poster import LOOK_UNTIL_MS, PosterPicker, pick_poster
from workers.transcode.run import Progress, Show, Span, Talk, put_through
from workers.transcode.source import Piece
from workers.transcode.splice import CannotCopy, splice
from workers.transcode.task import Cut, Encoded, Planned, Result, Task
from workers.transcode.thumbs import ThumbSheet
from workers.transcode.weigh import POSTER, WAVEFORM, weigh_pictures, weigh_sound

TELL_EVERY_SECONDS = 0.5
CLIP = "clip.mp4"
HEARING_SHARE = 0.3  # of the sound's work; the rest is encoding


def make(task: Task, tell: Progress) -> Result:
    """Do a task. Raises SourceRefused."""
    timeline = Timeline(task.parts) if task.parts else None
    pieces = [Piece(Path(piece.path), piece.begins_ms, timeline) for piece in task.pieces]
    folder = Path(task.folder)
    tell = seldom(tell)
    if task.kind == "plan":
        return Planned(ladder=plan_ladder(look(pieces[0]), task.chunk_ms))
    if task.kind == "clip":
        return _make_clip(task, pieces, timeline, folder, tell)
    if task.kind == "fill":
        from workers.transcode.fill import make_fill  # with NumPy, see make_sound

        beside = [Piece(Path(piece.path), piece.begins_ms) for piece in task.beside]
        span = Span(task.start_ms, task.end_ms)
        return make_fill(pieces, beside, span, folder, task.prefix, task.threads, tell)
    if task.ladder is None:
        raise ValueError("a chunk is made of a ladder")
    if task.kind == "sound":
        return Encoded(chunk=make_sound(task.ladder, pieces, folder, tell))
    return Encoded(chunk=make_pictures(task.ladder, task.number, pieces, folder, task.threads, tell))


def make_pictures(
    ladder: Ladder, number: int, pieces: Sequence[Piece], folder: Path, threads: int, tell: Progress
) -> MadeChunk:
    """All renditions of one chunk's pictures. Raises SourceRefused."""
    span = Span(*ladder.spans[number])
    prefix = f"{number:04}-"
    containers = [
        open_segments(folder / plan.name, prefix, plan.every_ms or KEYFRAME_EVERY_MS) for plan in ladder.pictures
    ]
    tracks = [
        PictureTrack(container, plan, threads) for container, plan in zip(containers, ladder.pictures, strict=True)
    ]
    poster, thumbs = PosterPicker(), ThumbSheet(span.start_ms, ladder.thumb_every_ms)
    watchers = [lambda shown, at_ms: thumbs.consider(shown[-1], at_ms)]
    if span.start_ms < LOOK_UNTIL_MS:
        watchers.append(lambda shown, at_ms: poster.consider(shown[0], at_ms))
    put_through(pieces, span, Show(tracks, span.start_ms, watchers), None, tell, span.start_ms, threads)
    for container in containers:
        container.close()
    poster_name = f"poster-{number:04}.webp" if poster.webp else None
    if poster.webp and poster_name:
        (folder / poster_name).write_bytes(poster.webp)
    return MadeChunk(
        tracks=tuple(weigh_pictures(track, folder / track.plan.name, prefix) for track in tracks),
        sheet=thumbs.write(folder, f"thumbs-{number:04}.webp"),
        poster=poster_name,
        poster_score=poster.score,
    )


def make_sound(ladder: Ladder, pieces: Sequence[Piece], folder: Path, tell: Progress) -> MadeChunk:
    """All renditions of the whole sound, heard once to learn how loud it is, then encoded. Raises SourceRefused."""
    # With it comes NumPy: a seventh of a second, which the many children that make pictures do without.
    from workers.transcode.loudness import Leveller, Meter

    span = Span(0.0, ladder.duration_ms)
    channels = max(plan.channels for plan in ladder.sounds)
    meter = Meter(channels)
    put_through(pieces, span, None, Talk([meter], channels), lambda done: tell(done * HEARING_SHARE), 0.0)
    meter.write_waveform(folder / WAVEFORM, ladder.duration_ms)
    containers = [open_segments(folder / f"sound-{plan.name}", "") for plan in ladder.sounds]
    tracks = [SoundTrack(container, plan) for container, plan in zip(containers, ladder.sounds, strict=True)]
    leveller = Leveller([*tracks], channels, meter.gain_db)
    talk = Talk([leveller], channels)
    put_through(pieces, span, None, talk, lambda done: tell(HEARING_SHARE + done * (1 - HEARING_SHARE)), 0.0)
    leveller.finish()
    for track, container in zip(tracks, containers, strict=True):
        track.finish()
        container.close()
    return MadeChunk(
        tracks=tuple(weigh_sound(track, folder / f"sound-{track.plan.name}") for track in tracks),
        waveform=WAVEFORM,
        loudness_lufs=meter.loudness_lufs,
    )


def _make_clip(task: Task, pieces: Sequence[Piece], timeline: Timeline | None, folder: Path, tell: Progress) -> Cut:
    place = timeline.replay_time if timeline else float
    span = Span(place(task.start_ms), place(task.end_ms))
    picture, sound = plan_clip(look_over(pieces, span.length_ms))
    path = folder / CLIP
    if len(pieces) == 1:  # of one codec configuration
        try:
            cuts = splice(pieces[0], span, sound, path, task.threads, tell)
        except CannotCopy:
            path.unlink(missing_ok=True)
        else:
            span = Span(cuts.begins_ms, cuts.ends_ms)
            return _cut(span, pick_poster(Piece(path)), folder)
    return _encode_clip(pieces, span, picture, sound, folder, task.threads, tell)


def _encode_clip(
    pieces: Sequence[Piece],
    span: Span,
    picture: PicturePlan,
    sound: SoundPlan | None,
    folder: Path,
    threads: int,
    tell: Progress,
) -> Cut:
    """All of a clip anew, where nothing can be copied."""
    poster = PosterPicker()
    container = open_file(folder / CLIP)
    track = PictureTrack(container, picture, threads)
    voice = SoundTrack(container, sound) if sound else None
    show = Show([track], 0.0, [lambda shown, at_ms: poster.consider(shown[0], at_ms)])
    put_through(pieces, span, show, Talk([voice], sound.channels) if voice and sound else None, tell, 0.0, threads)
    if voice is not None:
        voice.finish()
    container.close()
    return _cut(span, poster, folder)


def _cut(span: Span, poster: PosterPicker, folder: Path) -> Cut:
    if poster.webp is not None:
        (folder / POSTER).write_bytes(poster.webp)
    return Cut(at_ms=round(span.start_ms), duration_ms=round(span.length_ms), has_poster=poster.webp is not None)


def seldom(tell: Progress, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Progress told at most every TELL_EVERY_SECONDS."""
    told_at = clock() - TELL_EVERY_SECONDS

    def maybe(progress: float) -> None:
        nonlocal told_at
        if clock() - told_at >= TELL_EVERY_SECONDS:
            told_at = clock()
            tell(progress)

    return maybe
