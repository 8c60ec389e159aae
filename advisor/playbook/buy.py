"""Step 6, cloud spend: commitments, spot, autoscaling and place, once the machines are right."""

from __future__ import annotations

from advisor.format import money
from advisor.optimize.choices import Candidate
from advisor.optimize.marginal import Move
from advisor.optimize.plan import Plan
from advisor.portfolio import Lever

from .base import Action, Assumption, Report, Risk, View
from .buy_tables import demand_chart, pools_table, traps
from .claims import claims_for
from .describe import machine, to_action
from .following import followed, following_chart, following_table
from .pools import Pool, pools
from .proposals import by_saving, money_phrase
from .training_jobs import training_actions, training_notes, training_table
from .wording import label, of_all, sentence, things


class Buy:
    """Purchase options and places."""

    key = "buy"
    title = "Cloud spend"
    mark = "6"
    lever: Lever | None = "PURCHASING"

    def report(self, view: View) -> Report:
        """What to commit to, what to put on spot, what to switch off, and where."""
        plan = view.plans[self.key]
        found, follows = pools(plan), followed(view)
        moves = by_saving(view.moves(self.key, "PURCHASING"))
        actions = [self._action(view, plan, m) for m in moves]
        return Report(
            headline=_headline(view, actions),
            sub=(
                "Each pool's commitment is the level at which one more machine would be needed too "
                "few hours to pay; above it spot where work can bear it, then on demand. Fleets "
                "follow demand."
            ),
            actions=[*actions, *training_actions(view, self.key, "PURCHASING")],
            charts=[*demand_chart(found), *following_chart(follows)],
            tables=[
                *pools_table(found),
                *following_table(follows),
                *training_table(view, self.key),
            ],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view, found),
            notes=[traps(view, found), *training_notes(view, self.key)],
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


STEP = Buy()
