"""How often one address may ask for something: token buckets in memory, a bounded number of them."""

from __future__ import annotations

from collections import OrderedDict

MOST_ADDRESSES = 10_000  # some 2 MB of buckets


class Rate:
    """A bucket for each address: it holds a minute's worth, and is filled again as time goes by.

    At most MOST_ADDRESSES are kept; the one not heard of for longest is forgotten, which fills its bucket.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> tokens, counted when

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str, now: float) -> float:
        """Take one token; or answer after how many seconds there will be one, and take nothing."""
        tokens, counted_at = self._buckets.get(client, (self._most, now))
        tokens = min(self._most, tokens + max(0.0, now - counted_at) * self._per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._per_second
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return wait
