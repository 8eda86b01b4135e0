"""Fen and Alipay's yuan, without a fraction in between."""

from __future__ import annotations

import re

YUAN = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,2}))?")


def to_yuan(fen: int) -> str:
    """990 is `9.90`."""
    return f"{fen // 100}.{fen % 100:02}"


def to_fen(yuan: str) -> int:
    """`9.9` is 990. Raises ValueError."""
    match = YUAN.fullmatch(yuan)
    if match is None:
        raise ValueError("not an amount of money")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
