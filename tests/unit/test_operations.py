"""What `dongting up` gathers before it starts; the table of settings in docs/operations.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import MediaSettings, ServerSettings, SharedSettings, WorkerSettings
from dongting.logfiles import trim
from dongting.machine import SECRET_NAMES, AlreadyRunning, Machine, gather, take_lock
from dongting.settings_table import put_into, rows
from dongting.up import own_servers

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs" / "operations.md"


def make_machine(tmp_path: Path, **environ: str) -> Machine:
    return gather(tmp_path, tmp_path / "var", with_demo=True, environ=environ)


@pytest.fixture(autouse=True)
def a_folder(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()


def test_the_table_of_settings_is_that_of_the_code() -> None:
    document = OPERATIONS.read_text("utf-8")
    assert put_into(document) == document, "run: python -m dongting settings --write"


def test_every_setting_is_in_the_table() -> None:
    kinds: tuple[type[SharedSettings], ...] = (ServerSettings, MediaSettings, WorkerSettings)
    assert {row.name for row in rows()} == {field.upper() for kind in kinds for field in kind.model_fields}


@pytest.mark.parametrize("kind", [ServerSettings, MediaSettings, WorkerSettings])
def test_what_is_gathered_is_enough_for_each_process(tmp_path: Path, kind: type[SharedSettings]) -> None:
    machine = make_machine(tmp_path)
    assert kind.model_validate({name.lower(): value for name, value in machine.environment.items()})


def test_nothing_is_written_outside_the_data_folder(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    for kind in (ServerSettings, MediaSettings, WorkerSettings):
        for field in kind.model_fields:
            if field.endswith("_folder") and field != "web_folder":
                assert Path(machine.environment[field.upper()]).is_relative_to(machine.var), field


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first, second = make_machine(tmp_path), make_machine(tmp_path)
    assert first.secrets == second.secrets
    assert set(first.secrets) == set(SECRET_NAMES)
    assert (tmp_path / "var" / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_the_environment_wins_over_the_file_and_the_file_over_what_is_made(tmp_path: Path) -> None:
    (tmp_path / "dongting.env").write_text("SERVER_PORT=9001\nMEDIA_HTTP_PORT=9002\n# a comment\n")
    machine = make_machine(tmp_path, MEDIA_HTTP_PORT="9003")
    assert machine.environment["SERVER_PORT"] == "9001"
    assert machine.environment["MEDIA_HTTP_PORT"] == "9003"
    assert machine.environment["AUTHORIZE_URL"] == "http://127.0.0.1:9001/internal/publish"


@pytest.mark.parametrize(
    ("setting", "value", "server"),
    [
        ("MONGODB_URI", "mongodb://db.example.cn/?replicaSet=a", "mongod"),
        ("REDIS_URL", "redis://redis.example.cn/0", "redis"),
        ("S3_ENDPOINT", "s3.example.cn:443", "seaweedfs"),
    ],
)
def test_a_server_of_ones_own_replaces_the_bundled_one(tmp_path: Path, setting: str, value: str, server: str) -> None:
    machine = make_machine(tmp_path, **{setting: value})
    assert machine.environment[setting] == value
    assert server not in {program.name for program in own_servers(machine)}
    assert len(own_servers(machine)) == 2


def test_keys_of_the_bundled_store_are_not_offered_to_anothers(tmp_path: Path) -> None:
    assert "S3_ACCESS_KEY" not in make_machine(tmp_path, S3_ENDPOINT="s3.example.cn:443").environment


def test_without_the_demo_nobody_pays_with_play_money(tmp_path: Path) -> None:
    assert make_machine(tmp_path, DEMO="false").environment["PAYMENT_SANDBOX"] == "false"
    assert make_machine(tmp_path).environment["PAYMENT_SANDBOX"] == "true"


def test_ports_of_inner_servers_are_remembered(tmp_path: Path) -> None:
    assert make_machine(tmp_path).own == make_machine(tmp_path).own


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    take_lock(tmp_path)
    with pytest.raises(AlreadyRunning, match="already running"):
        take_lock(tmp_path)


def test_a_log_that_grew_too_large_begins_anew_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        assert trim(log, limit=50)
        writer.write(b"y")
    assert log.read_bytes() == b"y"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 100
    assert not trim(log, limit=50)
