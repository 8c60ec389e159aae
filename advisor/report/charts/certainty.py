"""How sure the plan is: what it saves in many scenarios, what drives it, what levers are worth."""

from __future__ import annotations

import altair as alt

from advisor.report.theme import var

from .base import (
    BAR,
    ROW,
    AnyChart,
    chart,
    kinds,
    leaving,
    marked,
    names,
    states,
    table,
    tip,
    usd_axis,
)

SHAPLEY, IN_ORDER, RANGE = "fair share", "in playbook order", "last to alone"


@chart("savings", "start", "end", "share", "kind", "p10", "p50", "p90", "text")
def savings() -> AnyChart:
    """Share of scenarios by saving a month: start, end, share, kind, p10, p50, p90, text.

    `kind` is ``within`` for the middle 80 % and ``beyond`` for the rest.
    """
    base = table()
    y = alt.Y("share:Q", axis=alt.Axis(format=".0%", title="of scenarios", tickCount=3))
    x = alt.X("start:Q", scale=alt.Scale(zero=False), axis=usd_axis(title="saving, USD a month"))
    bars = base.mark_bar(cornerRadiusEnd=0).encode(
        x=x,
        x2="end:Q",
        y=y,
        y2=alt.datum(0),
        color=alt.Color("kind:N", scale=states(within="s1", beyond="mute"), legend=None),
        tooltip=[
            tip("start", "From, USD", "$,.0f"),
            tip("end", "To, USD", "$,.0f"),
            tip("share", "Of scenarios", ".1%"),
        ],
    )
    middle = (
        base.transform_aggregate(p50="min(p50)", text="min(text)")
        .mark_rule(color=var("ink"), strokeWidth=1.5)
        .encode(x="p50:Q")
    )
    label = (
        base.transform_aggregate(p50="min(p50)", text="min(text)")
        .mark_text(align="left", dx=6, baseline="top", color=var("ink"), fontWeight="bold")
        .encode(x="p50:Q", y=alt.value(0), text="text:N")
    )
    return alt.layer(bars, middle, label).properties(width="container", height=190)


@chart("drivers", "label", "share", "text", "note", "order")
def drivers() -> AnyChart:
    """What the spread of the plan's cost is due to: label, share, text, note, order."""
    y = names("label", "order", labelPadding=10)
    base = table()
    bars = base.mark_bar(size=BAR, color=var("s1")).encode(
        y=y,
        x=alt.X("share:Q", scale=leaving(64), axis=alt.Axis(format=".0%", title=None, tickCount=4)),
        tooltip=[tip("label", "Figure"), tip("text", "Share"), tip("note", "Spread assumed")],
    )
    text = base.mark_text(align="left", dx=8, color=var("ink")).encode(
        y=y, x="share:Q", text="text:N"
    )
    return alt.layer(bars, text).properties(width="container", height=alt.Step(ROW))


@chart("levers", "label", "shapley", "in_order", "alone", "last", "text", "order")
def levers() -> AnyChart:
    """What each lever is worth: label, shapley, in_order, alone, last, text, order."""
    y = names("label", "order", labelPadding=10)
    colour = kinds(**{SHAPLEY: "s1", IN_ORDER: "s3", RANGE: "edge"})
    base = table().transform_calculate(
        least="min(datum.last, datum.alone)", most="max(datum.last, datum.alone)"
    )
    tips = [
        tip("label", "Lever"),
        tip("shapley", "Fair share, USD", "$,.0f"),
        tip("in_order", "In playbook order, USD", "$,.0f"),
        tip("alone", "Alone, USD", "$,.0f"),
        tip("last", "Last, USD", "$,.0f"),
    ]
    bars = (
        marked(base, SHAPLEY)
        .mark_bar(size=BAR)
        .encode(y=y, x=alt.X("shapley:Q", axis=usd_axis(title="USD a month", tickCount=5)),
                color=colour, tooltip=tips)
    )  # fmt: skip
    ranges = (
        marked(base, RANGE)
        .mark_rule(strokeWidth=2)
        .encode(y=y, x="least:Q", x2="most:Q", color=colour, tooltip=tips)
    )
    ticks = (
        marked(base, IN_ORDER)
        .mark_tick(thickness=3, size=BAR + 5)
        .encode(y=y, x="in_order:Q", color=colour, tooltip=tips)
    )
    return alt.layer(bars, ranges, ticks).properties(width="container", height=alt.Step(ROW + 4))
