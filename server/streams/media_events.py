"""What media nodes report on the bus: parse -> service. Every event may come twice."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from config.bus import Handler
from config.logs import logger
from server.errors import NotFound
from server.streams.model import EndReason, Stream
from server.streams.service import Streams

log = logger(__name__)


class _Event(BaseModel):
    stream_id: str
    room_id: str
    node_id: str
    at: AwareDatetime


class PublisherJoined(_Event):
    """The node has the publisher's first picture."""

    event: Literal["publisher_joined"]
    first_picture_at: AwareDatetime | None = None


class PublisherLeft(_Event):
    """The publisher vanished."""

    event: Literal["publisher_left"]


class StreamEnded(_Event):
    """The broadcast is over."""

    event: Literal["stream_ended"]
    reason: EndReason | None = None
    duration_ms: int = Field(0, ge=0)


class TakeReady(_Event):
    """Playlist and parts are in the object store."""

    event: Literal["take_ready"]
    duration_ms: int = Field(ge=0)
    has_video: bool
    has_audio: bool


class Recordings(Protocol):
    """Who makes a lesson of a take."""

    async def take_ready(self, stream: Stream, duration_ms: int, *, has_video: bool, has_audio: bool) -> None: ...


MediaEvent = PublisherJoined | PublisherLeft | StreamEnded | TakeReady
_ADAPTER: TypeAdapter[MediaEvent] = TypeAdapter(MediaEvent)


def media_event_handler(streams: Streams, recordings: Recordings) -> Handler:
    """The handler for `Bus.consume_events`."""

    async def handle(payload: dict[str, Any]) -> None:
        try:
            event = _ADAPTER.validate_python(payload)
        except ValidationError as error:
            log.warning("media event is malformed, dropped", problems=error.error_count())
            return
        try:
            await _apply(event)
        except NotFound:
            log.warning("media event names no stream of ours, dropped", stream=event.stream_id)

    async def _apply(event: MediaEvent) -> None:
        match event:
            case PublisherJoined():
                await streams.publisher_joined(event.stream_id, event.at, event.first_picture_at)
            case PublisherLeft():
                await streams.publisher_left(event.stream_id, event.at)
            case StreamEnded():
                await streams.publisher_ended(event.stream_id, event.duration_ms, event.at, event.reason)
            case TakeReady():
                stream = await streams.publisher_ended(event.stream_id, event.duration_ms, event.at)
                await recordings.take_ready(
                    stream, event.duration_ms, has_video=event.has_video, has_audio=event.has_audio
                )

    return handle
