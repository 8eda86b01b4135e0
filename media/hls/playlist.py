"""Media playlists (RFC 8216) over the recorded parts of a take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
MOST_ROUNDING_MS = 2  # what follows its neighbour later than that has lost a part between them
_VERSION = 7  # EXT-X-MAP in a playlist of whole segments


@dataclass(frozen=True, slots=True)
class Segment:
    """One part as a playlist names it; `start_ms` is on the take's timeline, which keeps interruptions."""

    uri: str
    init_uri: str
    start_ms: int
    duration_ms: int
    is_independent: bool = True  # a decoder may begin with it


def vod_playlist(segments: Sequence[Segment], began_at: datetime | None) -> str:
    """A finished playlist. `began_at`: the wall clock of 0 ms; each run then carries its own moment."""
    longest = max((segment.duration_ms for segment in segments), default=1000)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{max(1, (longest + 500) // 1000)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        *(["#EXT-X-INDEPENDENT-SEGMENTS"] if all(segment.is_independent for segment in segments) else []),
    ]
    init_uri, end_ms = None, 0
    for segment in segments:
        if segment.init_uri != init_uri or segment.start_ms - end_ms > MOST_ROUNDING_MS:
            if init_uri is not None:
                lines.append("#EXT-X-DISCONTINUITY")
            init_uri = segment.init_uri
            lines.append(f'#EXT-X-MAP:URI="{init_uri}"')
            if began_at is not None:
                moment = began_at + timedelta(milliseconds=segment.start_ms)
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{moment.isoformat(timespec='milliseconds')}")
        end_ms = segment.start_ms + segment.duration_ms
        lines += [f"#EXTINF:{segment.duration_ms / 1000:.3f},", segment.uri]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])
