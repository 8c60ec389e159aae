"""What a playbook step says: findings, actions, evidence, claims. Plain data, no display."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from advisor.catalog import Catalog
from advisor.optimize.marginal import Move, moves
from advisor.optimize.plan import Plan
from advisor.optimize.setting import Setting
from advisor.portfolio import Lever, Portfolio

Verdict = Literal["holds", "holds_if", "does_not_hold", "open"]
Risk = Literal["low", "medium", "high"]


@dataclass(frozen=True)
class Claim:
    """One of the guide's statements, judged on this portfolio."""

    claim_id: str
    claim: str
    verdict: Verdict
    here: str
    """What was computed for this portfolio, in one sentence, or what is known in general."""
    source: str
    computed: bool
    """Whether the verdict rests on this portfolio's own figures."""


@dataclass(frozen=True)
class Action:
    """A proposal to accept or reject. Titles are short; subs are the second line."""

    workload: str
    today: str
    today_sub: str
    proposed: str
    proposed_sub: str
    saving_usd_month: float
    saving_low_usd_month: float
    saving_high_usd_month: float
    hours: float
    one_off_usd: float
    payback_months: float
    risk: Risk
    risk_note: str
    evidence: str
    meets: str
    """The latency target and what is predicted, or blank."""
    accepted: bool


@dataclass(frozen=True)
class Chart:
    """A chart by its registered name, with its rows and a text alternative."""

    name: str
    title: str
    hint: str
    rows: list[dict[str, Any]]
    alt: str


@dataclass(frozen=True)
class Table:
    """A small table for reading. Cells are formatted text."""

    title: str
    hint: str
    columns: list[str]
    rows: list[list[str]]
    numeric: tuple[int, ...] = ()
    """Positions of right-aligned columns."""


@dataclass(frozen=True)
class Assumption:
    """A figure the planner may change here. ``target`` says where it lives.

    ``organisation.<field>`` or ``workload.<name>.<field>`` (dotted); the app rebuilds the
    portfolio with the new value and re-solves.
    """

    target: str
    label: str
    unit: str
    value: float | None
    hint: str
    minimum: float | None = None
    maximum: float | None = None
    default: float | None = None


@dataclass(frozen=True)
class Note:
    """A titled paragraph: where a number comes from, or why not an option."""

    title: str
    lines: list[tuple[str, str]]
    """(strong part, rest) of each line."""


@dataclass(frozen=True)
class Report:
    """Everything one panel shows."""

    headline: str
    sub: str
    actions: list[Action] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class View:
    """The solved playbook as the steps see it.

    Attributes
    ----------
    plans : mapping
        Plan after each step, by step key.
    rejected : mapping
        Levers the planner has rejected, by workload.
    pins : mapping
        Fields of choices that the planner has settled, by workload.
    """

    plans: Mapping[str, Plan]
    rejected: Mapping[str, frozenset[Lever]] = field(default_factory=dict)
    pins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def baseline(self) -> Plan:
        """Everything as deployed."""
        return next(iter(self.plans.values()))

    @property
    def final(self) -> Plan:
        """The whole plan."""
        return list(self.plans.values())[-1]

    @property
    def setting(self) -> Setting:
        """Prices, rates and horizon."""
        return self.final.setting

    @property
    def catalog(self) -> Catalog:
        """The facts."""
        return self.setting.catalog

    @property
    def portfolio(self) -> Portfolio:
        """What the plan is for."""
        return self.final.portfolio

    @cached_property
    def _moves(self) -> dict[str, list[Move]]:
        return {}

    def moves(self, step: str, lever: Lever) -> list[Move]:
        """Moves of a step's lever at that step, worked out on first use."""
        if step not in self._moves:
            self._moves[step] = moves(self.plans[step], lever)
        return self._moves[step]

    def saving(self, step: str) -> float:
        """What a step's lever saves in this order, USD a month."""
        keys = list(self.plans)
        i = keys.index(step)
        if i == 0:
            return 0.0
        return self.plans[keys[i - 1]].usd_month - self.plans[step].usd_month

    def is_rejected(self, workload: str, lever: Lever) -> bool:
        """Whether the planner has rejected a lever for a workload."""
        return lever in self.rejected.get(workload, frozenset())


class Step(Protocol):
    """One step of the playbook: a module of this package exports one as ``STEP``."""

    key: str
    title: str
    mark: str
    lever: Lever | None

    def report(self, view: View) -> Report:
        """What the step's panel shows."""
        ...
