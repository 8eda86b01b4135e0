"""Ids: opaque, short, sortable by time of making."""

from __future__ import annotations

from datetime import datetime

from bson import ObjectId


def new_id() -> str:
    """A new id, 24 characters."""
    return str(ObjectId())


def first_id_at(moment: datetime) -> str:
    """No id that is made from this moment's second on sorts before this one."""
    return str(ObjectId.from_datetime(moment))
