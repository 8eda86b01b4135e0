"""Work on a thing: its table, its leases, its retries."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from server.errors import Conflict
from server.making.model import (
    FIRST_RESEND,
    LAST_RESEND,
    MAX_FAULTS,
    STEPS,
    Step,
    Work,
    WorkState,
    begin,
    claim,
    fail,
    finish,
    next_state,
    redo,
    release_fault,
    release_unharmed,
    remake,
    report,
    sent,
)

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
LEASE = timedelta(seconds=60)


def is_lost(work: Work, now: datetime) -> bool:
    """What the store looks for: whether the worker that has it must be dead."""
    return work.state is WorkState.WORKING and work.lease_until is not None and work.lease_until < now


def is_due(work: Work, now: datetime) -> bool:
    """What the store looks for: whether its job is to be sent now."""
    return work.state is WorkState.WAITING and work.send_at <= now


def make_working() -> Work:
    return claim(begin(NOW), NOW, LEASE)


@pytest.mark.parametrize(("state", "step"), itertools.product(WorkState, Step))
def test_every_step_from_every_state_is_in_the_table_or_refused(state: WorkState, step: Step) -> None:
    if (state, step) in STEPS:
        assert next_state(state, step) is STEPS[state, step]
    else:
        with pytest.raises(Conflict, match="no step"):
            next_state(state, step)


def test_only_one_state_is_left_by_finishing() -> None:
    assert [state for state, step in STEPS if step is Step.FINISH] == [WorkState.WORKING]


def test_a_claim_counts_an_attempt_and_lasts_for_its_lease() -> None:
    work = make_working()
    assert (work.state, work.attempt, work.progress) == (WorkState.WORKING, 1, 0.0)
    assert not is_lost(work, NOW + LEASE)
    assert is_lost(work, NOW + LEASE + timedelta(milliseconds=1))


def test_a_report_renews_the_lease_and_never_goes_back() -> None:
    later = NOW + timedelta(seconds=50)
    work = report(report(make_working(), later, LEASE, 0.5), later, LEASE, 0.3)
    assert work.progress == 0.5
    assert not is_lost(work, later + LEASE)


def test_three_faults_are_the_end() -> None:
    work = begin(NOW)
    for _ in range(MAX_FAULTS - 1):
        work = release_fault(claim(work, NOW, LEASE), NOW, "worker_lost")
        assert work.state is WorkState.WAITING
        assert not is_due(work, NOW)
        assert is_due(work, NOW + timedelta(minutes=1))
    work = release_fault(claim(work, NOW, LEASE), NOW, "worker_lost")
    assert (work.state, work.error, work.attempt) == (WorkState.FAILED, "worker_lost", MAX_FAULTS)


def test_outages_and_restarts_of_workers_are_not_held_against_a_source() -> None:
    work = begin(NOW)
    for _ in range(10):
        work = release_unharmed(claim(work, NOW, LEASE), NOW)
    assert (work.state, work.faults, work.attempt) == (WorkState.WAITING, 0, 10)


def test_a_job_that_nobody_claims_is_sent_again_ever_more_seldom() -> None:
    work, pauses = begin(NOW), []
    assert is_due(work, NOW)
    for _ in range(12):
        work = sent(work, NOW)
        pauses.append(work.send_at - NOW)
    assert pauses[0] == FIRST_RESEND
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_RESEND


def test_a_changed_source_is_made_anew_from_every_state() -> None:
    for before in (
        begin(NOW),
        make_working(),
        finish(make_working(), NOW),
        fail(make_working(), NOW, "broken_source"),
    ):
        again = remake(before, NOW)
        assert (again.state, again.attempt, again.faults) == (WorkState.WAITING, before.attempt, 0)
        assert is_due(again, NOW)


def test_what_is_finished_or_failed_can_be_made_again_with_a_clean_slate() -> None:
    for ended in (finish(make_working(), NOW), fail(make_working(), NOW, "broken_source")):
        again = redo(ended, NOW)
        assert (again.state, again.faults, again.error, again.progress) == (WorkState.WAITING, 0, None, 0.0)
        assert again.attempt == 1, "the next attempt must write into a folder of its own"
