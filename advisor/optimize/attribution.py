r"""What each lever is worth: in playbook order, alone, last, and by Shapley's value.

With :math:`v(S)` the cost of the plan under the levers :math:`S`, lever :math:`i` saves on average
over all orders

.. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|!\,(n - |S| - 1)!}{n!}\,[v(S) - v(S \cup i)]

(Shapley, 1953). The shares sum to the whole saving. A waterfall shows one order of many: what comes
late looks small because others have already taken what it would have saved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import pandas as pd

from advisor.portfolio import LEVERS, Lever

from .levers import LeverSet
from .plan import Plan
from .solve import solve


@dataclass(frozen=True, eq=False)
class Attribution:
    """What levers are worth, USD a month.

    Attributes
    ----------
    table : DataFrame
        One row per lever, in playbook order: ``lever``, ``in_order``, ``alone``, ``last``,
        ``shapley``.
    usd_month : dict
        Cost under each set of levers.
    gaps : dict
        Relative gap of each of those solves.
    """

    table: pd.DataFrame
    usd_month: dict[LeverSet, float]
    gaps: dict[LeverSet, float]


def attribute(
    plan: Plan,
    *,
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Attribution | None:
    """Solve under every set of the plan's levers; None where it was cancelled.

    A solve starts from the best plan under one lever less, so that more levers never cost more,
    exactly. What was rejected for a workload stays locked.

    Parameters
    ----------
    progress : callable, optional
        Told the stage and the share done.
    cancelled : callable, optional
        Asked between solves.
    """
    opened = [x for x in LEVERS if any(x in held for held in plan.levers.values())]
    sets = [frozenset(s) for k in range(len(opened) + 1) for s in combinations(opened, k)]
    plans: dict[LeverSet, Plan] = {}
    for i, levers in enumerate(sets):
        if cancelled is not None and cancelled():
            return None
        if progress is not None:
            progress("solving every set of levers", i / len(sets))
        below = [plans[levers - {x}] for x in levers]
        plans[levers] = solve(
            plan.setting,
            levers={name: held & levers for name, held in plan.levers.items()},
            incumbent=min(below, key=lambda p: p.usd_month, default=None),
        )
    usd = {levers: p.usd_month for levers, p in plans.items()}
    gaps = {s: p.certificate.gap if p.certificate else 0.0 for s, p in plans.items()}
    return Attribution(_table(opened, usd), usd, gaps)


def _table(opened: list[Lever], usd: dict[LeverSet, float]) -> pd.DataFrame:
    n, everything = len(opened), frozenset(opened)
    rows = []
    for i, lever in enumerate(opened):
        before = frozenset(opened[:i])
        rows.append(
            {
                "lever": lever,
                "in_order": usd[before] - usd[before | {lever}],
                "alone": usd[frozenset()] - usd[frozenset({lever})],
                "last": usd[everything - {lever}] - usd[everything],
                "shapley": sum(
                    factorial(len(s))
                    * factorial(n - len(s) - 1)
                    / factorial(n)
                    * (usd[s] - usd[s | {lever}])
                    for s in usd
                    if lever not in s
                ),
            }
        )
    columns = ["lever", "in_order", "alone", "last", "shapley"]
    return pd.DataFrame(rows, columns=columns)
