"""Ids: opaque, short, sortable by time of making."""

from __future__ import annotations

from bson import ObjectId


def new_id() -> str:
    """A new id, 24 characters."""
    return str(ObjectId())
