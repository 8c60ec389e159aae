"""A plan as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.format import count, money, percent
from advisor.optimize.plan import Plan
from advisor.playbook.describe import models


def plan_text(plans: Mapping[str, Plan]) -> str:
    """Steps with their cost, then one line per workload."""
    first, last = next(iter(plans.values())), list(plans.values())[-1]
    lines = [f"{last.portfolio.name}", ""]
    before = first.usd_month
    for step, plan in plans.items():
        saved = before - plan.usd_month
        note = f"  saves {money(saved)}" if saved >= 0.5 else ""
        lines.append(f"{step:10} {money(plan.usd_month):>10} a month{note}")
        before = plan.usd_month
    total = first.usd_month - last.usd_month
    lines += ["", f"saving {money(total)} a month ({percent(total / first.usd_month)})", ""]
    for row in last.frame().to_dict("records"):
        where = (
            row["provider"]
            if row["sourcing"] == "managed_api"
            else f"{row['replicas_peak']} x {row['instance']} ({row['region']})"
        )
        answers = models(last.candidate(row["name"]))
        how = ", ".join(str(v) for v in (answers, row["weight_precision"], row["framework"]) if v)
        lines.append(
            f"{row['name']:22} {money(row['cost_usd_month']):>8}  {where}; {how}; "
            f"{count(row['predictions_per_month'])} {row['unit']} at "
            f"{money(row['cost_per_prediction_usd'])}; {row['evidence']}"
        )
    lines.append(f"{'shared':22} {money(last.shared_usd_month):>8}")
    lines += [f"look at {name}: {why}" for name, why in last.doubts.items()]
    return "\n".join(lines) + "\n"
