"""A role that is given or taken holds at once, also for pages that are open on another server."""

from __future__ import annotations

import asyncio

from server.accounts.model import Role
from tests.harness.app import WAIT_SECONDS, Page, RunningServer
from tests.integration.server.conftest import PASSWORD, Stall
from tests.integration.server.test_ban_at_once import NewPage, come, elsewhere

__all__ = ["elsewhere"]


async def test_who_is_operator_no_more_keeps_no_order_on_any_server(
    server: RunningServer, elsewhere: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given: an operator's page on one server, in a room
    accounts = server.services.accounts
    operator = await accounts.register("wangli", PASSWORD, "王丽", None, roles=frozenset({Role.OPERATOR}))
    viewer = await accounts.register("liming", PASSWORD, "李明", None)
    async with Page.open(elsewhere.url) as page:
        await come(page, "wangli")
        assert (await page.say("mute", user_id=viewer.id, minutes=1))["ok"]

        # when the role is taken at another one
        await accounts.take_role(operator, Role.OPERATOR)

        # then the page has to connect anew, as a viewer
        assert (await page.hear("roles"))["roles"] == []
        async with asyncio.timeout(WAIT_SECONDS):
            await page.socket.wait()
        await page.connect()
        assert (await page.say("join", slug="zhang"))["ok"]
        assert (await page.say("mute", user_id=viewer.id, minutes=1))["error"] == "not_allowed"
