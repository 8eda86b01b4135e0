"""The Firefox of this machine in a network of its own, driven over WebDriver BiDi, which it speaks by itself."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.namespace import Namespace

START_SECONDS = 60.0
ANSWER_SECONDS = 60.0
STOP_SECONDS = 10.0
NAMES = ("firefox-esr", "firefox")
# A fake camera without questions, and no calls home.
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}


def firefox_path() -> str | None:
    """Where it is: what FIREFOX names, else what the machine has."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, NAMES)), None)


class FirefoxPage:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._context = ""
        self._number = 0

    async def open(self, url: str) -> None:
        """Begin, and go to an address."""
        await self._ask("session.new", {"capabilities": {}})
        self._context = (await self._ask("browsingContext.create", {"type": "tab"}))["context"]
        await self._ask("browsingContext.navigate", {"context": self._context, "url": url, "wait": "complete"})

    async def evaluate(self, function: str, argument: object = None) -> Any:
        """Call a function of JavaScript, as Playwright does; its answer must be JSON."""
        called = f"({function})({json.dumps(argument)})"
        expression = f"Promise.resolve({called}).then((found) => JSON.stringify(found ?? null))"
        about = {"expression": expression, "target": {"context": self._context}, "awaitPromise": True}
        answer = await self._ask("script.evaluate", about)
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == self._number:
                    assert message["type"] == "success", message
                    found: dict[str, Any] = message["result"]
                    return found


@asynccontextmanager
async def firefox_page(path: str, folder: Path, namespace: Namespace, url: str) -> AsyncIterator[FirefoxPage]:
    """A Firefox of its own in a namespace, with its profile in `folder`, at an address of the test's.

    On the loopback it gathers no ICE candidates, whatever its preferences say; hence the namespace.
    """
    _make_profile(folder, namespace)
    options = ["--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
    quiet, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    environment = {**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
    process = await asyncio.create_subprocess_exec(
        *namespace.command(path, *options), stdin=quiet, stdout=quiet, stderr=pipe, env=environment
    )
    listening = None
    try:
        address = await _address(process)
        listening = asyncio.create_task(_drain(process))
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=namespace.socket)) as http,
            http.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            page = FirefoxPage(socket)
            await page.open(url)
            yield page
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        if listening is not None:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


def _make_profile(folder: Path, namespace: Namespace) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Pages of ours may use the camera without TLS, as they may on the loopback.
    preferences = {**PREFERENCES, "dom.securecontext.allowlist": namespace.outside}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (folder / "user.js").write_text("\n".join(lines))


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(START_SECONDS):
        while line := (await process.stderr.readline()).decode(errors="replace"):
            if found := re.search(r"BiDi listening on (ws://\S+)", line):
                return found.group(1)
    raise AssertionError("Firefox did not start")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.readline():
        pass
