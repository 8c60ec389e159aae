"""Reading a number that a person typed, and showing one in a field."""

from __future__ import annotations

import re

_TYPED = re.compile(
    r"(?P<sign>[-+−]?)"
    r"(?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:e[-+]?\d+)?)"
    r"(?P<scale>[kmb]?)",
    re.IGNORECASE,
)
_SCALES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}


def shown(value: float | None) -> str:
    """Return `value` as a field shows it: no rounding that a commit would store."""
    if value is None:
        return ""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    text = repr(float(value))
    whole, dot, rest = text.partition(".")
    return f"{int(whole):,}{dot}{rest}" if whole.isdigit() and whole != "0" else text


def parse(
    text: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    integer: bool = False,
    optional: bool = False,
) -> float | None:
    """Return the number in `text`.

    Takes thousands commas, a trailing unit and k, M or B for thousand, million and
    billion. Never rounds or clamps.

    Parameters
    ----------
    text : str
        As typed.
    unit : str
        The field's unit; may be typed again, and bounds are told with it.
    minimum, maximum : float, optional
        Bounds, inclusive.
    integer : bool
        Whether only whole numbers will do.
    optional : bool
        Whether nothing typed means ``None``.

    Raises
    ------
    ValueError
        With a sentence for the person who typed.
    """
    typed = text.strip()
    if not typed:
        if optional:
            return None
        raise ValueError("Type a number.")
    bare = typed
    if unit and bare.lower().endswith(unit.lower()):
        bare = bare[: -len(unit)].strip()
    bare = bare.removeprefix("$").strip() if unit.startswith("$") or not unit else bare
    match = _TYPED.fullmatch(bare)
    if not match or not any(c.isdigit() for c in match["digits"]):
        raise ValueError(f"“{typed[:40]}” is not a number.")
    value = float(match["digits"].replace(",", "")) * _SCALES[match["scale"].lower()]
    if match["sign"] in {"-", "−"}:
        value = -value
    after = f" {unit}" if unit else ""
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"“{typed[:40]}” is too large.")
    if integer and not value.is_integer():
        raise ValueError("Type a whole number.")
    if minimum is not None and value < minimum:
        raise ValueError(f"Must be at least {shown(minimum)}{after}.")
    if maximum is not None and value > maximum:
        raise ValueError(f"Must be at most {shown(maximum)}{after}.")
    return value
