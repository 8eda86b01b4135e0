"""Runs a media process that records nothing, as mediasoup and Janus do: the difference is what recording costs."""

from __future__ import annotations

import sys
from collections.abc import Callable

from media import __main__ as media
from media import app
from media.cluster.silent import NoRecorder


def make_no_recorder(
    *, stream_id: str, room_id: str, request_keyframe: Callable[[], None], **_others: object
) -> NoRecorder:
    """In the place of a recorder what a copy of another node's stream has."""
    return NoRecorder(stream_id, room_id, request_keyframe)


def main() -> int:
    """As `python -m media`."""
    vars(app)["Recorder"] = make_no_recorder  # production has no such setting
    return media.main()


if __name__ == "__main__":
    sys.exit(main())
