"""A room as the page sees it, and where browsers find the media node."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from server.rooms.model import Announcement, ChatRules, Room
from server.rooms.service import RoomView
from server.streams.shape import stream_shape
from server.wire import iso


@dataclass(frozen=True, slots=True)
class MediaAddress:
    """Where browsers find the media node: a fixed address, or the request's own host with another port."""

    public_url: str
    port: int

    def base(self, scheme: str, host: str) -> str:
        """The address without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        name = host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host
        return f"{scheme}://{name}:{self.port}"


def summary_shape(view: RoomView) -> dict[str, Any]:
    """`RoomSummary`"""
    room = view.room
    return {
        "id": room.id,
        "slug": room.slug,
        "title": room.title,
        "host_name": room.host_name,
        "cover_url": room.cover_url,
        "state": view.state,
        "viewers": view.viewers,
        "scheduled_at": iso(room.scheduled_at),
    }


def room_name_shape(room: Room | None) -> dict[str, str] | None:
    """`RoomName`: which room an operator's page speaks of."""
    return None if room is None else {"slug": room.slug, "title": room.title, "host_name": room.host_name}


def room_shape(view: RoomView, media_base: str) -> dict[str, Any]:
    """`Room`"""
    return {
        **summary_shape(view),
        "merchant_id": view.room.merchant_id,
        "stream": stream_shape(view.stream),
        "last_stream": stream_shape(view.last_stream),
        "whep_url": f"{media_base}/whep/{view.room.slug}",
        "hls_url": f"{media_base}/hls/{view.room.slug}/index.m3u8",
        "rules": rules_shape(view.room.rules),
        "announcement": announcement_shape(view.room.announcement),
    }


def rules_shape(rules: ChatRules) -> dict[str, Any]:
    """`Rules`"""
    return asdict(rules)


def announcement_shape(announcement: Announcement | None) -> dict[str, Any] | None:
    """`Announcement`"""
    return None if announcement is None else {"text": announcement.text, "at": iso(announcement.at)}
