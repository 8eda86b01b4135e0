"""From encoded chunks to playlists: what each rendition costs, whether all fits together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.logs import logger
from server.recordings.ladder import Ladder, MadeChunk, PicturePlan, SoundPlan, Track
from server.recordings.model import Sound
from workers.transcode.plan import AUDIO_RATE, PLAYLIST, SAMPLES, SourceRefused

log = logger(__name__)

MASTER = "master.m3u8"
THUMBS = "thumbs.vtt"
BITS = 8
SEAM_MS = 2.0  # what rounding may cost between two chunks
IN_STEP_MS = 2 * 1000 * SAMPLES / AUDIO_RATE  # sound comes in frames of 21 ms


@dataclass(frozen=True, slots=True)
class Joined:
    """A rendition whose tracks fit together; one of sound alone has no `picture`."""

    name: str
    picture: PicturePlan | None
    sound: SoundPlan | None
    codecs: str
    bandwidth: int
    average_bandwidth: int
    bytes: int
    frames_per_second: float


def check_fit(ladder: Ladder, pictures: Sequence[MadeChunk], sound: MadeChunk | None) -> None:
    """Whether chunks follow each other without a gap and sound is as long as the pictures.

    Raises:
        SourceRefused: `broken_join`; what does not fit is in the log.
    """
    misfit = next(_misfits(ladder, pictures, sound), None)
    if misfit is not None:
        log.error("chunks do not fit together", why=misfit)
        raise SourceRefused("broken_join")


def _misfits(ladder: Ladder, pictures: Sequence[MadeChunk], sound: MadeChunk | None) -> Iterator[str]:
    if len(pictures) != len(ladder.spans) or (sound is None) != (not ladder.sounds):
        yield f"{len(pictures)} chunks of {len(ladder.spans)}, sound: {sound is not None}"
        return
    for (start_ms, end_ms), chunk in zip(ladder.spans, pictures, strict=True):
        tracks = {track.name: track for track in chunk.tracks}
        if set(tracks) != {plan.name for plan in ladder.pictures}:
            yield f"renditions at {start_ms:.0f}: {sorted(tracks)}"
            return
        for track in tracks.values():
            if abs(track.begins_ms - start_ms) > SEAM_MS or abs(track.duration_ms - (end_ms - start_ms)) > SEAM_MS:
                yield (
                    f"{track.name} begins at {track.begins_ms:.1f} and is {track.duration_ms:.1f} ms long, "
                    f"its span is from {start_ms:.1f} to {end_ms:.1f}"
                )
        frames = {plan.name: tracks[plan.name].frames for plan in ladder.pictures if not plan.every_ms}
        if len(set(frames.values())) > 1:
            yield f"pictures at {start_ms:.0f}: {frames}"
    for track in sound.tracks if sound else ():
        if abs(track.duration_ms - ladder.duration_ms) > IN_STEP_MS:
            yield f"{track.name}: {track.duration_ms:.1f} ms of sound for {ladder.duration_ms:.1f}"


def join(ladder: Ladder, pictures: Sequence[MadeChunk], sound: MadeChunk | None) -> tuple[Joined, ...]:
    """All renditions, the largest first."""
    sounds = {track.name: track for track in sound.tracks} if sound else {}
    plans = {plan.name: plan for plan in ladder.sounds}
    if not ladder.pictures:
        return tuple(
            _joined("audio" if number == 0 else f"audio-{plan.name}", None, plan, [], [sounds[plan.name]])
            for number, plan in enumerate(ladder.sounds)
        )
    return tuple(
        _joined(
            plan.name,
            plan,
            plans.get(plan.sound or ""),
            [track for chunk in pictures for track in chunk.tracks if track.name == plan.name],
            [sounds[plan.sound]] if plan.sound else [],
        )
        for plan in ladder.pictures
    )


def _joined(
    name: str, picture: PicturePlan | None, sound: SoundPlan | None, shown: Sequence[Track], heard: Sequence[Track]
) -> Joined:
    duration_ms = max(1.0, *(sum(track.duration_ms for track in tracks) for tracks in (shown, heard)))
    total = sum(segment.bytes for track in (*shown, *heard) for segment in track.segments)
    codecs = dict.fromkeys(track.codec for track in (*shown, *heard))
    return Joined(
        name=name,
        picture=picture,
        sound=sound,
        codecs=",".join(codecs),
        bandwidth=round(_peak(shown) + _peak(heard)),
        average_bandwidth=round(total * BITS * 1000 / duration_ms),
        bytes=total,
        frames_per_second=sum(track.frames for track in shown) * 1000 / duration_ms,
    )


def sounds_alone(sound: MadeChunk | None) -> tuple[Sound, ...]:
    """The renditions of the sound for those who only listen, the cheapest first; with names as below the edition."""
    tracks = sound.tracks if sound else ()
    alone = (
        Sound(
            name=track.name,
            playlist_key=f"sound-{track.name}/{PLAYLIST}",
            bandwidth=round(_peak([track])),
            bytes=sum(segment.bytes for segment in track.segments),
        )
        for track in tracks
    )
    return tuple(sorted(alone, key=lambda one: one.bytes))


def _peak(tracks: Sequence[Track]) -> float:
    rates = (
        segment.bytes * BITS * 1000 / max(segment.duration_ms, 1.0) for track in tracks for segment in track.segments
    )
    return max(rates, default=0.0)


def media_playlist(tracks: Sequence[Track]) -> str:
    """One rendition; a chunk that was encoded with other parameter sets brings its own."""
    longest = max(segment.duration_ms for track in tracks for segment in track.segments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{math.ceil(longest / 1000)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    digest = None
    for track in tracks:
        if track.init_digest != digest:
            digest = track.init_digest
            lines.append(f'#EXT-X-MAP:URI="{track.init}"')
        for segment in track.segments:
            lines += [f"#EXTINF:{segment.duration_ms / 1000:.6f},", segment.name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def master_playlist(joined: Sequence[Joined]) -> str:
    """The playlist of playlists, the cheapest first so that a weak phone begins there."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    groups = dict.fromkeys(one.sound for one in joined if one.sound and one.picture)
    for plan in groups:
        if plan is not None:
            lines.append(
                f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{plan.name}",NAME="main",DEFAULT=YES,AUTOSELECT=YES,'
                f'CHANNELS="{plan.channels}",URI="sound-{plan.name}/{PLAYLIST}"'
            )
    for one in sorted(joined, key=lambda one: one.bandwidth):
        fields = [
            f"BANDWIDTH={one.bandwidth}",
            f"AVERAGE-BANDWIDTH={one.average_bandwidth}",
            f'CODECS="{one.codecs}"',
        ]
        folder = f"sound-{one.sound.name}" if one.sound else ""
        if one.picture:
            folder = one.name
            fields += [
                f"RESOLUTION={one.picture.width}x{one.picture.height}",
                f"FRAME-RATE={one.frames_per_second:.3f}",
            ]
            fields += [f'AUDIO="{one.sound.name}"'] if one.sound else []
        lines += [f"#EXT-X-STREAM-INF:{','.join(fields)}", f"{folder}/{PLAYLIST}"]
    return "\n".join([*lines, ""])


