"""How busy a node says it is."""

from __future__ import annotations

import pytest

from media.cluster.load import CpuShare


def test_the_share_is_of_the_time_since_the_last_look() -> None:
    cpu = CpuShare(now=100.0, used=5.0)
    assert cpu.look(103.0, 6.5) == 0.5
    assert not cpu.is_busy
    assert cpu.look(105.0, 8.3) == pytest.approx(0.9)
    assert cpu.is_busy


def test_a_moment_says_nothing() -> None:
    cpu = CpuShare(now=100.0, used=5.0)
    cpu.look(110.0, 6.0)
    assert cpu.look(110.2, 6.2) == pytest.approx(0.1)
