"""Printing in a process of its own."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.certificates.model import Certificate
from server.certificates.printing import Printer

SECRET = "DONGTING_TEST_SECRET"


def environments_of_children() -> list[bytes]:
    """What the kernel says of the processes that this one has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it is gone, or another's
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                found.append((process / "environ").read_bytes())
    return found


async def test_the_process_that_prints_knows_no_secret_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setenv(SECRET, "not for it")
    certificate = Certificate(
        code="ABCDEFGHJKLM",
        user_id="u",
        holder_name="李明",
        course_id="c",
        course_title="柑橘高产管护",
        teacher_name="张红",
        lesson_count=2,
        total_ms=600_000,
        issued_at=datetime(2026, 11, 28, tzinfo=UTC),
    )
    # when
    printing = asyncio.ensure_future(Printer("").print(certificate, "https://live.example.cn"))
    seen: set[bytes] = set()
    while not printing.done():
        seen.update(await asyncio.to_thread(environments_of_children))
    # then
    assert (await printing).startswith(b"%PDF")
    assert any(b"PATH=" in environment for environment in seen)
    assert not any(SECRET.encode() in environment for environment in seen)
