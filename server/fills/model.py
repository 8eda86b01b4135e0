"""A fill: the gaps of a take, the files of the host's own recording, and which of them cover what."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from server.errors import Conflict
from server.making.model import Work, WorkState
from server.recordings.take import Part, Take

LEAST_HOLE_MS = 1_000  # a shorter one nobody notices
LEAST_LOSS_MS = 500  # of a part that was recorded: a picture that stood for less nobody notices
LEAST_PATCH_MS = 500  # less than this is not worth a cut
LEAST_TAIL_MS = 10_000  # a broadcast that went on for so long without its host did not end because he ended it
LONGEST_TAIL_MS = 30 * 60_000  # he may not notice for long that nobody sees him
SEAM_MS = 400  # what a browser loses between two files; the last picture stands so long
# Clocks differ, and a file next to a gap has the sound by which it finds its place.
NEAR_MS = 2_000
MOST_PATCHES = 100  # each is a child process of its own
MOST_FILES = 400  # of one stream: over an hour of gaps
MOST_BYTES = 1_000_000_000
LARGEST_FILE_BYTES = 32_000_000  # ten seconds at 25 Mbit/s
LONGEST_FILE_MS = 60_000
MOST_ATTEMPTS = 6  # of workers at a fill that fails: what none of them could do will not be done
KEPT = timedelta(days=8)  # files whose page never came back; a page keeps its own for seven days


@dataclass(frozen=True, slots=True)
class Hole:
    """What a take lacks, in ms of the stream's timeline. `is_recorded`: parts of it are there, with something missing
    in them; only what covers all of it takes their place."""

    start_ms: float
    end_ms: float
    is_recorded: bool = False


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file of the host's recording. `started_at` is the server's clock as his page knew it."""

    stream_id: str
    name: str
    started_at: datetime
    duration_ms: int
    bytes: int
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Patch:
    """A span that can be filled, and the files that cover it or are beside it, in order."""

    start_ms: float
    end_ms: float
    files: tuple[HostFile, ...]
    is_recorded: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """The making of a stream's patches: there is one for a stream, and its id is the stream's."""

    id: str
    host_id: str
    created_at: datetime
    work: Work


class FillState(StrEnum):
    """What a host's page is told."""

    WAITING = "waiting"  # the recording is not there yet
    WHOLE = "whole"  # nothing is missing
    OPEN = "open"  # files are taken in
    MAKING = "making"
    FILLED = "filled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FillView:
    """How the filling of a stream stands."""

    state: FillState
    holes: tuple[tuple[datetime, datetime], ...] = ()
    files: tuple[str, ...] = ()


def state_of(work: Work) -> FillState:
    """What a page is told of work that has begun."""
    if work.state is WorkState.READY:
        return FillState.FILLED
    return FillState.FAILED if work.state is WorkState.FAILED else FillState.MAKING


def may_try_again(work: Work) -> bool:
    """Whether a fill has failed and there is still hope."""
    return work.state is WorkState.FAILED and work.attempt < MOST_ATTEMPTS


def holes_of(take: Take, ended_at: datetime | None = None, *, is_on_purpose: bool = False) -> tuple[Hole, ...]:
    """What lies before parts: there the publisher was away, the recorder could not write, or a file is gone; parts in
    which packets are missing; and what comes after the last one: what is listed as missing, and more of a broadcast
    whose publisher vanished and did not come back. `is_on_purpose`: its host ended it at `ended_at`, so nothing comes
    after that."""
    tail = _tail(take, ended_at, is_on_purpose=is_on_purpose)
    return tuple(sorted([*_before_parts(take), *_lossy(take), *tail], key=lambda hole: hole.start_ms))


def _before_parts(take: Take) -> Iterator[Hole]:
    end_ms = 0.0
    for part in take.parts:
        if part.start_ms - end_ms >= LEAST_HOLE_MS:
            yield Hole(end_ms, part.start_ms)
        end_ms = max(end_ms, part.start_ms + part.duration_ms)


def _lossy(take: Take) -> Iterator[Hole]:
    """Parts with a loss, each with those that no decoder could begin with and what they stand on."""
    lossy = _with_losses(take)
    for group in _groups(take):
        first, last = group[0], group[-1]
        is_ours = first.keyframe and not take.runs[first.run].is_fill
        if is_ours and not lossy.isdisjoint(part.name for part in group):
            yield Hole(first.start_ms, last.start_ms + last.duration_ms, is_recorded=True)


