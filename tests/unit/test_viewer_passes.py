"""Telling media nodes of a ban: what hangs there holds up nobody here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from server.moderation.model import Sanction, SanctionKind
from server.moderation.passes import ViewerPasses


class HangingNodes:
    """A Redis that takes what it is told and never answers."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    async def send_command(self, command: str, fields: dict[str, Any]) -> int:
        self.commands.append(command)
        await asyncio.Event().wait()
        return len(fields)


async def test_a_redis_that_hangs_holds_up_no_ban(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("server.moderation.passes.TELL_SECONDS", 0.01)
    nodes = HangingNodes()
    ban = Sanction(
        room_id="r1",
        user_id="u1",
        user_name="王",
        kind=SanctionKind.BAN,
        until=None,
        reason="ads",
        by_id="h1",
        by_name="张宏",
        at=datetime(2026, 11, 28, tzinfo=UTC),
    )
    # when
    async with asyncio.timeout(10):
        await ViewerPasses(nodes).void(ban)
    # then
    assert nodes.commands == ["void_passes"]
