"""The servers that tests and `dongting up` start: they work, survive a kill, and keep tests apart."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from pymongo import AsyncMongoClient, MongoClient
from redis import Redis

from config.bus import Bus
from config.conditional import ObjectChanged
from config.objects import S3Objects
from config.settings import MediaSettings, ServerSettings, SharedSettings, WorkerSettings
from server.infra.transactions import LIFETIME_LIMIT_SECONDS
from tests.harness.data_servers import DataServers, Environment


async def test_a_transaction_spans_two_collections(environment: Environment) -> None:
    # given
    async with AsyncMongoClient[dict[str, object]](environment["MONGODB_URI"]) as client:
        database = client[environment["MONGODB_DATABASE"]]
        # when
        async with client.start_session() as session, await session.start_transaction():
            await database["orders"].insert_one({"_id": 1}, session=session)
            await database["stock"].insert_one({"_id": 1}, session=session)
        # then
        assert await database["orders"].count_documents({}) == await database["stock"].count_documents({}) == 1


def test_a_mongod_that_was_killed_still_frees_soon_what_a_killed_process_had_locked(tmp_path: Path) -> None:
    # given
    servers = DataServers(tmp_path)
    try:
        mongod = servers.child("mongodb")
        # when
        mongod.kill()
        mongod.start()
        mongod.wait_ready()
        # then
        with MongoClient[dict[str, object]](servers.mongodb_uri) as client:
            found = client.admin.command("getParameter", 1, transactionLifetimeLimitSeconds=1)
        assert found["transactionLifetimeLimitSeconds"] == LIFETIME_LIMIT_SECONDS
    finally:
        servers.close()


async def test_an_object_is_written_and_read_in_part(objects: S3Objects) -> None:
    await objects.put("public/a.txt", b"0123456789", "text/plain")
    assert b"".join([chunk async for chunk in objects.read("public/a.txt", 2, 3)]) == b"234"
    assert await objects.list_keys("public/") == ["public/a.txt"]


async def test_of_all_who_write_over_the_same_object_one_wins(objects: S3Objects) -> None:
    async def write(text: str, etag: str | None) -> bool:
        try:
            await objects.put_over("notes/a.txt", text.encode(), "text/plain", etag)
        except ObjectChanged:
            return False
        return True

    # given
    assert sum(await asyncio.gather(*(write(f"first {n}", None) for n in range(6)))) == 1
    read = await objects.get_tagged("notes/a.txt")
    assert read.body.startswith(b"first")
    # when, then
    assert sum(await asyncio.gather(*(write(f"second {n}", read.etag) for n in range(6)))) == 1
    assert not await write("third", read.etag)
    assert not await write("third", None)
    assert (await objects.get("notes/a.txt")).startswith(b"second")
    # and what is gone meanwhile is not written anew
    newest = await objects.get_tagged("notes/a.txt")
    await objects.delete_prefix("notes/")
    assert not await write("fourth", newest.etag)


async def test_two_processes_may_make_the_bucket_at_once(
    load_settings: Callable[[type[SharedSettings]], SharedSettings],
) -> None:
    settings = load_settings(SharedSettings)
    async with S3Objects(settings) as one, S3Objects(settings) as other:
        await asyncio.gather(one.make_bucket(), other.make_bucket(), one.make_bucket(), other.make_bucket())
        await one.put("public/a.txt", b"a", "text/plain")
        assert await other.get("public/a.txt") == b"a"


async def test_a_lease_is_seen_by_prefix(bus: Bus) -> None:
    await bus.set_lease("node:a", {"node_id": "a"}, 30)
    assert await bus.leases("node:") == {"node:a": {"node_id": "a"}}


async def test_the_next_test_sees_nothing_of_it(bus: Bus, objects: S3Objects) -> None:
    assert await bus.leases("") == {}
    assert await objects.list_keys("") == []


def test_every_kind_of_settings_loads(load_settings: Callable[[type], object]) -> None:
    for kind in (ServerSettings, MediaSettings, WorkerSettings):
        assert load_settings(kind)


async def test_what_was_written_survives_a_kill(
    data_servers: DataServers, environment: Environment, objects: S3Objects, bus: Bus
) -> None:
    # given
    with MongoClient[dict[str, object]](environment["MONGODB_URI"], w="majority", journal=True) as client:
        client[environment["MONGODB_DATABASE"]]["orders"].insert_one({"_id": "kept"})
        await objects.put("public/kept", b"kept", "text/plain")
        await bus.set_lease("kept", {"kept": True}, 300)
        # when
        for name in ("mongodb", "redis", "s3"):
            child = data_servers.child(name)
            child.kill()
            child.start()
            child.wait_ready()
        # then
        assert client[environment["MONGODB_DATABASE"]]["orders"].find_one() == {"_id": "kept"}
        assert await objects.get("public/kept") == b"kept"
        assert await bus.leases("kept") == {"kept": {"kept": True}}


def test_a_server_that_falls_costs_one_test_and_is_spoken_of(tmp_path: Path) -> None:
    # given
    said: list[str] = []
    servers = DataServers(tmp_path, say=said.append)
    try:
        redis = servers.child("redis")
        assert redis.pid
        # when it dies, and nobody has asked it to
        os.kill(redis.pid, signal.SIGKILL)
        os.waitid(os.P_PID, redis.pid, os.WEXITED | os.WNOWAIT)  # has ended, and is not collected
        # then whoever needs it next has it
        with Redis.from_url(servers.redis_url()) as client:
            assert client.ping()
        assert len(said) == 1
        assert "redis was killed by SIGKILL" in said[0]
        assert "Ready to accept connections" in said[0]  # its log
    finally:
        servers.close()


def test_a_server_that_a_failed_test_has_killed_is_there_for_the_next(
    data_servers: DataServers, tmp_path: Path
) -> None:
    data_servers.child("redis").kill()
    environment = data_servers.new_environment(tmp_path)
    with Redis.from_url(environment["REDIS_URL"]) as client:
        assert client.ping()
    data_servers.forget(environment)
