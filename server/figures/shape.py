"""Figures as the studio sees them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from server.figures.model import Figures, SaleFigures
from server.wire import iso


def figures_shape(figures: Figures) -> dict[str, Any]:
    """`Figures`"""
    return {
        "stream_id": figures.stream_id,
        "orders": asdict(figures.orders),
        "viewers": [{"at": iso(sample.at), "count": sample.viewers} for sample in figures.viewers],
        "sale": None if figures.sale is None else _sale_shape(figures.sale),
    }


def _sale_shape(sale: SaleFigures) -> dict[str, Any]:
    return {
        "sale_id": sale.sale_id,
        "orders": asdict(sale.sums),
        "buyers": sale.buyers,
        "most_viewers": sale.most_viewers,
        "per_second": sale.per_second,
        "bar_seconds": sale.bar_seconds,
        "bars": list(sale.bars),
    }
