"""A chat message as the page sees it."""

from __future__ import annotations

from typing import Any

from server.chat.model import ChatMessage
from server.wire import iso


def message_shape(message: ChatMessage) -> dict[str, Any]:
    """`ChatMessage`"""
    return {
        "id": message.id,
        "author_id": message.author_id,
        "author_name": message.author_name,
        "author_role": message.author_role,
        "text": message.text,
        "at": iso(message.at),
    }
