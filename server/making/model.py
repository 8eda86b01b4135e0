"""Work on one thing: its states, which step leads where, leases, and when its job is sent again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from server.errors import Conflict

MAX_FAULTS = 3  # a source that makes three workers fail or die is not tried a fourth time
FIRST_RESEND = timedelta(seconds=45)  # a sent job that nobody claimed by then was lost, or waits behind others
LAST_RESEND = timedelta(minutes=30)  # the longest pause, so that a long queue does not fill with copies
PAUSE_AFTER_FAULT = timedelta(seconds=5)
PAUSE_AFTER_OUTAGE = timedelta(seconds=20)
CANCELLED = "cancelled"


class WorkState(StrEnum):
    """Where the making of a thing is."""

    WAITING = "waiting"  # for a worker
    WORKING = "working"  # a worker has it, as long as its lease lasts
    SPREAD = "spread"  # it was cut into pieces that are things of their own; nobody has it meanwhile
    READY = "ready"
    FAILED = "failed"  # the source is no good, too many workers failed, or its owner stopped it


ENDED = frozenset({WorkState.READY, WorkState.FAILED})


class Step(StrEnum):
    """What can happen to the work."""

    CLAIM = "claim"
    REPORT = "report"
    FINISH = "finish"
    RELEASE = "release"  # back to waiting: the worker died, stops or could not
    FAIL = "fail"
    SPREAD = "spread"
    GATHER = "gather"  # all pieces are made: the rest is done with the thing itself
    CANCEL = "cancel"
    REDO = "redo"


STEPS: dict[tuple[WorkState, Step], WorkState] = {
    (WorkState.WAITING, Step.CLAIM): WorkState.WORKING,
    (WorkState.WORKING, Step.REPORT): WorkState.WORKING,
    (WorkState.WORKING, Step.FINISH): WorkState.READY,
    (WorkState.WORKING, Step.RELEASE): WorkState.WAITING,
    (WorkState.WORKING, Step.FAIL): WorkState.FAILED,
    (WorkState.WORKING, Step.SPREAD): WorkState.SPREAD,
    (WorkState.SPREAD, Step.REPORT): WorkState.SPREAD,
    (WorkState.SPREAD, Step.GATHER): WorkState.WAITING,
    (WorkState.SPREAD, Step.RELEASE): WorkState.WAITING,
    (WorkState.SPREAD, Step.FAIL): WorkState.FAILED,
    (WorkState.WAITING, Step.CANCEL): WorkState.FAILED,
    (WorkState.WORKING, Step.CANCEL): WorkState.FAILED,
    (WorkState.SPREAD, Step.CANCEL): WorkState.FAILED,
    (WorkState.READY, Step.REDO): WorkState.WAITING,
    (WorkState.FAILED, Step.REDO): WorkState.WAITING,
}


@dataclass(frozen=True, slots=True)
class Work:
    """`attempt` counts claims and names the folder of what each made; `faults` counts those that went wrong.

    `ended_at`: since when it has been ready or failed.
    """

    state: WorkState
    send_at: datetime  # while waiting: when the job is sent (again)
    attempt: int = 0
    faults: int = 0
    sends: int = 0
    progress: float = 0.0
    lease_until: datetime | None = None
    error: str | None = None
    ended_at: datetime | None = None


class Thing(Protocol):
    """Something that workers make: a frozen dataclass with these fields."""

    @property
    def id(self) -> str: ...
    @property
    def work(self) -> Work: ...


def next_state(state: WorkState, step: Step) -> WorkState:
    """Where a step leads. Raises Conflict (`step_not_allowed`) where the table has none."""
    try:
        return STEPS[state, step]
    except KeyError:
        raise Conflict(f"work that is {state} has no step {step}", code="step_not_allowed") from None


def begin(now: datetime) -> Work:
    """Work on a new thing."""
    return Work(WorkState.WAITING, send_at=now)


def sent(work: Work, now: datetime) -> Work:
    """The job was sent; each time it is given longer before it is sent again."""
    pause = min(FIRST_RESEND * 2 ** min(work.sends, 16), LAST_RESEND)
    return replace(work, sends=work.sends + 1, send_at=now + pause)


def claim(work: Work, now: datetime, lease: timedelta) -> Work:
    """A worker begins. Raises Conflict."""
    state = next_state(work.state, Step.CLAIM)
    return replace(work, state=state, attempt=work.attempt + 1, progress=0.0, lease_until=now + lease, error=None)


def report(work: Work, now: datetime, lease: timedelta, progress: float) -> Work:
    """The worker is alive and this far; progress never goes back. Raises Conflict."""
    state = next_state(work.state, Step.REPORT)
    return replace(work, state=state, progress=min(1.0, max(work.progress, progress)), lease_until=now + lease)


def spread(work: Work) -> Work:
    """Its pieces are made now; whoever makes one has a lease for that one. Raises Conflict."""
    return replace(work, state=next_state(work.state, Step.SPREAD), progress=0.0, lease_until=None, sends=0)


def advance(work: Work, progress: float) -> Work:
    """So much of the pieces is made. Raises Conflict."""
    state = next_state(work.state, Step.REPORT)
    return replace(work, state=state, progress=min(1.0, max(work.progress, progress)))


def gather(work: Work, now: datetime) -> Work:
    """All pieces are made: a worker is to finish the thing. Raises Conflict."""
    return replace(work, state=next_state(work.state, Step.GATHER), sends=0, send_at=now)


def cancel(work: Work, now: datetime) -> Work:
    """Its owner wants it no more; a worker that has it finds its lease lost. Raises Conflict."""
    state = next_state(work.state, Step.CANCEL)
    return replace(work, state=state, lease_until=None, error=CANCELLED, ended_at=now)


def finish(work: Work, now: datetime) -> Work:
    """The thing is made. Raises Conflict."""
    state = next_state(work.state, Step.FINISH)
    return replace(work, state=state, progress=1.0, lease_until=None, sends=0, error=None, ended_at=now)


def fail(work: Work, now: datetime, code: str) -> Work:
    """The thing can't be made, now or later. Raises Conflict."""
    return replace(work, state=next_state(work.state, Step.FAIL), lease_until=None, error=code, ended_at=now)


