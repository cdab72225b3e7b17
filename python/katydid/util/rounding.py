"""Rounding as tables show it."""

from __future__ import annotations

from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal


def proper_round(val: float, digits: int = 0) -> float:
    """Rounds half up, where Python's `round` goes to the even neighbour, and by the digits that are printed.

    Args:
        val: The value.
        digits: Digits after the decimal point.
    """
    up = ROUND_HALF_UP if val >= 0 else ROUND_HALF_DOWN
    return float(Decimal(repr(val)).quantize(Decimal(1).scaleb(-digits), up))
