"""One way to write each kind of number.

Money to three significant digits with k and M, percentages to whole points above ten, small unit
prices without exponents.
"""

from __future__ import annotations

import math

MINUS = "−"
UNKNOWN = "—"


def _significant(value: float, digits: int = 3) -> str:
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def _scaled(value: float) -> str:
    size = abs(value)
    for limit, divisor, suffix in ((999.5e6, 1e9, "B"), (999.5e3, 1e6, "M"), (9_995, 1e3, "k")):
        if size >= limit:
            return _significant(size / divisor) + suffix
    return f"{size:,.0f}" if size >= 100 else _significant(size)


def money(value: float | None) -> str:
    """USD for reading: $214k, $9,140, $12.4, $0.00042."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{MINUS if value < 0 else ''}${_scaled(value)}"


def count(value: float | None) -> str:
    """A count for reading: 1.2M, 9,140, 12."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    whole = abs(value) < 9_995 and float(value).is_integer()
    return f"{MINUS if value < 0 else ''}{f'{abs(value):,.0f}' if whole else _scaled(value)}"


def percent(share: float | None) -> str:
    """A share as a percentage: 24%, 3.1%, 0.03%."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    points = abs(share) * 100
    text = f"{points:.0f}" if points >= 9.95 else _significant(points, 2)
    return f"{MINUS if share < 0 and float(text.replace(',', '')) else ''}{text}%"


def duration(seconds: float | None) -> str:
    """A time for reading: 38 ms, 1.2 s, 5 min, 3.1 h."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    for limit, divisor, unit in ((1.0, 1e-3, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "min")):
        if seconds < limit:
            return f"{_significant(seconds / divisor, 2)} {unit}"
    return f"{_significant(seconds / 3600.0, 2)} h"


def months(value: float | None) -> str:
    """A payback time: 3 days, 1.4 months, never."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "never"
    if value < 1.0:
        days = max(1, round(value * 30.4))
        return f"{days} day{'s' if days != 1 else ''}"
    return f"{_significant(value, 2)} months"
