"""The compose file and the application speak of the same settings, processes and ports."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import MediaSettings, ServerSettings, SharedSettings, WorkerSettings
from server.infra.transactions import LIFETIME_LIMIT_SECONDS

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
KIND: dict[str, type[SharedSettings]] = {
    "server": ServerSettings,
    "media": MediaSettings,
    "worker": WorkerSettings,
}
OTHERS = {"mongodb", "redis", "seaweedfs", "caddy", "coturn"}
VARIABLE = re.compile(r"\$\{(\w+)(:[?-])?")
EXAMPLE = {
    "DONGTING_DOMAIN": "live.example.cn",
    "PUBLIC_IP": "192.0.2.7",
    "INTERNAL_SECRET": "i" * 64,
    "REDIS_PASSWORD": "r" * 64,
    "S3_ACCESS_KEY": "a" * 64,
    "S3_SECRET_KEY": "s" * 64,
    "TURN_SECRET": "t" * 64,
}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services as Compose sees them, with the values of EXAMPLE."""

    def value(match: re.Match[str]) -> str:
        name, default = match[1], match[2] or ""
        return EXAMPLE.get(name, default.removeprefix(":-") if default.startswith(":-") else "")

    text = re.sub(r"\$\{(\w+)(:[?-][^}]*)?\}", value, COMPOSE.read_text("utf-8"))
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return loaded


def test_every_process_and_server_is_there(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == set(KIND) | OTHERS


def test_mongod_frees_soon_what_a_killed_process_had_locked(services: dict[str, dict[str, Any]]) -> None:
    assert f"transactionLifetimeLimitSeconds={LIFETIME_LIMIT_SECONDS}" in services["mongodb"]["command"]


@pytest.mark.parametrize("name", KIND)
def test_a_process_gets_only_settings_that_it_knows(services: dict[str, dict[str, Any]], name: str) -> None:
    known = {field.upper() for field in KIND[name].model_fields}
    assert set(services[name]["environment"]) <= known


@pytest.mark.parametrize("name", KIND)
def test_a_process_starts_with_its_settings(
    services: dict[str, dict[str, Any]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for field in KIND[name].model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    given = {
        field.lower(): value for field, value in services[name]["environment"].items() if value not in ("", None)
    }
    assert KIND[name].model_validate(given)


def test_processes_are_asked_at_the_ports_of_their_settings(services: dict[str, dict[str, Any]]) -> None:
    ports = {
        "server": ServerSettings.model_fields["server_port"].default,
        "media": MediaSettings.model_fields["media_http_port"].default,
        "worker": WorkerSettings.model_fields["worker_metrics_port"].default,
    }
    for name, port in ports.items():
        assert f"127.0.0.1:{port}/readyz" in str(services[name]["healthcheck"]["test"])
    port = MediaSettings.model_fields["media_udp_port"].default
    assert services["media"]["ports"] == [f"{port}:{port}/udp", f"{port}:{port}/tcp"]
    front = (ROOT / "config" / "Caddyfile").read_text("utf-8")
    assert f"server:{ports['server']}" in front
    assert f"media:{ports['media']}" in front
    assert services["media"]["environment"]["AUTHORIZE_URL"].startswith(f"http://server:{ports['server']}/")


def test_every_service_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    assert all("healthcheck" in service for service in services.values())


def test_data_lives_in_volumes(services: dict[str, dict[str, Any]]) -> None:
    for name in ("mongodb", "redis", "seaweedfs", "media", "caddy"):
        assert services[name]["volumes"], name


def test_what_is_not_for_the_outside_is_not_reachable_there(services: dict[str, dict[str, Any]]) -> None:
    for name in ("mongodb", "redis", "seaweedfs"):
        assert services[name]["networks"] == ["inside"]
        assert "ports" not in services[name]


def test_secrets_are_required_and_asked_for_in_the_example() -> None:
    text = COMPOSE.read_text("utf-8")
    asked = {line.split("=")[0] for line in (ROOT / ".env.example").read_text("utf-8").splitlines() if "=" in line}
    variables = {match[1]: match[2] for match in VARIABLE.finditer(text)}
    assert set(variables) == asked
    assert all(variables[name] == ":?" for name in EXAMPLE)


def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    command = next(
        (found for found in (["docker", "compose"], ["docker-compose"]) if runs([*found, "version"])), None
    )
    if command is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is on this machine")
    settings = tmp_path / "env"
    settings.write_text("".join(f"{name}={value}\n" for name, value in EXAMPLE.items()))
    arguments = ["--env-file", str(settings), "-f", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def runs(command: list[str]) -> bool:
    """Whether it is there."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
