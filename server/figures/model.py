"""Numbers of a broadcast and of a sale in it, and how a long time becomes a short row of bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.flash.model import Sale
from server.orders.model import BOUGHT, OrderState

BARS = 60  # more are thinner than a hair on a phone
NOW_SECONDS = 5  # "orders a second now" is the mean of so many


@dataclass(frozen=True, slots=True)
class OrderSums:
    """Orders by what became of them. `paid_fen`: what came in and stays."""

    placed: int
    held: int
    paid: int
    paid_fen: int


@dataclass(frozen=True, slots=True)
class SaleCounts:
    """What the records say of a sale: orders by state, and by seconds since its opening."""

    sums: OrderSums
    buyers: int
    by_second: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SaleFigures:
    """A sale in numbers.

    `bars`: orders in each `bar_seconds` since it opened. `most_viewers`: at once, while it was on.
    """

    sale_id: str
    sums: OrderSums
    buyers: int
    most_viewers: int
    per_second: float
    bar_seconds: int
    bars: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """How many were in a room at a moment."""

    at: datetime
    viewers: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A broadcast in numbers, with the sale that is on in it, or was the last."""

    stream_id: str
    orders: OrderSums
    viewers: tuple[Sample, ...]
    sale: SaleFigures | None


def sums_of(groups: Mapping[OrderState, tuple[int, int]]) -> OrderSums:
    """From how many orders there are of each state, and what they cost together."""
    return OrderSums(
        placed=sum(count for count, _ in groups.values()),
        held=groups.get(OrderState.HELD, (0, 0))[0],
        paid=sum(groups.get(state, (0, 0))[0] for state in BOUGHT),
        paid_fen=sum(groups.get(state, (0, 0))[1] for state in BOUGHT),
    )


def bar_seconds(lasts: timedelta) -> int:
    """How long one bar is, so that a sale that lasts so long has at most BARS."""
    return max(1, -(-int(lasts.total_seconds()) // BARS))


def sale_figures(sale: Sale, counts: SaleCounts, viewers: Sequence[Sample], now: datetime) -> SaleFigures:
    """Put together what the records say of a sale at this moment."""
    opens_at, closes_at = sale.opens_at, sale.closes_at
    until = min(now, closes_at)
    width = bar_seconds(closes_at - opens_at)
    past = max(0, int((until - opens_at).total_seconds()))
    bars = [0] * min(BARS, past // width + 1)
    for second, orders in counts.by_second.items():
        bars[min(max(0, second) // width, len(bars) - 1)] += orders
    lately = sum(orders for second, orders in counts.by_second.items() if second >= past - NOW_SECONDS)
    during = [sample.viewers for sample in viewers if opens_at <= sample.at <= closes_at]
    return SaleFigures(
        sale_id=sale.id,
        sums=counts.sums,
        buyers=counts.buyers,
        most_viewers=max([counts.buyers, *during]),
        per_second=0.0 if now >= closes_at else round(lately / min(NOW_SECONDS, max(1, past)), 1),
        bar_seconds=width,
        bars=tuple(bars),
    )


def thinned(samples: Sequence[Sample], most: int) -> tuple[Sample, ...]:
    """At most so many samples over the same time, each the highest of its neighbours; the last stays as it is."""
    if len(samples) <= most:
        return tuple(samples)
    step = -(-len(samples) // most)
    heads = [
        max(samples[first : first + step], key=lambda one: one.viewers) for first in range(0, len(samples), step)
    ]
    return (*heads[:-1], samples[-1])
