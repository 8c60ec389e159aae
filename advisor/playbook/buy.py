"""Step 6, cloud spend: commitments, spot, autoscaling and place, once the machines are right."""

from __future__ import annotations

import numpy as np
import pandas as pd

from advisor.format import money, percent
from advisor.optimize.choices import Candidate
from advisor.optimize.marginal import Move
from advisor.optimize.plan import Plan
from advisor.portfolio import Lever

from .base import Action, Assumption, Report, Risk, Verdict, View
from .buy_tables import demand_chart, pools_table, scaling_table, traps
from .claims import Judged, claims_for, judge
from .describe import machine, to_action
from .pools import Pool, discounts, pools
from .proposals import by_saving, money_phrase, previous, training_table
from .wording import label, of_all, sentence, things

NEAR = 0.01
"""A level whose cost is within this share of the best is as good as the best."""
SEVEN_B = (6.0, 9.0)
"""Billions of parameters that the guide's '7B fine-tune' stands for."""
FINE_TUNE_USD = (500.0, 5000.0)
SPOT_GUIDE = (0.5, 0.7)
TERM_GUIDE = (0.3, 0.6)


class Buy:
    """Purchase options and places."""

    key = "buy"
    title = "Cloud spend"
    mark = "6"
    lever: Lever | None = "PURCHASING"

    def report(self, view: View) -> Report:
        """What to commit to, what to put on spot, what to switch off, and where."""
        plan = view.plans[self.key]
        found = pools(plan)
        moves = by_saving(view.moves(self.key, "PURCHASING"))
        actions = [self._action(view, plan, m) for m in moves]
        return Report(
            headline=_headline(view, actions),
            sub=(
                "Each pool's commitment is the level at which one more machine would be needed too "
                "few hours to pay; above it spot where work can bear it, then on demand, following "
                "demand by the hour."
            ),
            actions=actions,
            charts=demand_chart(found),
            tables=[*pools_table(found), *scaling_table(view), *training_table(view, self.key)],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view, found),
            notes=[traps(view, found)],
        )

    def _action(self, view: View, plan: Plan, move: Move) -> Action:
        pool = _pool_of(plan, move.after)
        proposed = (machine(move.after), "")
        if pool is not None:
            shared = " (shared)" if len(pool.workloads) > 1 else ""
            proposed = (f"{pool.mix_text()}{shared}", f"{pool.instance} · {pool.place}")
        return to_action(
            view,
            "PURCHASING",
            move,
            today=(machine(move.before), _bought(view, move.before)),
            proposed=proposed,
            risk=_risk(move, pool),
            step=self.key,
        )


def _pool_of(plan: Plan, candidate: Candidate) -> Pool | None:
    """The pool a candidate draws on; by itself where the plan does not hold it."""
    if candidate.offer is None:
        return None
    for bill in plan.pools:
        if any(m is candidate for m in bill.members):
            return Pool(bill)
    return Pool(plan.objective.pool_bill([candidate]))


def _bought(view: View, candidate: Candidate) -> str:
    purchase = candidate.choice["purchase"]
    if purchase is None:
        return "billed per token"
    how = label(view.catalog, "purchase_options", str(purchase)).lower()
    return f"{how}, all hours · {candidate.choice['region']}"


def _risk(move: Move, pool: Pool | None) -> tuple[Risk, str]:
    """The farther it moves and the more it can be taken away, the riskier."""
    before, after = move.before.choice, move.after.choice
    if after["cloud"] != before["cloud"]:
        return "high", f"Another provider ({after['cloud']}): accounts, network and data move too."
    if after["region"] != before["region"]:
        return "medium", f"Moves to {after['region']}: measure the latency users see."
    if pool is not None and pool.spot.mean() > pool.need.mean() / 2.0:
        return "medium", "More than half of it may be reclaimed at short notice."
    if pool is not None and pool.committed:
        n = int(pool.committed)
        return "medium", f"{sentence(things(n, 'machine'))} {are(n)} paid for, used or not."
    if pool is not None and pool.spot.any():
        return "medium", "Part of it may be reclaimed at short notice; the rest stays."
    return "low", "Machines are switched off when they are not needed; nothing is signed."


def are(n: int) -> str:
    """The verb for a number of things."""
    return "is" if n == 1 else "are"


def _headline(view: View, actions: list[Action]) -> str:
    if not actions:
        if not any(c.machines.any() for c in view.plans["buy"].chosen):
            return "Nothing here is paid by the machine-hour: there is no machine to buy better."
        return "Every machine is already bought the cheapest way that is known here."
    total = len(view.portfolio.workloads)
    return (
        f"{of_all(len(actions), total, 'workload')} can be bought better, by commitment, spot, "
        f"autoscaling or place: {money_phrase(view, 'buy', actions)}."
    )


