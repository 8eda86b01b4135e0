"""Pages of a real browser that publish to and play from the node under test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from playwright.async_api import Browser, Page

from tests.integration.media.conftest import Running

CONNECT = """
async (url, offer, headers) => {
  const all = {'Content-Type': 'application/sdp', ...headers}
  const answer = await fetch(url, {method: 'POST', body: offer, headers: all})
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`)
  window.location_ = new URL(answer.headers.get('Location'), answer.url).href
  window.answer_ = await answer.text()
  await pc.setRemoteDescription({type: 'answer', sdp: window.answer_})
}"""


class Evaluates(Protocol):
    """A page of any browser."""

    async def evaluate(self, ask: str, /) -> Any:
        """Call a function of JavaScript."""


async def page_of(browser: Browser, running: Running) -> Page:
    """A page of its own; any page of this address may use the camera."""
    page = await (await browser.new_context()).new_page()
    await page.goto(running.url("/healthz"))
    return page


async def eventually(
    page: Evaluates, ask: str, holds: Callable[[Any], bool], what: str, seconds: float = 20.0
) -> Any:
    """Ask the page until the answer is right. (Playwright's wait_for_function takes any promise for a yes.)"""
    end = time.monotonic() + seconds
    while True:
        found = await page.evaluate(ask)
        if holds(found):
            return found
        assert time.monotonic() < end, f"waited in vain for {what}; last: {found}"
        await asyncio.sleep(0.05)
