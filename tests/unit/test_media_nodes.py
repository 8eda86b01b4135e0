"""Several media processes on one machine: what each is called and gets, and what becomes of recordings of fewer."""

from __future__ import annotations

import os
from pathlib import Path

from config.settings import MediaSettings
from dongting.media_nodes import bring_takes_home, media_nodes
from dongting.ports import ports_to_look_among

SETTINGS = {
    "REDIS_URL": "redis://127.0.0.1",
    "S3_ENDPOINT": "127.0.0.1:1",
    "S3_ACCESS_KEY": "a",
    "S3_SECRET_KEY": "b",
    "INTERNAL_SECRET": "s" * 32,
    "MEDIA_HTTP_PORT": "8081",
    "MEDIA_UDP_PORT": "8189",
    "SPOOL_FOLDER": "var/spool",
}


def test_one_process_is_as_the_settings_say() -> None:
    (node,) = media_nodes(SETTINGS)
    assert (node.name, node.environment) == ("media", SETTINGS)


def test_several_have_everything_of_their_own_but_the_port_that_clients_know() -> None:
    # when
    nodes = media_nodes({**SETTINGS, "MEDIA_PROCESSES": "3"})
    made = [
        MediaSettings.model_validate({name.lower(): value for name, value in node.environment.items()})
        for node in nodes
    ]

    # then
    assert (
        [node.name for node in nodes] == [settings.node_id for settings in made] == ["media-1", "media-2", "media-3"]
    )
    assert [settings.media_udp_port for settings in made] == [8189, 8190, 8191]
    assert {settings.media_http_port for settings in made} == {8081}
    assert len({settings.media_internal_port for settings in made}) == 3
    assert [s.media_internal_url for s in made] == [f"http://127.0.0.1:{s.media_internal_port}" for s in made]
    assert [settings.spool_folder for settings in made] == ["var/spool", "var/spool-2", "var/spool-3"]


def test_their_own_ports_are_none_of_those_that_other_settings_name() -> None:
    # given: half of all ports are somebody's who does not listen yet
    named = {f"SOME_{port}_PORT": str(port) for port in ports_to_look_among(os.environ)[::2]}

    # when
    nodes = media_nodes({**SETTINGS, **named, "MEDIA_PROCESSES": "20"})

    # then
    own = {node.environment["MEDIA_INTERNAL_PORT"] for node in nodes}
    assert len(own) == 20
    assert not own & set(named.values())


def test_their_own_ports_are_among_those_where_free_ones_are_looked_for() -> None:
    first, *_ = among = ports_to_look_among(os.environ)[:200]
    nodes = media_nodes({**SETTINGS, "MEDIA_PROCESSES": "3", "FREE_PORTS": f"{first}-{among[-1]}"})
    assert {int(node.environment["MEDIA_INTERNAL_PORT"]) for node in nodes} <= set(among)


def test_a_name_of_the_operators_is_kept() -> None:
    nodes = media_nodes({**SETTINGS, "MEDIA_PROCESSES": "2", "NODE_ID": "county"})
    assert [node.environment["NODE_ID"] for node in nodes] == ["county-1", "county-2"]


def test_recordings_of_processes_that_are_gone_come_to_the_first(tmp_path: Path) -> None:
    # given three that recorded, two of them the same stream
    for take in ("spool/a", "spool-2/b", "spool-3/a", "spool-3/c"):
        (tmp_path / take).mkdir(parents=True)
        (tmp_path / take / "journal.jsonl").touch()
    environment = {"SPOOL_FOLDER": str(tmp_path / "spool"), "MEDIA_PROCESSES": "2"}

    # when
    moved = [bring_takes_home(environment), bring_takes_home(environment)]

    # then
    assert moved == [2, 0]
    assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["a", "a.spool-3", "c"]
    assert [path.name for path in (tmp_path / "spool-2").iterdir()] == ["b"]
    assert not (tmp_path / "spool-3").exists()
