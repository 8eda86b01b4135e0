"""Making the run that fills a gap of a take from files of the host's own recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workers.transcode.hear import find_lag, loudness_line
from workers.transcode.look import look_over
from workers.transcode.output import PLAYLIST, PictureTrack, SoundTrack, open_segments
from workers.transcode.plan import plan_fill
from workers.transcode.run import Progress, Show, Span, Talk, put_through
from workers.transcode.source import Piece
from workers.transcode.task import Filled
from workers.transcode.weigh import AAC_LC, h264_codec, read_segments

AROUND_MS = 12_000.0  # so much sound before and after the gap is compared: a file of the host's is ten seconds long


def make_fill(
    pieces: Sequence[Piece],
    beside: Sequence[Piece],
    span: Span,
    folder: Path,
    prefix: str,
    threads: int,
    tell: Progress,
) -> Filled:
    """Encode a span of the stream's timeline as the parts of one run. `beside`: what was recorded around it.

    The pieces lie where the host's clock says, and are moved to where their sound agrees with what was recorded.

    Raises SourceRefused.
    """
    start_ms, end_ms = span.start_ms - AROUND_MS, span.end_ms + AROUND_MS
    lag_ms = find_lag(loudness_line(pieces, start_ms, end_ms), loudness_line(beside, start_ms, end_ms))
    placed = [replace(piece, begins_ms=piece.begins_ms + (lag_ms or 0.0)) for piece in pieces]
    picture, sound = plan_fill(look_over(placed, span.length_ms))
    container = open_segments(folder, prefix)
    track = PictureTrack(container, picture, threads)
    voice = SoundTrack(container, sound) if sound else None
    show = Show([track], 0.0)
    put_through(placed, span, show, Talk([voice], sound.channels) if voice and sound else None, tell, 0.0)
    if voice is not None:
        voice.finish()
    container.close()
    playlist = folder / f"{prefix}{PLAYLIST}"
    *whole, last = read_segments(playlist.read_text(), folder)
    playlist.unlink()
    rest_ms = span.length_ms - sum(segment.duration_ms for segment in whole)
    return Filled(
        init=f"{prefix}init.mp4",
        video_codec=h264_codec(track.headers),
        audio_codec=AAC_LC if sound else None,
        width=picture.width,
        height=picture.height,
        segments=(*whole, last.model_copy(update={"duration_ms": rest_ms})),
        lag_ms=lag_ms,
    )
