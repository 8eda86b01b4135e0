"""Sanctions, word lists, helpers and log entries as the page sees them."""

from __future__ import annotations

from typing import Any

from server.moderation.model import EVERYWHERE, LogEntry, Sanction
from server.moderation.words import ForbiddenWord
from server.rooms.model import Helper
from server.wire import iso


def sanction_shape(sanction: Sanction) -> dict[str, Any]:
    """`Sanction`"""
    return {
        "user_id": sanction.user_id,
        "user_name": sanction.user_name,
        "kind": sanction.kind,
        "everywhere": sanction.room_id == EVERYWHERE,
        "until": iso(sanction.until),
        "reason": sanction.reason,
        "by_name": sanction.by_name,
        "at": iso(sanction.at),
    }


def word_shape(entry: ForbiddenWord) -> dict[str, Any]:
    """`ForbiddenWord`"""
    return {"word": entry.word, "action": entry.action}


def helper_shape(helper: Helper) -> dict[str, Any]:
    """`Helper`"""
    return {"user_id": helper.user_id, "name": helper.name, "since": iso(helper.since)}


def entry_shape(entry: LogEntry) -> dict[str, Any]:
    """`LogEntry`"""
    return {
        "id": entry.id,
        "room_id": entry.room_id,
        "act": entry.act,
        "actor_name": entry.actor_name,
        "actor_role": entry.actor_role,
        "target_name": entry.target_name,
        "subject": entry.subject,
        "reason": entry.reason,
        "until": iso(entry.until),
        "at": iso(entry.at),
    }
