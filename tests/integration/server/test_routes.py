"""PROTOCOL.md and the server's routes say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from aiohttp import hdrs, web

from config.settings import ServerSettings
from server.app import open_app

PROTOCOL = Path(__file__).parents[3] / "server" / "PROTOCOL.md"
CALL = re.compile(r"((?:`[A-Z]+`, )*)`([A-Z]+) (/(?:api|files)/[^`\s?]*)[^`]*`((?:, `…/\w+`)*)")

Calls = set[tuple[str, str]]


def place_of(path: str) -> str:
    """An address whose places have no names: the document may call them something else."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def documented() -> Iterator[tuple[str, str]]:
    """Every method and address that is written as a call, also ``GET`, `PUT /api/…`` and ``…/cancel`, `…/retry``."""
    for others, method, path, ends in CALL.findall(PROTOCOL.read_text("utf-8")):
        paths = [path, *(path.rsplit("/", 1)[0] + end for end in re.findall(r"/\w+", ends))]
        for each in paths:
            yield from ((verb, place_of(each)) for verb in (*re.findall(r"\w+", others), method))


def served(routes: Iterable[web.AbstractRoute]) -> Iterator[tuple[str, str]]:
    """Every call that the application answers; HEAD comes with GET by itself."""
    for route in routes:
        path = route.resource.canonical if route.resource else ""
        if path.startswith(("/api/", "/files/")):
            yield route.method, place_of(path)


def without_head(calls: Calls) -> Calls:
    """HEAD where there is no GET only: aiohttp answers it wherever there is one."""
    return {(verb, path) for verb, path in calls if verb != hdrs.METH_HEAD or (hdrs.METH_GET, path) not in calls}


async def test_every_call_of_the_api_is_documented_and_every_documented_one_is_there(
    load_settings: Callable[[type[ServerSettings]], ServerSettings],
) -> None:
    async with open_app(load_settings(ServerSettings)) as app:
        answered = without_head(set(served(app.router.routes())))

    assert without_head(set(documented())) == answered
