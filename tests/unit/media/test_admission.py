"""Who may open a session when the node fills up, or when somebody fills it on purpose."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from media.admission import PUBLISHER_RESERVE, Admission, client_of
from media.problems import Problem

FLOODER, SOMEBODY = "192.0.2.66", "192.0.2.1"


@dataclass(frozen=True)
class Guest:
    """A session."""

    client: str = FLOODER
    is_connecting: bool = True
    is_publisher: bool = False


def test_one_address_that_never_connects_is_told_to_wait_and_others_come_in() -> None:
    admission = Admission(max_sessions=2000, connecting_per_address=20)
    admission.check_viewer(19, [Guest()] * 19, FLOODER)
    with pytest.raises(Problem) as caught:
        admission.check_viewer(20, [Guest()] * 20, FLOODER)
    assert (caught.value.status, caught.value.code) == (429, "too_many_requests")
    assert int(caught.value.headers["Retry-After"]) > 0
    admission.check_viewer(20, [Guest()] * 20, SOMEBODY)


def test_viewers_who_are_connected_may_be_many_behind_one_address() -> None:
    admission = Admission(max_sessions=2000, connecting_per_address=20)
    admission.check_viewer(1000, [Guest(is_connecting=False)] * 1000, FLOODER)
    with pytest.raises(Problem):
        admission.check_viewer(1000, [Guest(is_connecting=True)] * 1000, FLOODER)


def test_viewers_who_never_connect_do_not_keep_a_publisher_out() -> None:
    admission = Admission(max_sessions=100, connecting_per_address=20)
    admission.check_publisher([Guest()] * 100)
    with pytest.raises(Problem):
        admission.check_publisher([Guest(is_connecting=False)] * 100)


def test_viewers_leave_places_for_publishers() -> None:
    # given
    admission = Admission(max_sessions=1000, connecting_per_address=20)
    viewers = [Guest(is_connecting=False)] * (1000 - PUBLISHER_RESERVE)

    # when
    with pytest.raises(Problem) as caught:
        admission.check_viewer(len(viewers), viewers, SOMEBODY)

    # then
    assert caught.value.status == 503
    admission.check_publisher(viewers)


def test_a_node_full_of_publishers_and_connected_viewers_is_full() -> None:
    guests = [Guest(is_connecting=False)] * 5 + [Guest(is_publisher=True)] * 5
    with pytest.raises(Problem) as caught:
        Admission(10, 20).check_publisher(guests)
    assert caught.value.status == 503


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_client_is_counted_by_his_network(address: str, client: str) -> None:
    assert client_of(address) == client
