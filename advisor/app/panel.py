"""One step's panel: finding, actions, charts, tables, claims, assumptions, notes.

All nine steps use this one class; what differs is the report they make.
"""

from __future__ import annotations

from typing import Any, Protocol

from advisor.app.cards import ChartCards, table_card
from advisor.app.pinning import Pinning
from advisor.app.scenario import Scenario
from advisor.app.whynot import QUESTIONS, WhyNot
from advisor.app.widgets import html
from advisor.app.widgets.fields import Field
from advisor.app.widgets.layout import card
from advisor.app.widgets.table import Table
from advisor.errors import AdvisorError
from advisor.format import count, money, months
from advisor.optimize.marginal import same_choice
from advisor.playbook import Action, Report, Step
from advisor.playbook.base import Assumption, Note
from advisor.playbook.describe import changed

Widget = Any
VERDICT = {"holds": "holds", "holds_if": "holds_if", "does_not_hold": "fails", "open": "open"}

ACTION_COLUMNS: list[Any] = [
    {"key": "workload", "label": "Workload", "kind": "two_line", "sub": "volume", "strong": True},
    {"key": "today", "label": "Today", "kind": "two_line", "sub": "today_sub"},
    {
        "key": "proposed",
        "label": "Proposed",
        "kind": "two_line",
        "sub": "proposed_sub",
        "strong": True,
    },
    {
        "key": "saving",
        "label": "Saving /mo",
        "kind": "two_line",
        "sub": "range",
        "align": "right",
        "sort": "saving_usd",
        "strong": True,
    },
    {
        "key": "effort",
        "label": "Effort, payback",
        "kind": "two_line",
        "sub": "payback",
        "align": "right",
        "sort": "hours",
        "hide_small": True,
    },
    {
        "key": "meets",
        "label": "Meets P95, risk",
        "kind": "two_line",
        "sub": "evidence",
        "hide_small": True,
    },
    {"key": "accept", "label": "Accept", "kind": "switch"},
]


class Panel(Protocol):
    """What the shell needs of a panel."""

    main: list[Widget]
    aside: list[Widget]

    def refresh(self) -> None:
        """Show the scenario's current view."""
        ...


