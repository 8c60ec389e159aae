"""How sure the plan is, for people: scenarios, drivers, levers, near-tied plans."""

from __future__ import annotations

import numpy as np

from advisor.format import money, percent
from advisor.optimize.alternatives import Alternative
from advisor.optimize.attribution import Attribution
from advisor.optimize.choices import Candidate
from advisor.optimize.explain import Explanation
from advisor.optimize.plan import Plan
from advisor.optimize.uncertainty import Uncertainty

from .base import Chart, Table
from .describe import machine, machine_sub
from .wording import listing

BINS = 28
TITLES = {
    "HARDWARE": "Right-size",
    "PRECISION": "Quantize",
    "SERVING": "Optimize serving",
    "CACHING": "Cache",
    "PURCHASING": "Cloud spend",
    "DISTILLATION": "Distill",
    "SOURCING": "Build or buy",
}


def certificate_text(plan: Plan) -> str:
    """How near the optimum a plan is, in a sentence or two."""
    found = plan.certificate
    if found is None:
        return "Not bounded yet."
    if found.gap <= 1e-9:
        text = "Proven: under the figures given no other plan is cheaper."
    else:
        text = (
            f"No other plan can cost less than {money(found.lower_usd)} a month: this one is "
            f"within {percent(found.gap)} of the best there can be."
        )
    if found.hour_usd > 0:
        text += f" One more engineering hour would save about {money(found.hour_usd)} a month."
    if plan.kept:
        text += f" Kept as before, though another is hardly cheaper: {listing(plan.kept)}."
    return text


def headline(found: Uncertainty) -> str:
    """The finding in a sentence."""
    low, middle, high = found.interval()
    return (
        f"In eight of ten scenarios the plan saves between {money(low)} and {money(high)} a month; "
        f"the middle one {money(middle)}."
    )


def savings_chart(found: Uncertainty) -> Chart:
    """Scenarios by what the plan saves in them."""
    saving = found.saving_usd
    low, middle, high = found.interval()
    count, edges = np.histogram(saving, BINS)
    rows = [
        {
            "start": float(a),
            "end": float(b),
            "share": float(n) / len(saving),
            "kind": "within" if low <= (a + b) / 2 <= high else "beyond",
            "p10": low,
            "p50": middle,
            "p90": high,
            "text": f"P50 {money(middle)}",
        }
        for n, a, b in zip(count, edges[:-1], edges[1:], strict=True)
    ]
    return Chart(
        "savings",
        "What it saves, if figures come out otherwise",
        f"{len(saving):,} scenarios; coloured: the middle 80%",
        rows,
        f"The saving lies between {money(low)} (P10) and {money(high)} (P90) a month, "
        f"with {money(middle)} in the middle.",
    )


def drivers_chart(found: Uncertainty) -> Chart:
    """What the spread is due to."""
    rows = [
        {
            "label": r["label"],
            "share": float(r["share"]),
            "text": percent(r["share"]),
            "note": f"±{percent(np.expm1(1.2816 * r['sigma']))} (80%)",
            "order": i,
        }
        for i, r in enumerate(found.drivers.to_dict("records"))
        if r["share"] >= 0.0005
    ]
    named = ", ".join(f"{r['label'].lower()} {r['text']}" for r in rows[:3]) or "nothing"
    return Chart(
        "drivers",
        "What the plan's cost hangs on",
        "share of its variance, everything a figure takes part in",
        rows,
        f"The spread of the plan's cost is due to {named}.",
    )


def levers_chart(found: Attribution) -> Chart:
    """What each lever is worth, fairly and in playbook order."""
    rows = [
        {
            "label": TITLES[str(r["lever"])],
            **{k: float(r[k]) for k in ("shapley", "in_order", "alone", "last")},
            "text": money(r["shapley"]),
            "order": i,
        }
        for i, r in enumerate(found.table.to_dict("records"))
    ]
    ranked = sorted(rows, key=lambda r: float(str(r["shapley"])), reverse=True)
    named = ", ".join(f"{r['label']} {r['text']}" for r in ranked[:3])
    return Chart(
        "levers",
        "What each step is worth, whatever the order",
        f"{len(found.gaps)} plans, none further than {percent(max(found.gaps.values()))} "
        "from its optimum",
        rows,
        f"By fair shares the saving is due to {named}.",
    )


