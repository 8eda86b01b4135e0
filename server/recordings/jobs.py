"""Names and priorities of the jobs that this noun sends; the payload is `{"id": …}` of the asset or the chunk."""

from __future__ import annotations

from server.recordings.model import Asset, SourceKind

TRANSCODE = "recordings.transcode"  # look into an asset and plan its ladder, or put its chunks together
MAKE_CHUNK = "recordings.make_chunk"
# The queue knows 0, 3, 6 and 9; smaller comes first.
FRESH_REPLAY = 3
UPLOAD = 6


def transcode_priority(asset: Asset) -> int:
    """People wait for a fresh replay."""
    return FRESH_REPLAY if asset.source.kind is SourceKind.TAKE else UPLOAD