class StepPanel:
    """A playbook step on a scenario.

    Parameters
    ----------
    scenario : Scenario
        Read on `refresh` and told of decisions.
    step : Step
        What to show.
    """

    def __init__(self, scenario: Scenario, step: Step) -> None:
        self.scenario, self.step = scenario, step
        self._head = html.show()
        self._actions: Table | None = None
        self._cards = ChartCards()
        self._fields: dict[str, Field] = {}
        self._shown_values: dict[str, float | None] = {}
        self._why = WhyNot(scenario, step.key) if step.key in QUESTIONS else None
        self._pin = Pinning(scenario, step.lever) if step.lever is not None else None
        self.main: list[Widget] = []
        self.aside: list[Widget] = []
        self.refresh()

    def refresh(self) -> None:
        """Rebuild what the step shows; tables, charts and fields keep their widgets."""
        report = self.step.report(self.scenario.view)
        html.update(self._head, *_head(self.step, report))
        self.main = [
            self._head,
            *self._action_card(report),
            *(self._cards.card(c) for c in report.charts),
            *(table_card(t) for t in report.tables),
            *_claims_card(report),
        ]
        self.aside = [*self._assumptions_card(report), *(_note_card(n) for n in report.notes)]
        for ask in (self._why, self._pin):
            if ask is not None:
                ask.refresh()
                self.aside.append(ask.widget)

    # Actions -----------------------------------------------------------------------------

    def _action_card(self, report: Report) -> list[Widget]:
        if self.step.lever is None:
            return []
        rows = [self._row(a) for a in report.actions]
        toggles = {a.workload: a.accepted for a in report.actions}
        if self._actions is None:
            self._actions = Table(
                ACTION_COLUMNS,
                rows,
                toggles=toggles,
                caption=f"{self.step.title}: proposals to accept or reject",
                empty="Nothing to propose here: today's choice is already the cheapest.",
            )
            self._actions.on_toggle(self._decide)
        else:
            self._actions.update(rows, toggles)
        return [card("Proposed moves", self._actions, hint=_actions_hint(report.actions))]

    def _row(self, a: Action) -> dict[str, Any]:
        p = self.scenario.portfolio
        models = {w.name: w.model for w in p.workloads} | {j.name: j.model for j in p.training}
        low, high = money(a.saving_low_usd_month), money(a.saving_high_usd_month)
        return {
            "id": a.workload,
            "workload": a.workload,
            "volume": models[a.workload],
            "today": a.today,
            "today_sub": a.today_sub,
            "proposed": a.proposed,
            "proposed_sub": f"{a.proposed_sub}{self._later(a)}",
            "saving": money(a.saving_usd_month),
            "saving_usd": a.saving_usd_month,
            "range": "" if low == high else f"{low} – {high}",
            "effort": f"{count(a.hours)} h",
            "hours": a.hours,
            "payback": months(a.payback_months) if a.one_off_usd else "",
            "meets": a.meets or "no target",
            "evidence": f"{a.risk} risk · evidence: {a.evidence}",
        }

    def _later(self, a: Action) -> str:
        """A remark where a later step has changed what is proposed here."""
        view, lever = self.scenario.view, self.step.lever
        if a.workload not in {w.name for w in view.portfolio.workloads}:
            return ""
        here = view.plans[self.step.key].candidate(a.workload)
        final = view.final.candidate(a.workload)
        if lever is None or not a.accepted or same_choice(here, final, lever):
            return ""
        return f" · later: {changed(final, lever)}"

    def _decide(self, workload: str, accept: bool) -> None:
        assert self.step.lever is not None  # only steps with a lever have a table
        self.scenario.decide(workload, self.step.lever, accept=accept)

    # Assumptions -------------------------------------------------------------------------

    def _assumptions_card(self, report: Report) -> list[Widget]:
        if not report.assumptions:
            return []
        fields = [self._field(a) for a in report.assumptions]
        return [card("Assumptions that matter here", *fields)]

    def _field(self, a: Assumption) -> Field:
        value = a.value if a.value is not None else a.default
        self._shown_values[a.target] = value
        if a.target not in self._fields:
            field = Field(
                a.label,
                value,
                unit=a.unit,
                hint=a.hint,
                minimum=a.minimum,
                maximum=a.maximum,
                integer=isinstance(a.value, int) and not isinstance(a.value, bool),
            )
            field.observe(lambda _change, t=a.target, f=field: self._assume(t, f), "value")
            self._fields[a.target] = field
        field = self._fields[a.target]
        field.hint = a.hint
        field.value = value
        return field

    def _assume(self, target: str, field: Field) -> None:
        if field.value == self._shown_values.get(target):
            return
        value = int(field.value) if field.integer and field.value is not None else field.value
        try:
            self.scenario.assume(target, value)
        except AdvisorError as error:
            field.error = f"{error}. Still using {self._shown_values.get(target)}."

    def mark_stale(self, stale: bool) -> None:
        """Dim figures while newer ones are on their way."""
        self._cards.mark_stale(stale)
        if self._actions is not None:
            self._actions.stale = stale


def _head(step: Step, report: Report) -> list[Any]:
    number = f"Step {step.mark} of 8 · " if step.mark.isdigit() else ""
    return [html.eyebrow(f"{number}{step.title}"), html.lead(report.headline), html.sub(report.sub)]


def _actions_hint(actions: list[Action]) -> str:
    if not actions:
        return ""
    taken = [a for a in actions if a.accepted]
    hours = sum(a.hours for a in taken)
    return (
        f"{len(taken)} of {len(actions)} accepted · {count(hours)} engineering hours · a saving is "
        "what undoing that row alone would cost: they do not add up"
    )


def _claims_card(report: Report) -> list[Widget]:
    if not report.claims:
        return []
    rows: list[Any] = [
        (VERDICT[c.verdict], [f"“{c.claim}” ", c.here, "" if c.computed else " (in general)"])
        for c in report.claims
    ]
    return [card("What the guide says, on your numbers", html.show(html.claims(rows)))]


def _note_card(note: Note) -> Widget:
    lines = [[html.tag("b", strong), " " if strong else "", rest] for strong, rest in note.lines]
    return card(note.title, html.show(html.explained(*lines)))
