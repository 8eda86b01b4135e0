"""A test's own network reaches this machine and no other, and is gone with the test, however that ends."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from media.transport.addresses import interface_addresses
from tests.harness.namespace import NoNamespace, network_namespace
from tests.integration.media.clients import WAIT_SECONDS, until

ROOT = Path(__file__).parents[2]
# Holds one, with a process in it, until it is killed.
HOLD = """
import subprocess
from tests.harness.namespace import network_namespace
with network_namespace() as namespace:
    inner = subprocess.Popen(namespace.command('sleep', '600'))
    print(namespace.outside, inner.pid, flush=True)
    inner.wait()
"""


@pytest.fixture(autouse=True)
def can_be_made() -> None:
    """A machine where none can be made skips these."""
    try:
        with network_namespace():
            pass
    except NoNamespace as error:
        pytest.skip(str(error))


def test_who_is_within_reaches_this_machine_and_no_other() -> None:
    # given
    with network_namespace() as namespace, socket.create_server((namespace.outside, 0)) as server:
        # when
        with namespace.socket((socket.AF_INET, socket.SOCK_STREAM, 0)) as within:
            within.settimeout(WAIT_SECONDS)
            within.connect(server.getsockname())
            address = within.getsockname()[0]
        ways = subprocess.run(namespace.command("ip", "route"), capture_output=True, text=True, check=True).stdout

        # then
        assert address == namespace.inside
        assert len(ways.splitlines()) == 1
        assert "default" not in ways


def test_two_stand_beside_each_other() -> None:
    with network_namespace() as one, network_namespace() as other:
        assert len({one.outside, one.inside, other.outside, other.inside}) == 4


def test_a_failure_leaves_nothing_behind() -> None:
    # given
    outside = ""

    def fail() -> None:
        nonlocal outside
        with network_namespace() as namespace:
            outside = namespace.outside
            assert outside not in interface_addresses(), "a fault in the midst of it"

    # when
    with pytest.raises(AssertionError, match="in the midst"):
        fail()

    # then
    assert outside not in interface_addresses()


async def test_a_kill_leaves_nothing_behind() -> None:
    # given
    pipe = asyncio.subprocess.PIPE
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLD, cwd=ROOT, stdout=pipe)
    assert holder.stdout is not None
    outside, inner = (await asyncio.wait_for(holder.stdout.readline(), WAIT_SECONDS)).decode().split()
    assert outside in interface_addresses()

    # when
    holder.kill()
    await holder.wait()

    # then
    await until(lambda: outside not in interface_addresses(), "the link to go")
    await until(lambda: has_ended(int(inner)), "the process within to end")


def has_ended(process: int) -> bool:
    """Whether it runs no more; where nobody reaps orphans, its entry stays."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
