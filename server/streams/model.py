"""A stream: one broadcast, its states and which step leads where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.errors import Conflict


class StreamState(StrEnum):
    """Where a broadcast is."""

    STARTING = "starting"  # a publisher was let in, no picture yet
    LIVE = "live"
    INTERRUPTED = "interrupted"  # the publisher vanished and may come back
    ENDED = "ended"
    CANCELLED = "cancelled"  # never had a picture


class Step(StrEnum):
    """What can happen to a broadcast."""

    JOIN = "join"
    LOSE = "lose"
    END = "end"
    GIVE_UP = "give_up"


class EndReason(StrEnum):
    """Why a broadcast ended: all but the last as the media node says it."""

    DELETED = "deleted"  # the publisher hung up
    COMMAND = "command"  # the host's page said so
    VANISHED = "vanished"  # the publisher was gone and did not come back
    SHUTDOWN = "shutdown"  # the media node stopped
    LOST = "lost"  # no media node knew it any more


ON_PURPOSE = frozenset({EndReason.DELETED, EndReason.COMMAND})

STEPS: dict[tuple[StreamState, Step], StreamState] = {
    (StreamState.STARTING, Step.JOIN): StreamState.LIVE,
    (StreamState.INTERRUPTED, Step.JOIN): StreamState.LIVE,
    (StreamState.LIVE, Step.JOIN): StreamState.LIVE,  # a take-over
    (StreamState.LIVE, Step.LOSE): StreamState.INTERRUPTED,
    (StreamState.LIVE, Step.END): StreamState.ENDED,
    (StreamState.INTERRUPTED, Step.END): StreamState.ENDED,
    (StreamState.STARTING, Step.END): StreamState.CANCELLED,
    (StreamState.STARTING, Step.GIVE_UP): StreamState.CANCELLED,
}
OPEN_STATES = frozenset({StreamState.STARTING, StreamState.LIVE, StreamState.INTERRUPTED})
ON_AIR = frozenset({StreamState.LIVE, StreamState.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Stream:
    """One broadcast in a room. `first_picture_at` is the wall clock of 0 ms on its timeline."""

    id: str
    room_id: str
    host_id: str
    title: str
    state: StreamState
    created_at: datetime
    started_at: datetime | None = None
    first_picture_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None  # of a stream that is over; None: only its recording told of the end
    lesson_id: str | None = None
    reported_at: datetime | None = None  # when the media node saw what the state says; older reports come too late

    @property
    def was_ended_on_purpose(self) -> bool:
        """Whether its host wanted it to end then."""
        return self.end_reason in ON_PURPOSE


def next_state(state: StreamState, step: Step) -> StreamState:
    """Where a step leads. Raises Conflict (`step_not_allowed`) where the table has none."""
    try:
        return STEPS[state, step]
    except KeyError:
        raise Conflict(f"a stream that is {state} cannot {step}", code="step_not_allowed") from None


def timeline_ms(stream: Stream, moment: datetime) -> int:
    """A wall-clock moment on the stream's own timeline, in ms; 0 before the first picture."""
    begin = stream.first_picture_at or stream.started_at
    return 0 if begin is None else max(0, (moment - begin) // timedelta(milliseconds=1))


def wall_clock(stream: Stream, at_ms: int) -> datetime | None:
    """When a place on the stream's own timeline was taken; None before the first picture."""
    begin = stream.first_picture_at or stream.started_at
    return None if begin is None else begin + timedelta(milliseconds=at_ms)
