"""Choices that a planner has settled: what is pinned stays, the rest is optimised around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from advisor.errors import InputError, PortfolioError, did_you_mean
from advisor.portfolio import Lever

from .columns import Columns
from .frozen import masked
from .generate import columns
from .levers import LEVER_FIELDS, LeverSet
from .places import Ints
from .setting import Setting

Pin = Mapping[str, Any]
"""Fields of a choice with their values."""
Pins = Mapping[str, Pin]
"""Pins by workload name."""

FIELDS = tuple(name for names in LEVER_FIELDS.values() for name in names)


def pin_of(choice: Mapping[str, Any], lever: Lever) -> dict[str, Any]:
    """What pins a choice's decisions of one lever."""
    return {name: choice[name] for name in LEVER_FIELDS[lever]}


def pinned(setting: Setting, found: Columns, able: Ints, pin: Pin) -> Ints:
    """The able columns that agree with what is pinned.

    Raises
    ------
    InputError
        For a field that no lever decides.
    PortfolioError
        When no column agrees: what is pinned cannot be run, or not under the levers.
    """
    if not pin:
        return able
    for name in pin:
        if name not in FIELDS:
            raise InputError(
                "no such field of a choice",
                value=name,
                allowed=", ".join(FIELDS),
                fix=did_you_mean(name, FIELDS),
            )
    kept = [i for i in able[found.variant[able] < 0] if _agrees(found, int(i), pin)]
    run = able[found.variant[able] >= 0]
    if len(run):
        ok = np.ones(len(run), bool)
        for table, of in ((found.variants, found.variant), (setting.places.table, found.place)):
            fields = {k: v for k, v in pin.items() if k in table.columns}
            if fields:
                ok &= np.isin(
                    of[run], np.flatnonzero(table.index.isin(masked(table, fields).index))
                )
        if "cache" in pin:
            names = np.array(
                [*(c.cache for c in found.caches), found.today.choice["cache"]], object
            )
            ok &= names[found.cache[run]] == pin["cache"]
        if "purchase" in pin:
            ok &= found.fixed[run] == (pin["purchase"] == found.today.choice["purchase"])
        if "shared" in pin:
            ok &= (found.host[run] >= 0) == bool(pin["shared"])
        if pin.get("provider"):
            ok &= False
        kept += run[ok].tolist()
    if not kept:
        settled = ", ".join(f"{k} {v}" for k, v in pin.items())
        raise PortfolioError(
            f"workload '{found.workload.name}': nothing that works agrees with what is pinned",
            value=settled,
            fix="unpin it, or accept the levers it needs",
        )
    return np.sort(np.array(kept, np.int64))


def possible(setting: Setting, levers: Mapping[str, LeverSet], pins: Pins) -> dict[str, Pin]:
    """The pins of workloads that have a column which agrees with them under these levers."""
    out = {}
    for name, pin in pins.items():
        found = columns(setting, setting.portfolio.workload(name))
        try:
            pinned(setting, found, found.open_to(levers[name]), pin)
        except PortfolioError:
            continue
        out[name] = pin
    return out


def _agrees(found: Columns, column: int, pin: Pin) -> bool:
    choice = found.given[column].choice
    return all(choice[name] == value for name, value in pin.items())
