"""Subtitles: lines with their times, read from what a teacher uploads, written as WebVTT."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

from server.errors import BadRequest

LIMIT_BYTES = 400_000  # six hours of talk are some 250 kB
MAX_LINES = 6_000
LINE_LENGTH = 300
ENCODINGS = ("utf-8-sig", "gb18030")  # GB 18030: what older subtitle programs on Windows write
BAD = "bad_subtitles"


@dataclass(frozen=True, slots=True)
class Line:
    """What is said from…to."""

    start_ms: int
    end_ms: int
    text: str


def read_subtitles(raw: bytes) -> tuple[Line, ...]:
    """The lines of a WebVTT or SubRip file, in order. Raises BadRequest (`bad_subtitles`)."""
    text = _decoded(raw)
    kind = "vtt" if text.lstrip().startswith("WEBVTT") else "srt"
    try:
        captions = webvtt.WebVTT.from_buffer(io.BytesIO(text.encode()), format=kind).captions
    except (MalformedFileError, MalformedCaptionError):
        raise BadRequest("these are no subtitles: we know WebVTT (.vtt) and SubRip (.srt)", BAD) from None
    lines = (_line(caption) for caption in captions)
    kept = sorted((line for line in lines if line.text), key=lambda line: (line.start_ms, line.end_ms))
    if not kept:
        raise BadRequest("there is no line in this file", BAD)
    if len(kept) > MAX_LINES:
        raise BadRequest("at most 6,000 lines", BAD)
    if any(line.end_ms <= line.start_ms for line in kept):
        raise BadRequest("a line ends before it begins", BAD)
    return tuple(kept)


def fit(lines: Iterable[Line], duration_ms: int) -> tuple[Line, ...]:
    """Lines that begin before the end. Raises BadRequest (`bad_subtitles`) if none does."""
    if not duration_ms:
        return tuple(lines)
    kept = tuple(line for line in lines if line.start_ms < duration_ms)
    if not kept:
        raise BadRequest("all lines come after the end of the lesson", BAD)
    return kept


def write_webvtt(lines: Iterable[Line]) -> str:
    """A WebVTT file; what would be markup in it is text."""
    cues = (f"{_stamp(line.start_ms)} --> {_stamp(line.end_ms)}\n{_escaped(line.text)}\n" for line in lines)
    return "WEBVTT\n\n" + "\n".join(cues)


def _decoded(raw: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise BadRequest("this is no text: save the subtitles as UTF-8", BAD)


def _line(caption: webvtt.Caption) -> Line:
    text = "\n".join(filter(None, (" ".join(_printable(part).split()) for part in caption.text.splitlines())))
    return Line(_milliseconds(caption.start_time), _milliseconds(caption.end_time), text[:LINE_LENGTH].strip())


def _printable(text: str) -> str:
    return "".join(ch if ch.isprintable() else " " for ch in text)


def _milliseconds(stamp: webvtt.models.Timestamp) -> int:
    hours, minutes, seconds, milliseconds = stamp.to_tuple()
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def _stamp(ms: int) -> str:
    seconds, milliseconds = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