def thumbs_track(ladder: Ladder, pictures: Sequence[MadeChunk]) -> str:
    """WebVTT that names, for each stretch of the video, a place on a sheet (Media Fragments' `xywh`)."""
    lines = ["WEBVTT", ""]
    for (start_ms, end_ms), chunk in zip(ladder.spans, pictures, strict=True):
        if chunk.sheet is None:
            continue
        sheet = chunk.sheet
        for number in range(sheet.count):
            from_ms = start_ms + number * ladder.thumb_every_ms
            to_ms = min(end_ms, from_ms + ladder.thumb_every_ms)
            x, y = number % sheet.columns * sheet.width, number // sheet.columns * sheet.height
            if from_ms < to_ms:
                place = f"{sheet.name}#xywh={x},{y},{sheet.width},{sheet.height}"
                lines += [f"{_clock(from_ms)} --> {_clock(to_ms)}", place, ""]
    return "\n".join(lines)


def _clock(at_ms: float) -> str:
    seconds, rest = divmod(round(at_ms), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def write_playlists(folder: Path, ladder: Ladder, pictures: Sequence[MadeChunk], sound: MadeChunk | None) -> None:
    """Everything that names what the chunks have written."""
    for name, tracks in _folders(ladder, pictures, sound):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / PLAYLIST).write_text(media_playlist(tracks))
    if any(chunk.sheet for chunk in pictures):
        (folder / THUMBS).write_text(thumbs_track(ladder, pictures))
    (folder / MASTER).write_text(master_playlist(join(ladder, pictures, sound)))


def _folders(
    ladder: Ladder, pictures: Sequence[MadeChunk], sound: MadeChunk | None
) -> Iterator[tuple[str, list[Track]]]:
    for plan in ladder.pictures:
        yield plan.name, [track for chunk in pictures for track in chunk.tracks if track.name == plan.name]
    for track in sound.tracks if sound else ():
        yield f"sound-{track.name}", [track]
