"""Points and bands: cost per prediction against the guide, quality against cost."""

from __future__ import annotations

from typing import Any

import altair as alt

from advisor.report.theme import var

from .base import (
    BAR,
    SMALL_USD_LABEL,
    AnyChart,
    chart,
    decades,
    kinds,
    marked,
    names,
    states,
    table,
    tip,
    usd_axis,
)

GUIDE_GOOD, GUIDE_POOR = "guide: optimized", "guide: not optimized"
TODAY, PLAN, MARKET = "today", "plan", "market price"


@chart(
    "unit_cost",
    *("workload", "unit", "usd", "plan_usd", "opt_low", "opt_high", "unopt_low", "unopt_high"),
    "market_usd",
)
def unit_cost() -> AnyChart:
    """Cost per prediction, today and planned, on the guide's bands and the market's price.

    Columns: workload, unit, usd, plan_usd, opt_low, opt_high, unopt_low, unopt_high, market_usd;
    the last five may be empty.
    """
    colour = kinds(
        **{GUIDE_GOOD: "accent-soft", GUIDE_POOR: "line", TODAY: "edge", PLAN: "s1", MARKET: "s3"}
    )
    x: dict[str, Any] = {
        "scale": alt.Scale(type="log", nice=False, padding=10),
        "axis": decades(SMALL_USD_LABEL, title="USD per prediction, log scale"),
    }
    y = names("name", labelPadding=10)
    base = table().transform_calculate(name="datum.workload + ' · per ' + datum.unit")
    tips = [
        tip("workload", "Workload"),
        tip("unit", "Prediction"),
        tip("usd", "Today, USD", ".3~r"),
        tip("plan_usd", "Plan, USD", ".3~r"),
        tip("market_usd", "Market, USD", ".3~r"),
    ]

    def band(low: str, high: str, name: str) -> AnyChart:
        return (
            marked(base, name)
            .transform_filter(f"isValid(datum.{low}) && isValid(datum.{high})")
            .mark_bar(size=BAR + 5, cornerRadius=3, stroke=var("mute"), strokeWidth=0.75)
            .encode(
                y=y,
                x=alt.X(f"{low}:Q", **x),
                x2=f"{high}:Q",
                color=colour,
                tooltip=[
                    tip("workload", "Workload"),
                    tip(low, "From, USD", ".3~r"),
                    tip(high, "To, USD", ".3~r"),
                ],
            )
        )

    line = base.mark_rule(color=var("edge"), strokeWidth=1.5).encode(
        y=y, x=alt.X("usd:Q", **x), x2="plan_usd:Q"
    )
    today = (
        marked(base, TODAY)
        .mark_point(size=70, opacity=1)
        .encode(y=y, x=alt.X("usd:Q", **x), color=colour, tooltip=tips)
    )
    plan = (
        marked(base, PLAN)
        .mark_point(size=85, opacity=1)
        .encode(y=y, x=alt.X("plan_usd:Q", **x), color=colour, tooltip=tips)
    )
    market = (
        marked(base, MARKET)
        .transform_filter("isValid(datum.market_usd)")
        .mark_tick(thickness=3, size=BAR + 7)
        .encode(y=y, x=alt.X("market_usd:Q", **x), color=colour, tooltip=tips)
    )
    return alt.layer(
        band("unopt_low", "unopt_high", GUIDE_POOR),
        band("opt_low", "opt_high", GUIDE_GOOD),
        line,
        market,
        today,
        plan,
    ).properties(width="container", height=alt.Step(34))


@chart("tradeoff", "label", "usd", "quality", "state", "workload")
def tradeoff() -> AnyChart:
    """Quality against monthly cost of the options: label, usd, quality, state, workload."""
    base = table()
    x = alt.X(
        "usd:Q",
        scale=alt.Scale(zero=False, nice=True, rangeMin=16, rangeMax=alt.ExprRef("width - 16")),
        axis=usd_axis(title="USD a month", tickCount=5),
    )
    y = alt.Y(
        "quality:Q",
        scale=alt.Scale(zero=False, padding=18),
        axis=alt.Axis(format=".1~%", title="quality kept, of today's", tickCount=5),
    )
    tips = [
        tip("workload", "Workload"),
        tip("label", "Option"),
        tip("usd", "USD a month", "$,.0f"),
        tip("quality", "Quality kept", ".1%"),
    ]
    points = base.mark_point(size=80, opacity=1).encode(
        x=x,
        y=y,
        color=alt.Color(
            "state:N",
            scale=states(best="s1", today="ink-2", other="mute", blocked="bad"),
            legend=alt.Legend(title=None, values=["best", "today", "other", "blocked"]),
        ),
        tooltip=tips,
    )
    # Names stand on the side where there is room.
    right = "datum.usd > (datum.least + datum.most) / 2"
    text = (
        base.transform_joinaggregate(least="min(usd)", most="max(usd)")
        .transform_filter("datum.state == 'best' || datum.state == 'today'")
        .mark_text(
            align=alt.ExprRef(f"{right} ? 'right' : 'left'"),
            dx=alt.ExprRef(f"{right} ? -9 : 9"),
            dy=-8,
        )
        .encode(x=x, y=y, text="label:N")
    )
    return alt.layer(points, text).properties(width="container", height=280)
