"""Making the run that fills a gap of a take from files of the host's own recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from server.fills.model import LEAST_PATCH_MS
from workers.transcode.hear import find_lag, loudness_line
from workers.transcode.look import look_over
from workers.transcode.output import PictureTrack, SoundTrack, open_segments
from workers.transcode.plan import AROUND_MS, PLAYLIST, SourceRefused, plan_fill
from workers.transcode.run import Progress, Show, Span, Talk, put_through
from workers.transcode.source import Piece, Reader
from workers.transcode.task import Filled
from workers.transcode.weigh import AAC_LC, h264_codec, read_segments

JOIN_MS = 2_000.0  # a pause within a file as long as this: it goes on
NEAR_END_MS = 400.0  # so little lacks at an end: a picture stands, as between two files


def make_fill(
    pieces: Sequence[Piece],
    beside: Sequence[Piece],
    asked: Span,
    folder: Path,
    prefix: str,
    threads: int,
    tell: Progress,
) -> Filled:
    """Encode a span of the stream's timeline as the parts of one run. `beside`: what was recorded around it.

    The pieces lie where the host's clock says, and are moved to where their sound agrees with what was recorded.
    Of the span is made what is really in them.

    Raises SourceRefused.
    """
    pieces = readable(pieces)
    edges = edges_of(asked)
    lag_ms = find_lag(loudness_line(pieces, edges, tell), loudness_line(beside, edges, tell))
    placed = [replace(piece, begins_ms=piece.begins_ms + (lag_ms or 0.0)) for piece in pieces]
    span = covered(placed, asked)
    picture, sound = plan_fill(look_over(placed, span.length_ms))
    container = open_segments(folder, prefix)
    track = PictureTrack(container, picture, threads)
    voice = SoundTrack(container, sound) if sound else None
    show = Show([track], 0.0)
    put_through(placed, span, show, Talk([voice], sound.channels) if voice and sound else None, tell, 0.0, threads)
    if voice is not None:
        voice.finish()
    container.close()
    playlist = folder / f"{prefix}{PLAYLIST}"
    *whole, last = read_segments(playlist.read_text(), folder)
    playlist.unlink()
    rest_ms = span.length_ms - sum(segment.duration_ms for segment in whole)
    return Filled(
        start_ms=span.start_ms,
        init=f"{prefix}init.mp4",
        video_codec=h264_codec(track.headers),
        audio_codec=AAC_LC if sound else None,
        width=picture.width,
        height=picture.height,
        segments=(*whole, last.model_copy(update={"duration_ms": rest_ms})),
        lag_ms=lag_ms,
    )


def readable(pieces: Sequence[Piece]) -> list[Piece]:
    """Those of which something can be decoded. Raises SourceRefused if there is none."""
    found = []
    refusal = SourceRefused("no_cover")
    for piece in pieces:
        try:
            look_over([piece], 0.0)
        except SourceRefused as refused:
            refusal = refused
        else:
            found.append(piece)
    if not found:
        raise refusal
    return found


def edges_of(span: Span) -> list[Span]:
    """Where something was recorded that a file of the host's has as well: before and after a gap."""
    edges = [Span(at_ms - AROUND_MS, at_ms + AROUND_MS) for at_ms in (span.start_ms, span.end_ms)]
    return edges if edges[0].end_ms < edges[1].start_ms else [Span(edges[0].start_ms, edges[1].end_ms)]


def covered(pieces: Sequence[Piece], span: Span) -> Span:
    """The longest stretch of a span in which the pieces really have something. Raises SourceRefused (`no_cover`)."""
    stretches: list[Span] = []
    for start_ms, end_ms in sorted(moment for piece in pieces for moment in _moments(piece, span)):
        if stretches and start_ms - stretches[-1].end_ms <= JOIN_MS:
            stretches[-1] = Span(stretches[-1].start_ms, max(stretches[-1].end_ms, end_ms))
        else:
            stretches.append(Span(start_ms, end_ms))
    found = max(stretches, key=lambda stretch: stretch.length_ms, default=Span(0.0, 0.0))
    if found.length_ms < LEAST_PATCH_MS:
        raise SourceRefused("no_cover")
    return Span(
        span.start_ms if found.start_ms - span.start_ms <= NEAR_END_MS else found.start_ms,
        span.end_ms if span.end_ms - found.end_ms <= NEAR_END_MS else found.end_ms,
    )


def _moments(piece: Piece, span: Span) -> Iterator[tuple[float, float]]:
    """When the packets of a piece are shown and heard, within a span."""
    with Reader(piece) as reader:
        for packet in reader.packets():
            if packet.pts is None or packet.time_base is None or not packet.size:
                continue
            start_ms = reader.place(packet.pts, packet.time_base)
            end_ms = start_ms + float((packet.duration or 0) * packet.time_base) * 1000
            if start_ms < span.end_ms and end_ms > span.start_ms:
                yield max(start_ms, span.start_ms), min(end_ms, span.end_ms)
