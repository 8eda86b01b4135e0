"""What was found, as the page sees it."""

from __future__ import annotations

from typing import Any

from server.courses.shape import summary_shape
from server.search.model import Pieces
from server.search.service import Found


def found_shape(found: Found) -> dict[str, Any]:
    """`FoundLesson`"""
    return {
        **summary_shape(found.view),
        "found": {
            "title": _pieces(found.title),
            "passages": [
                {"kind": passage.kind, "start_ms": passage.start_ms, "pieces": _pieces(pieces)}
                for passage, pieces in found.passages
            ],
        },
    }


def _pieces(pieces: Pieces) -> list[dict[str, Any]]:
    return [{"text": text, "hit": hit} for text, hit in pieces]
