"""`dongting role`, as whoever has the machine types it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from config.settings import ServerSettings
from dongting.machine import gather, remembered
from server.accounts.model import Role
from server.wiring import open_services
from tests.harness.data_servers import Environment

ROOT = Path(__file__).parents[2]
PASSWORD = "a long password"
LoadSettings = Callable[[type[ServerSettings]], ServerSettings]


async def role(environment: Environment, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dongting", "role", *words),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_somebody_becomes_an_operator_and_is_none_any_more(
    environment: Environment, load_settings: LoadSettings
) -> None:
    async with open_services(load_settings(ServerSettings), with_sockets=False) as services:
        # given
        await services.accounts.register("liming", PASSWORD, "李明", None)

        # when, then
        code, said = await role(environment, "LiMing", "operator")
        assert (code, "李明 (liming): operator, viewer" in said) == (0, True), said
        assert (await services.accounts.get_by_name("liming")).roles == {Role.VIEWER, Role.OPERATOR}
        assert (await role(environment, "liming", "operator", "--take"))[0] == 0
        assert (await services.accounts.get_by_name("liming")).roles == {Role.VIEWER}


async def test_a_new_host_gets_a_room_and_says_so_if_it_is_missing(
    environment: Environment, load_settings: LoadSettings
) -> None:
    async with open_services(load_settings(ServerSettings), with_sockets=False) as services:
        # given
        user = await services.accounts.register("wangfang", PASSWORD, "王芳", None)

        # when, then
        code, said = await role(environment, "wangfang", "host")
        assert (code, "--room" in said) == (1, True), said
        assert (await services.accounts.get_by_name("wangfang")).roles == {Role.VIEWER}
        code, said = await role(environment, "wangfang", "host", "--room", "wang", "--merchant", "君山茶社")
        assert code == 0, said
        room = (await services.rooms.look("wang")).room
        assert (room.host_id, room.title) == (user.id, "君山茶社")
        assert await services.catalog.merchant_of(user) == room.merchant_id
        # and nobody else gets that address, nor a role by it
        await services.accounts.register("liming", PASSWORD, "李明", None)
        code, said = await role(environment, "liming", "host", "--room", "wang", "--merchant", "别家")
        assert (code, "taken" in said) == (1, True), said


async def test_an_unknown_name_and_a_role_that_does_not_exist_are_refused(environment: Environment) -> None:
    assert (await role(environment, "nobody-here", "operator"))[0] == 1
    assert (await role(environment, "nobody-here", "emperor"))[0] == 2


def test_the_settings_of_an_installation_are_found_while_it_runs(tmp_path: Path) -> None:
    # given an installation whose database has its port
    machine = gather(ROOT, tmp_path, with_demo=False, environ={})
    with socket.create_server(("127.0.0.1", machine.own["mongodb"][0])):
        # when
        found = remembered(ROOT, tmp_path, {})

    # then
    names = ["MONGODB_URI", "REDIS_URL", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "INTERNAL_SECRET"]
    assert {name: found[name] for name in names} == {name: machine.environment[name] for name in names}
    assert remembered(ROOT, tmp_path / "empty", {}) == {}
