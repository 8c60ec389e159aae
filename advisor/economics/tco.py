r"""Total cost of ownership: what bills do not show beside what they do.

Over :math:`N` months, with run-rate :math:`R` (machines, hosted models, training, running the
platforms), one-off work :math:`W`, data :math:`D`, tooling :math:`P`, on-call and opportunity cost
as shares :math:`o, q` of engineering labour :math:`L`, and the rest of the team :math:`E`,

.. math:: \mathrm{TCO} = N\,(R + oL + D + P + E) + W + q\,(N (1 + o) L + W)

:math:`L` is the operation of platforms; a team larger than that is :math:`E`, the same whatever is
planned, so that no hour counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Ownership:
    """What an operation costs a month, and once; USD.

    Attributes
    ----------
    compute, training : float
        Machines and hosted models, and training runs.
    unexplained : float
        Billed beyond what is modelled, and commitments held.
    operations : float
        Engineering hours of running the platforms.
    data, tooling : float
        Data infrastructure, and tools around the models.
    watching : float
        Engineering hours of watching cost and quality.
    one_off : float
        Work and money to get there, once.
    """

    compute: float
    training: float
    unexplained: float
    operations: float
    data: float
    tooling: float
    watching: float = 0.0
    one_off: float = 0.0

    @property
    def labour(self) -> float:
        """Engineering a month."""
        return self.operations + self.watching


LABELS = {
    "compute": "Machines and hosted models",
    "training": "Training",
    "unexplained": "Billed beyond the model, and commitments held",
    "operations": "Running the platforms",
    "watching": "Watching cost and quality",
    "oncall": "On call",
    "team": "Rest of the team",
    "one_off": "One-off work",
    "data": "Data infrastructure",
    "tooling": "Tools around the models",
    "opportunity": "Opportunity cost of engineering",
}
"""Categories in the order they are told."""


def total_cost(
    one: Ownership,
    months: float,
    *,
    oncall_share: float,
    opportunity_share: float,
    team_usd_month: float = 0.0,
) -> pd.Series[float]:
    """Cost over a number of months by category, USD.

    Parameters
    ----------
    oncall_share : float
        On call, on top of engineering.
    opportunity_share : float
        What engineers would be worth elsewhere, on top of their cost.
    team_usd_month : float
        Engineers beyond those that run the platforms.
    """
    oncall = one.labour * oncall_share
    usd = {
        "compute": one.compute * months,
        "training": one.training * months,
        "unexplained": one.unexplained * months,
        "operations": one.operations * months,
        "watching": one.watching * months,
        "oncall": oncall * months,
        "team": team_usd_month * months,
        "one_off": one.one_off,
        "data": one.data * months,
        "tooling": one.tooling * months,
        "opportunity": opportunity_share * ((one.labour + oncall) * months + one.one_off),
    }
    return pd.Series({name: usd[name] for name in LABELS}, dtype=float)