def _assumptions(view: View, found: list[Pool]) -> list[Assumption]:
    org = view.portfolio.organisation
    on_spot = sum(p.spot_saving_usd_month for p in found)
    tied = [p for p in found if p.committed]
    held = sum(p.committed for p in tied)
    worth = sum(p.committed_saving_usd_month for p in tied)
    terms = sentence(f"{things(int(held), 'machine')} committed, saving {money(worth)} a month.")
    long = [p for p in tied if p.offer.commit_term == "commit_3y"]
    reuse = "Prices what is left of a term after the horizon; no 3-year term is in the plan."
    if long:
        reuse = sentence(f"{things(len(long), 'pool')} {are(len(long))} on 3-year terms.")
    return [
        Assumption("organisation.spot_share", "Most of an interactive fleet on spot", "share",
                   org.spot_share, f"Spot saves {money(on_spot)} a month in this plan.", 0.0, 1.0),
        Assumption("organisation.horizon_months", "Planning horizon", "months",
                   org.horizon_months, terms if tied else "No commitment pays on it.", 1, 60),
        Assumption("organisation.commitment_reuse", "A term beyond the horizon is still used",
                   "share", org.commitment_reuse, reuse, 0.0, 1.0,
                   view.catalog.assumption("commitment_reuse_share")),
    ]  # fmt: skip


@judge("reserve-p50")
def _median(view: View) -> Judged:
    """The cost of reserving the median, against the level that the prices ask for."""
    judged = [
        (p, rule, usd)
        for p in pools(view.plans["buy"])
        if (rule := p.break_even_use) is not None
        and (usd := p.usd_month_at(float(np.median(p.need)))) is not None
    ]
    if not judged:
        return None
    p, rule, usd = judged[0]
    fine = [u <= q.bill.usd_month * (1.0 + NEAR) for q, _, u in judged]
    extra = sum(u - q.bill.usd_month for q, _, u in judged)
    text = (
        f"{p.instance} is {percent(1.0 - rule)} off by commitment, so the level is P"
        f"{100 * (1.0 - rule):.0f} of demand where no spot is to be had; with it, "
        f"{p.committed:.0f} against {np.median(p.need):.0f} at the median. "
        f"Reserving medians would cost {money(extra)} a month more over "
        f"{things(len(judged), 'pool')}."
    )
    if all(fine):
        return "holds", text
    return ("holds_if" if any(fine) else "does_not_hold"), text


@judge("spot-50-70")
def _spot(view: View) -> Judged:
    found = discounts(view.plans["buy"], "spot")
    if found.empty:
        return None
    middle = float(found["discount"].median())
    offers = view.setting.allowed
    both = offers[offers["spot"].notna() & (offers["chip_kind"] != "cpu")]
    net = float((1.0 - both["spot"] / both["on_demand"]).median())
    text = (
        f"Median {percent(middle)} off over {len(found)} accelerator offers "
        f"({_spread(found)} in the middle half; prices of {_dates(found)}); {percent(net)} after "
        "interruptions and margins on derived prices."
    )
    return _within(middle, SPOT_GUIDE), text


@judge("ri-30-60")
def _terms(view: View) -> Judged:
    parts, verdicts = [], []
    for option, name in (("commit_1y", "1 year"), ("commit_3y", "3 years")):
        found = discounts(view.plans["buy"], option)
        if len(found):
            middle = float(found["discount"].median())
            verdicts.append(_within(middle, TERM_GUIDE))
            parts.append(f"{name}: median {percent(middle)} ({_spread(found)}) of {len(found)}")
    if not parts:
        return None
    text = f"Accelerator offers with a term, {'; '.join(parts)}; not every machine has one."
    return ("holds" if set(verdicts) == {"holds"} else "holds_if"), text


def _within(value: float, ends: tuple[float, float]) -> Verdict:
    return "holds" if ends[0] <= value <= ends[1] else "does_not_hold"


def _spread(found: pd.DataFrame) -> str:
    low, high = found["discount"].quantile([0.25, 0.75])
    return f"{percent(float(low))} – {percent(float(high))}"


def _dates(found: pd.DataFrame) -> str:
    first, last = found["as_of"].min(), found["as_of"].max()
    return str(first) if first == last else f"{first} to {last}"


@judge("training-bursty-500-5000")
def _fine_tune(view: View) -> Judged:
    plan = view.plans["buy"]
    for old, new in zip(previous(view, "measure").training, plan.training, strict=True):
        params = view.catalog.lookup("models", old.job.model)["params_b"]
        if params is None or not SEVEN_B[0] <= params <= SEVEN_B[1]:
            continue
        before, after = (t.usd_month / t.job.runs_per_month for t in (old, new))
        text = (
            f"{old.job.name} ({old.job.model}, {old.job.tokens_m:,.0f}M tokens, "
            f"{old.job.method}) costs {money(before)} a run today and {money(after)} as planned."
        )
        inside = [FINE_TUNE_USD[0] <= usd <= FINE_TUNE_USD[1] for usd in (before, after)]
        return ("holds" if all(inside) else "holds_if" if any(inside) else "does_not_hold"), text
    return None


STEP = Buy()
