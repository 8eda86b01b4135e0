"""Finding free ports, and who has one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dongting.machine import load_ports
from dongting.ports import SETTING, NoPorts, free_ports, free_row, is_free, ports_to_look_among, who_listens
from dongting.servers import WEED_PORTS


def test_free_ports_are_different_and_free() -> None:
    found = free_ports(5)
    assert len(set(found)) == 5
    assert all(is_free(port) for port in found)


def test_free_ports_are_none_of_those_that_somebody_is_about_to_take() -> None:
    among = ports_to_look_among(os.environ)
    taken = among[: len(among) // 2]
    assert not set(free_ports(20, taken)) & set(taken)


def test_an_installations_own_servers_get_ports_of_which_none_is_anothers(tmp_path: Path) -> None:
    # given: half of all ports are named in its settings, for those who are started later
    named = ports_to_look_among(os.environ)[::2]
    settings = {f"SOME_{port}_PORT": str(port) for port in named}

    # when
    found = load_ports(tmp_path / "ports.json", ["mongodb", "redis", "seaweedfs"], {**os.environ, **settings})

    # then
    given = [port for of_server in found.values() for port in of_server]
    assert len(set(given)) == len(given) == 2 + len(WEED_PORTS)
    assert not set(given) & set(named)


def test_free_ports_are_looked_for_where_a_setting_says(tmp_path: Path) -> None:
    # given
    (first,) = free_ports(1)
    only = {SETTING: f"{first}-{first}"}

    # then
    assert free_ports(1, (), only) == (first,)
    assert free_row(1, (), only) == first
    assert load_ports(tmp_path / "ports.json", ["redis"], only) == {"redis": (first,)}
    with pytest.raises(NoPorts, match=f"fewer than 2 free ports between {first} and {first}"):
        free_ports(2, (), only)
    with pytest.raises(NoPorts, match=f"no 2 free ports in a row between {first} and {first}"):
        free_row(2, (), only)


@pytest.mark.parametrize("said", ["many", "20000", "31999-20000", "0-100", "60000-70000", "20000-31999 "])
def test_a_setting_that_names_no_ports_is_said_to_be_wrong(said: str) -> None:
    with pytest.raises(NoPorts, match=f"FREE_PORTS={said} is no first and last port, such as 20000-31999"):
        free_ports(1, (), {SETTING: said})


def test_no_ports_are_asked_for_and_none_given() -> None:
    assert free_ports(0) == ()


def test_a_port_in_use_is_not_free_and_its_process_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert f"(pid {os.getpid()})" in who_listens(port)


def test_udp_ports_are_looked_at_apart() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not is_free(port, udp=True)
        assert f"(pid {os.getpid()})" in who_listens(port, udp=True)
