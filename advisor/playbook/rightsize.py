"""Step 2, right-size: the cheapest machine that serves each workload within its target."""

from __future__ import annotations

from typing import Any

from advisor.format import money
from advisor.optimize.choices import Candidate
from advisor.optimize.considered import considered, every_variant
from advisor.optimize.marginal import Move
from advisor.portfolio import HOURS_PER_MONTH, Lever

from .base import Action, Assumption, Chart, Note, Report, Risk, View
from .claims import claims_for
from .describe import company, machine, machine_sub, meets, share, to_action
from .proposals import (
    by_saving,
    money_phrase,
    option_rows,
    saving_note,
    target_assumption,
    target_of,
    unlocked,
    why_not,
)
from .training_jobs import training_actions, training_table
from .wording import of_all

TIGHT = 0.9
"""From this share of a latency target on, a prediction has little room for error."""


class Rightsize:
    """Instance type, number of machines and tensor parallelism."""

    key = "rightsize"
    title = "Right-size"
    mark = "2"
    lever: Lever | None = "HARDWARE"

    def report(self, view: View) -> Report:
        """Which workloads a cheaper machine would serve, and why not the next one."""
        moves = by_saving(view.moves(self.key, "HARDWARE"))
        actions = [self._action(view, m) for m in moves]
        charts: list[Chart] = []
        notes: list[Note] = []
        assumptions: list[Assumption] = []
        if moves:
            top = moves[0]
            charts, notes = self._explained(view, top)
            levers = unlocked(view, self.key, top.workload, "HARDWARE")
            variants = every_variant(view.plans[self.key], top.workload, levers)
            assumptions = target_assumption(view.portfolio.workload(top.workload), variants)
        return Report(
            headline=_headline(view, actions),
            sub=(
                "Each proposal keeps today's model, precision and framework. Accepting unlocks the "
                "move; the plan is solved again with all you unlock."
            ),
            actions=[*actions, *training_actions(view, self.key, "HARDWARE")],
            charts=charts,
            tables=training_table(view, self.key),
            claims=claims_for(view, self.key),
            assumptions=[*assumptions, *_assumptions(view, moves)],
            notes=[*notes, *_alone(view)],
        )

    def _action(self, view: View, move: Move) -> Action:
        return to_action(
            view,
            "HARDWARE",
            move,
            today=(machine(move.before), machine_sub(move.before)),
            proposed=(machine(move.after), _where(view, move.after)),
            risk=risk(view, move),
            step=self.key,
        )

    def _explained(self, view: View, top: Move) -> tuple[list[Chart], list[Note]]:
        plan = view.plans[self.key]
        workload = view.portfolio.workload(top.workload)
        table = considered(plan, top.workload, unlocked(view, self.key, top.workload, "HARDWARE"))
        rows = option_rows(table, option_label, lambda c: meets(workload, c))
        blocked = sum(r["state"] == "blocked" for r in rows)
        chart = Chart(
            "machines",
            f"{top.workload}: what each machine would cost",
            "monthly, at today's demand; line = 80% interval of the prediction",
            rows,
            f"Cheapest: {rows[0]['label']} at {rows[0]['text']} a month, of {len(rows) - blocked} "
            f"that would work; {blocked} shown that would not.",
        )
        notes = [saving_note(view, self.key, top)]
        lines = why_not(table, option_label)
        return [chart], [*notes, Note("Why not…", lines)] if lines else notes


def _where(view: View, candidate: Candidate) -> str:
    """Chip and place of what is proposed, and who else lives there."""
    beside = company(view.plans[Rightsize.key], candidate)
    return " · ".join(part for part in (machine_sub(candidate), beside) if part)


def _alone(view: View) -> list[Note]:
    """Why workloads, language models aside, have no part in machines that others share."""
    hosts = view.setting.hosts
    if not hosts:
        return []
    lines = [(w.name, reason) for w, reason in hosts.sharers.refused.items() if w.kind != "llm"]
    return [Note("Why not on a shared machine…", lines)] if lines else []


def option_label(row: dict[str, Any]) -> str:
    """'6 × g6e.12xlarge · L40S', or the chip alone where nothing could be built on it."""
    candidate = row["candidate"]
    if not isinstance(candidate, Candidate):
        return str(row["accelerator"])
    return f"{machine(candidate)} · {candidate.details['accelerator']}"


def risk(view: View, move: Move) -> tuple[Risk, str]:
    """How far a change of machine reaches, and how surely its speed is known."""
    before, after = (
        view.catalog.lookup("accelerators", c.details["accelerator"])
        for c in (move.before, move.after)
    )
    late = lateness(view, move)
    if after["kind"] in ("neuron", "tpu") and after["kind"] != before["kind"]:
        return "medium", "The model has to compile for this chip; shapes become static."
    if after["kind"] != before["kind"]:
        kinds = f"{before['kind'].upper()} to {after['kind'].upper()}"
        return "medium", f"Moves from {kinds}: test first."
    if after["vendor"] != before["vendor"]:
        return "medium", f"Another vendor's software stack ({after['vendor']})."
    if late is not None and late > TIGHT:
        return "medium", f"Predicted at {share(late, 1.0)} of the latency target: test under load."
    if move.after.details["speed_evidence"] == "rule":
        return "medium", "Speed is a rule of thumb here: measure before moving."
    return "low", "Same kind of chip and the same software; easily undone."


def lateness(view: View, move: Move) -> float | None:
    """Predicted latency as a share of its target, the worst of those set."""
    slo, d = view.portfolio.workload(move.workload).slo, move.after.details
    if view.portfolio.workload(move.workload).deferrable_hours is not None:
        return None
    pairs = [(d.get("token_s"), slo.tpot_s), (d.get("first_s"), slo.ttft_s or slo.latency_s)]
    shares = [have / want for have, want in pairs if have and want]
    return max(shares) if shares else None


def _headline(view: View, actions: list[Action]) -> str:
    machines = sum(bool(c.machines.any()) for c in view.baseline.chosen)
    if not machines:
        return "Nothing here runs on machines of yours: there is nothing to right-size."
    if not actions:
        return "Every workload already sits on the cheapest machine that serves it as deployed."
    n, total = len(actions), len(view.portfolio.workloads)
    verb, one = ("sits on a machine", "its") if n == 1 else ("sit on machines", "their")
    targets = all(target_of(view.portfolio.workload(a.workload)) for a in actions)
    how = f"within {one} latency target" if targets else "in time"
    return (
        f"{of_all(n, total, 'workload')} {verb} a cheaper one would serve {how}: "
        f"{money_phrase(view, 'rightsize', actions)}."
    )


def _assumptions(view: View, moves: list[Move]) -> list[Assumption]:
    org = view.portfolio.organisation
    deferrable = {w.name for w in view.portfolio.workloads if w.deferrable_hours is not None}
    fleets = [m.after for m in moves if m.workload not in deferrable]
    each = sum(float(c.details["machine_usd_hour"]) for c in fleets) * HOURS_PER_MONTH
    hint = "Machines beyond need, so that one may fail."
    if each and org.spare_instances:
        hint = f"On the machines proposed, spares cost {money(each * org.spare_instances)} a month."
    hours = sum(m.hours for m in moves)
    return [
        Assumption(
            "organisation.spare_instances",
            "Spare machines per workload",
            "machines",
            org.spare_instances,
            hint,
            0,
            100,
        ),
        Assumption(
            "organisation.horizon_months",
            "Planning horizon",
            "months",
            org.horizon_months,
            f"One-off work is spread over it: {hours:,.0f} hours proposed here.",
            1,
            60,
        ),
    ]


STEP = Rightsize()
