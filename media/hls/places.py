"""Who may take how much of something at once: all together, and one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from media.problems import crowded

ONE_ADDRESS_SHARE = 4  # one address may take a quarter


class Places:
    """So many places to wait in, or so many bytes to hold. What several hold together takes its place once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._of: Counter[str] = Counter()
        self._holders: Counter[Hashable] = Counter()

    @contextmanager
    def take(self, client: str, size: int = 1, what: Hashable = None) -> Iterator[None]:
        """Take so much until the end. `what`: its name, if others may hold the same.

        Raises:
            Problem: 503, there is not so much left.
        """
        held = object() if what is None else what
        more = 0 if held in self._holders else size
        if self._taken + more > self._most or self._of[client] + size > self._most // ONE_ADDRESS_SHARE:
            raise crowded()
        self._taken += more
        self._of[client] += size
        self._holders[held] += 1
        try:
            yield
        finally:
            self._leave(client, size, held)

    def _leave(self, client: str, size: int, held: Hashable) -> None:
        self._of[client] -= size
        if not self._of[client]:
            del self._of[client]
        self._holders[held] -= 1
        if not self._holders[held]:
            del self._holders[held]
            self._taken -= size
