"""Searches are counted alike, whatever is searched: of a person, or else of a guest's address."""

from __future__ import annotations

from typing import Protocol

from server.infra.visitors import is_persons_address

SEARCHING = "60/minute"  # of one person
GUESTS_SEARCHING = "120/minute"  # of one address: a village may share one


class Limits(Protocol):
    """Counts what somebody does."""

    async def check(self, limit: str, *who: str) -> None: ...


async def count_search(limits: Limits, what: str, user_id: str | None, address: str) -> None:
    """One more search for `what`. Raises TooManyRequests."""
    if user_id is not None:
        await limits.check(SEARCHING, what, user_id)
    elif is_persons_address(address):
        await limits.check(GUESTS_SEARCHING, f"{what}-address", address)