def _groups(take: Take) -> Iterator[list[Part]]:
    """Parts that follow each other: each group begins with a keyframe where its run has them."""
    group: list[Part] = []
    for part in take.parts:
        if group and (part.run != group[-1].run or part.keyframe):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _with_losses(take: Take) -> set[str]:
    """The names of parts in which one loss is long. A bad line makes thousands of gaps: each meets only its parts."""
    starts = [part.start_ms for part in take.parts]
    found = set()
    for gap in take.gaps:
        first, end = max(0, bisect_right(starts, gap.start_ms) - 1), bisect_left(starts, gap.end_ms)
        for part in take.parts[first:end]:
            lost_ms = min(gap.end_ms, part.start_ms + part.duration_ms) - max(gap.start_ms, part.start_ms)
            if lost_ms >= LEAST_LOSS_MS:
                found.add(part.name)
    return found


def _tail(take: Take, ended_at: datetime | None, *, is_on_purpose: bool) -> Iterator[Hole]:
    if ended_at is None or take.first_picture_at is None or not take.parts:
        return
    end_ms = max(part.start_ms + part.duration_ms for part in take.parts)
    ended_ms = (ended_at - take.first_picture_at) / timedelta(milliseconds=1)
    listed_ms = max((gap.end_ms for gap in take.gaps), default=0.0)
    longest_ms = end_ms + LONGEST_TAIL_MS
    if ended_ms - end_ms >= LEAST_TAIL_MS:
        yield Hole(end_ms, min(ended_ms, longest_ms) if is_on_purpose else longest_ms)
    elif listed_ms - end_ms >= LEAST_HOLE_MS:
        yield Hole(end_ms, min(listed_ms, longest_ms))


def place_of(file: HostFile, take: Take) -> float:
    """Where a file begins on the stream's timeline, as far as clocks tell; before the first picture: negative."""
    if take.first_picture_at is None:
        return 0.0
    return (file.started_at - take.first_picture_at) / timedelta(milliseconds=1)


def walls_of(holes: Sequence[Hole], first_picture_at: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Holes by the server's clock."""
    return tuple(
        (
            first_picture_at + timedelta(milliseconds=hole.start_ms),
            first_picture_at + timedelta(milliseconds=hole.end_ms),
        )
        for hole in holes
    )


def is_wanted(file: HostFile, take: Take, holes: Sequence[Hole]) -> bool:
    """Whether a file is at, or next to, a hole."""
    start_ms = place_of(file, take)
    return any(
        start_ms < hole.end_ms + NEAR_MS and start_ms + file.duration_ms > hole.start_ms - NEAR_MS for hole in holes
    )


def check_room(kept: Sequence[HostFile], file: HostFile) -> None:
    """Whether one more may be kept; the same one again always may. Raises Conflict (`too_many_files`)."""
    others = [one for one in kept if one.name != file.name]
    if len(others) >= MOST_FILES or sum(one.bytes for one in others) + file.bytes > MOST_BYTES:
        raise Conflict("so much is not taken in for one broadcast", code="too_many_files")


def plan_patches(take: Take, holes: Sequence[Hole], files: Sequence[HostFile]) -> tuple[Patch, ...]:
    """Which spans of the holes the files cover, the longest ones if there are many; seams are covered too."""
    placed = sorted(((place_of(file, take), file) for file in files), key=lambda entry: entry[0])
    patches = [patch for hole in holes for patch in _patches_in(hole, placed)]
    longest = sorted(patches, key=lambda patch: patch.start_ms - patch.end_ms)[:MOST_PATCHES]
    return tuple(_with_near(patch, placed) for patch in patches if patch in longest)


def _with_near(patch: Patch, placed: Sequence[tuple[float, HostFile]]) -> Patch:
    """Those beside it too: by their sound the place is found, and then it may be they that cover an end."""
    return replace(
        patch,
        files=tuple(
            file
            for start_ms, file in placed
            if start_ms < patch.end_ms + NEAR_MS and start_ms + file.duration_ms > patch.start_ms - NEAR_MS
        ),
    )


def _patches_in(hole: Hole, placed: Sequence[tuple[float, HostFile]]) -> list[Patch]:
    patches: list[Patch] = []
    for start_ms, file in placed:
        begin, end = max(hole.start_ms, start_ms), min(hole.end_ms, start_ms + file.duration_ms)
        if end <= begin:
            continue
        if patches and begin - patches[-1].end_ms <= SEAM_MS:
            last = patches.pop()
            patches.append(Patch(last.start_ms, max(end, last.end_ms), (*last.files, file)))
        else:
            patches.append(Patch(begin, end, (file,)))
    if hole.is_recorded:
        return [
            Patch(hole.start_ms, hole.end_ms, patch.files, is_recorded=True)
            for patch in patches
            if patch.start_ms - hole.start_ms <= NEAR_MS / 2 and hole.end_ms - patch.end_ms <= NEAR_MS / 2
        ][:1]
    return [patch for patch in patches if patch.end_ms - patch.start_ms >= LEAST_PATCH_MS]
