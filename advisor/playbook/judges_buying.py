"""The guide on commitments and spot, judged on the prices and pools at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from advisor.format import money, percent

from .base import Verdict, View
from .claims import Judged, judge
from .pools import discounts, pools
from .wording import things

NEAR = 0.01
"""A level whose cost is within this share of the best is as good as the best."""
SPOT_GUIDE = (0.5, 0.7)
TERM_GUIDE = (0.3, 0.6)


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
