"""Fixtures for every test: real servers on free ports, settings that load, a check that nothing is left running."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
from _pytest.capture import CaptureManager
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from config.bus import Bus, open_bus
from config.objects import S3Objects
from config.settings import MediaSettings, SharedSettings
from dongting import ports
from server.accounts import service as accounts
from tests.harness.data_servers import DataServers, Environment
from tests.harness.indexes import kept_indexes
from tests.harness.processes import RUNNING

S = TypeVar("S", bound=SharedSettings)

# How long an example takes, or takes to draw, says nothing on a busy machine.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Processes that share the tests, and what each starts, look for free ports in parts of their own: what one has found
# the others can't take.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if WORKER:
    among = ports.ports_to_look_among(os.environ)
    share = len(among) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    own = among[int(WORKER.removeprefix("gw")) * share :][:share]
    os.environ[ports.SETTING] = f"{own[0]}-{own[-1]}"

# What is collected stays: to look for rubbish among it takes a fifth of the collecting.
gc.disable()

HANGS_SECONDS = 100.0  # more than twice what the longest test takes on two cores
LINES_OF_LOG, LETTERS_OF_LINE = 40, 400

TESTS = Path(__file__).parent
MARKED_FOLDERS = ("integration", "browser")
WITH_BROWSER = (TESTS / "browser", TESTS / "integration" / "media")  # where the Makefile looks for these marks
MARKS_WITH_BROWSER = ("alone", "pictures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and order them; coroutine tests must leave no task behind.

    For a person who waits quick ones are first; processes that share the tests begin with the long ones. Playwright
    keeps an event loop of its own in a process that has opened a page of `browser`, so those are last everywhere.
    """
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in MARKED_FOLDERS:
            item.add_marker(folder)
        if folder == "browser" and shows_pictures(item):
            item.add_marker("pictures")
        if any(map(item.get_closest_marker, MARKS_WITH_BROWSER)) and not set(item.path.parents) & set(WITH_BROWSER):
            raise pytest.UsageError(f"{item.nodeid}: no make target runs its mark there; see WITH_BROWSER")
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.fixturenames[:0] = ["no_task_waits_for_ever", "no_task_is_left"]
    order = ("integration", "unit", "browser") if WORKER else ("unit", "integration", "browser")

    def place(item: pytest.Item) -> tuple[int, bool]:
        folder = item.path.relative_to(TESTS).parts[0]
        return order.index(folder if folder in order else "unit"), item.get_closest_marker("long") is None

    items.sort(key=place)


def shows_pictures(journey: pytest.Item) -> bool:
    """Whether a media node runs in it; other journeys don't mind who works beside them."""
    needed = journey.get_closest_marker("processes")
    return needed is None or "media" in needed.args


def pytest_collection_finish() -> None:
    """What is here now stays; thousands of collected tests are not looked at for rubbish again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Whoever reads of a test that failed sees what its processes had said last."""
    report = yield
    for child in RUNNING if report.failed else ():
        said = (line[:LETTERS_OF_LINE] for line in child.last_lines(LINES_OF_LOG))
        report.sections.append((f"Last lines of {child.program.log.name}", "\n".join(said)))
    return report


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords are hashed as ever, but a thousand times as fast; a test of accounts has the hashes of earnest."""
    with pytest.MonkeyPatch.context() as patch:
        quick = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(accounts, "PasswordHasher", quick)
        yield


@pytest.fixture(scope="session", autouse=True)
def indexes_are_kept() -> Iterator[None]:
    """What `forget` leaves in a database needs not be made again."""
    with kept_indexes():
        yield


@pytest_asyncio.fixture
async def no_task_waits_for_ever() -> AsyncIterator[None]:
    """Fails a test that hangs, where it hangs; what blocks its thread is left to `faulthandler_timeout`."""

    def end() -> None:
        for task in asyncio.all_tasks():
            task.cancel(f"nothing came of it for {HANGS_SECONDS:.0f} s")

    late = asyncio.get_running_loop().call_later(HANGS_SECONDS, end)
    yield
    late.cancel()


@pytest_asyncio.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    """Fails a test whose tasks outlive its fixtures."""
    yield
    await asyncio.sleep(0)  # what was cancelled a moment ago ends now
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, f"tasks are still running: {left}"


@pytest.fixture(scope="session")
def data_servers(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[DataServers]:
    """MongoDB, Redis and S3; nothing is started until it is asked for."""
    capture: CaptureManager = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say_aloud(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n{WORKER} {text}\n")

    servers = DataServers(tmp_path_factory.mktemp("servers"), say=say_aloud)
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def mongodb_uri(data_servers: DataServers) -> str:
    """A real replica set of one. Shared: use a database of your own name."""
    return data_servers.mongodb_uri


@pytest.fixture(scope="session")
def redis_url(data_servers: DataServers) -> str:
    """A real Redis. Shared: `environment` has a database that is yours alone."""
    return data_servers.redis_url()


@pytest.fixture(scope="session")
def s3_env(data_servers: DataServers) -> Environment:
    """S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY of a real S3 server. Shared: use a bucket of your own name."""
    return data_servers.s3_environment()


@pytest.fixture
def environment(data_servers: DataServers, tmp_path: Path) -> Iterator[Environment]:
    """The settings of an installation that only this test sees: database, bucket, Redis database, ports, folders."""
    made = data_servers.new_environment(tmp_path)
    yield made
    data_servers.forget(made)


@pytest.fixture
def load_settings(environment: Environment) -> Callable[[type[S]], S]:
    """Settings of any kind from `environment`: `load_settings(ServerSettings)`."""

    def load(kind: type[S]) -> S:
        return kind.model_validate({name.lower(): value for name, value in environment.items()})

    return load


@pytest_asyncio.fixture
async def objects(load_settings: Callable[[type[SharedSettings]], SharedSettings]) -> AsyncIterator[S3Objects]:
    """The object store of `environment`, its bucket made."""
    async with S3Objects(load_settings(SharedSettings)) as store:
        await store.make_bucket()
        yield store


@pytest_asyncio.fixture
async def bus(load_settings: Callable[[type[SharedSettings]], SharedSettings]) -> AsyncIterator[Bus]:
    """The event bus of `environment`."""
    async with open_bus(load_settings(MediaSettings)) as opened:
        yield opened