def release_fault(work: Work, now: datetime, code: str) -> Work:
    """The worker died or could not: another tries, unless too many did. Raises Conflict."""
    faults = work.faults + 1
    if faults >= MAX_FAULTS:
        return replace(fail(work, now, code), faults=faults)
    state = next_state(work.state, Step.RELEASE)
    send_at = now + PAUSE_AFTER_FAULT * faults
    return replace(work, state=state, faults=faults, lease_until=None, sends=0, send_at=send_at, error=code)


def release_unharmed(work: Work, now: datetime) -> Work:
    """The worker stops, or a server behind it is away: not the source's fault, not counted. Raises Conflict."""
    state = next_state(work.state, Step.RELEASE)
    return replace(work, state=state, lease_until=None, sends=0, send_at=now + PAUSE_AFTER_OUTAGE)


def redo(work: Work, now: datetime) -> Work:
    """Make it once more, from the beginning. Raises Conflict."""
    state = next_state(work.state, Step.REDO)
    fresh = replace(work, state=state, faults=0, sends=0, progress=0.0, lease_until=None, error=None)
    return replace(fresh, send_at=now, ended_at=None)


def remake(work: Work, now: datetime) -> Work:
    """The source has changed: whatever was made or is being made of it is made anew. Raises Conflict."""
    match work.state:
        case WorkState.WAITING:
            return replace(work, send_at=now)
        case WorkState.WORKING | WorkState.SPREAD:  # workers find the lease lost and drop what they have
            return replace(release_unharmed(work, now), send_at=now)
        case _:
            return redo(work, now)