def stability_table(plan: Plan, found: Uncertainty) -> Table | None:
    """Workload by workload, how often its machine stays the best choice."""
    if found.regret is None:
        return None
    stays = found.regret.stability
    rows = [
        [c.workload, machine(c), percent(stays[c.workload])]
        for c in sorted(plan.chosen, key=lambda c: stays[c.workload])
    ]
    p50, p90 = np.quantile(found.regret.share, (0.5, 0.9))
    return Table(
        "How well it wears",
        f"regret against knowing better, of {found.regret.scenarios} scenarios solved anew: "
        f"P50 {percent(p50)}, P90 {percent(p90)}",
        ["Workload", "Planned", "Stays best in"],
        rows,
        numeric=(2,),
    )


def alternatives_table(found: list[Alternative]) -> Table:
    """Plans that are nearly as cheap."""
    rows = [
        [
            a.workload,
            f"{machine(a.candidate)}, {machine_sub(a.candidate)}",
            f"+{money(a.extra_usd_month)}" if a.extra_usd_month >= 0.5 else "the same",
        ]
        for a in found
    ]
    return Table(
        "Nearly as cheap",
        "one workload chosen otherwise, everything else as planned",
        ["Workload", "Instead", "More a month"],
        rows,
        numeric=(2,),
    )


def options_table(found: Explanation) -> Table:
    """The next dearer choices, and what they lose on."""
    rows = [
        [
            f"{machine(o.candidate)}, {_how(o.candidate)}",
            _signed(o.extra_usd_month),
            _signed(o.machines_usd_month),
            _signed(o.work_usd_month),
            _signed(o.platforms_usd_month),
        ]
        for o in found.options
    ]
    return Table(
        "The next dearer choices",
        "",
        ["Instead", "More a month", "Running", "One-off work", "Platforms"],
        rows,
        numeric=(1, 2, 3, 4),
    )


def _how(candidate: Candidate) -> str:
    c = candidate.choice
    behind = "" if c["cache"] in (None, "none") else f" · {str(c['cache']).replace('_', ' ')}"
    if c["sourcing"] == "managed_api":
        return f"hosted{behind}"
    return f"{c['weight_precision']} · {c['framework']} · {machine_sub(candidate)}{behind}"


def _signed(usd: float) -> str:
    if abs(usd) < 0.5:
        return "—"
    return f"+{money(usd)}" if usd > 0 else f"−{money(-usd)}"


def flip_lines(found: Explanation) -> list[tuple[str, str]]:
    """What is chosen, its nearest rival, and what would turn the choice."""
    lines = [(f"{machine(found.chosen)}, {_how(found.chosen)}:", "the plan.")]
    if found.rival is None:
        return [*lines, ("Nothing else", "works here.")]
    rival = machine(found.rival)
    lines.append((f"{rival}, {_how(found.rival)}:", "the nearest rival. It would win if"))
    texts = {
        "price": "what runs now became {} dearer",
        "rival_price": "the rival became {} cheaper",
        "demand": "demand were {} of today's",
        "speed": "replicas carried {} of what is predicted",
        "rival_speed": "the rival's carried {} of what is predicted",
    }
    for flip in found.flips:
        if flip.factor is None:
            continue
        change = flip.factor if flip.kind not in ("price", "rival_price") else abs(flip.factor - 1)
        lines.append(("·", texts[flip.kind].format(percent(change)) + "."))
    if len(lines) == 2:
        lines.append(("·", "nothing within a factor of ten would turn it."))
    return lines
