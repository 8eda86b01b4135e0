"""The sandbox's own side: a till at which the buyer presses the button, and the callbacks that it sends over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import aiohttp

from config.clock import Clock
from config.logs import logger
from server.errors import NotFound
from server.payments.sandbox.bill import Bill, Manner, first_try, next_try
from server.payments.sandbox.provider import SIGNATURE_HEADER, sign

log = logger(__name__)

CALLBACK_TIMEOUT_SECONDS = 5.0
CALLBACKS_IN_ONE_ROUND = 20


class Bills(Protocol):
    """What the sandbox keeps."""

    async def get(self, bill_id: str) -> Bill | None: ...
    async def pay(
        self, bill_id: str, callback_url: str, now: datetime, send_at: datetime | None, manner: Manner
    ) -> Bill | None: ...
    async def due(self, now: datetime) -> Bill | None: ...
    async def count_try(self, bill: Bill, send_at: datetime | None) -> bool: ...
    async def mark_sent(self, bill_id: str) -> None: ...


class Till:
    """Takes no money, and says so. A callback that does not arrive is sent again, with growing pauses.

    Real providers' callbacks come late, twice, in the wrong order or never; so do these, if the buyer asks for it.
    """

    def __init__(self, bills: Bills, secret: str, clock: Clock) -> None:
        self._bills = bills
        self._secret = secret
        self._clock = clock

    async def look(self, bill_id: str) -> Bill:
        """One bill. Raises NotFound."""
        bill = await self._bills.get(bill_id)
        if bill is None:
            raise NotFound("there is no such payment", code="unknown_payment")
        return bill

    async def pay(self, bill_id: str, callback_url: str, manner: Manner = Manner.PROMPT) -> Bill:
        """The buyer presses the button; pressing twice pays once. Raises NotFound."""
        bill = await self.look(bill_id)
        now = self._clock.now()
        paid = await self._bills.pay(bill_id, callback_url, now, first_try(manner, now), manner)
        if paid is not None and manner not in {Manner.LATE, Manner.NEVER}:
            await self._send(paid)
        return paid or bill

    async def sweep(self) -> None:
        """Send again what did not arrive."""
        for _ in range(CALLBACKS_IN_ONE_ROUND):
            now = self._clock.now()
            bill = await self._bills.due(now)
            if bill is None:
                return
            if await self._bills.count_try(bill, next_try(bill.tries + 1, now)):
                await self._send(bill)

    async def _send(self, bill: Bill) -> None:
        timeout = aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                for body in bill.callbacks:
                    await self._call_back(session, bill.callback_url or "", body)
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            log.warning("sandbox callback did not arrive", payment=bill.id, tries=bill.tries, reason=reason)
        else:
            await self._bills.mark_sent(bill.id)

    async def _call_back(self, session: aiohttp.ClientSession, url: str, body: bytes) -> None:
        signature = sign(self._secret, body, self._clock.now())
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            response.raise_for_status()
