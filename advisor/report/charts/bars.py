"""Bars: what options cost, what workloads cost, what each step saves, how busy machines are."""

from __future__ import annotations

from typing import Literal

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

OPTION_FIELDS = ("label", "value", "text", "state", "note", "low", "high", "order")
ROOM_FOR_TEXT = 96
"""Pixels kept free beyond the longest bar for the figure at its end."""
Weight = Literal["normal", "bold"]
STRONG_IF: tuple[tuple[str, str, Weight], ...] = (
    ("==", "ink", "bold"),
    ("!=", "ink-2", "normal"),
)
STRONG_TOTAL: tuple[tuple[str, str, Weight], ...] = (
    ("total", "ink", "bold"),
    ("saving", "ink", "normal"),
    ("none", "ink-3", "normal"),
)


def _options() -> AnyChart:
    """Bars of what each option would cost a month; blocked ones say why instead."""
    y = names("label", "order", labelPadding=10)
    scale = leaving(ROOM_FOR_TEXT)
    base = table().transform_calculate(end="max(datum.value, datum.high)", zero="0")
    priced = base.transform_filter("isValid(datum.value)")
    tips = [tip("label", "Option"), tip("text", "USD a month"), tip("note", "Note")]
    bars = priced.mark_bar(size=BAR).encode(
        y=y,
        x=alt.X("value:Q", scale=scale, axis=usd_axis(tickCount=4)),
        color=alt.Color(
            "state:N", scale=states(best="s1", today="edge", other="mute"), legend=None
        ),
        tooltip=tips,
    )
    ranges = (
        base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .mark_rule(color=var("ink"), strokeWidth=1.5)
        .encode(y=y, x="low:Q", x2="high:Q", tooltip=tips)
    )
    text = [
        priced.transform_filter(f"datum.state {sign} 'best'")
        .mark_text(align="left", dx=8, color=var(colour), fontWeight=weight)
        .encode(y=y, x="end:Q", text="text:N")
        for sign, colour, weight in STRONG_IF
    ]
    blocked = (
        base.transform_filter("!isValid(datum.value)")
        .mark_text(align="left", dx=6, color=var("ink-3"), limit=alt.ExprRef("width - 8"))
        .encode(
            y=y, x="zero:Q", text="note:N", tooltip=[tip("label", "Option"), tip("note", "Note")]
        )
    )
    return alt.layer(bars, ranges, *text, blocked).properties(
        width="container", height=alt.Step(ROW)
    )


@chart("machines", *OPTION_FIELDS)
def machines() -> AnyChart:
    """USD a month on each machine: label, value, text, state, note, low, high, order."""
    return _options()


@chart("frameworks", *OPTION_FIELDS)
def frameworks() -> AnyChart:
    """USD a month under each framework: label, value, text, state, note, low, high, order."""
    return _options()


@chart("cost_by_workload", "workload", "part", "usd")
def cost_by_workload() -> AnyChart:
    """Monthly cost by workload and part: workload, part, usd."""
    palette = [var(c) for c in ("s1", "s2", "s3", "s4", "mute", "edge")]
    return (
        table()
        .transform_joinaggregate(total="sum(usd)", groupby=["workload"])
        .transform_window(rank="row_number()")
        .mark_bar(size=BAR + 1, cornerRadiusEnd=0)
        .encode(
            y=alt.Y(
                "workload:N",
                sort=alt.EncodingSortField(field="total", op="max", order="descending"),
                axis=alt.Axis(title=None, labelPadding=10),
            ),
            x=alt.X("usd:Q", stack="zero", axis=usd_axis(title="USD a month")),
            color=alt.Color("part:N", sort=None, scale=alt.Scale(range=palette)),
            order="rank:Q",
            tooltip=[
                tip("workload", "Workload"),
                tip("part", "Part"),
                tip("usd", "USD a month", "$,.0f"),
                tip("total", "Together", "$,.0f"),
            ],
        )
        .properties(height=alt.Step(ROW - 2))
    )


@chart("waterfall", "label", "start", "end", "kind", "text", "order")
def waterfall() -> AnyChart:
    """Monthly cost from today to the plan, step by step: label, start, end, kind, text, order."""
    y = names("label", "order", labelPadding=10)
    scale = leaving(ROOM_FOR_TEXT - 32)
    base = table().transform_calculate(
        right="max(datum.start, datum.end)", low="min(datum.start, datum.end)"
    )
    tips = [
        tip("label", "Step"),
        tip("start", "Before, USD a month", "$,.0f"),
        tip("end", "After, USD a month", "$,.0f"),
    ]
    bars = base.mark_bar(size=BAR + 3, cornerRadius=2).encode(
        y=y,
        x=alt.X("low:Q", scale=scale, axis=usd_axis(title="USD a month", tickCount=4)),
        x2="right:Q",
        color=alt.Color(
            "kind:N", scale=states(total="edge", saving="s1", none="mute"), legend=None
        ),
        tooltip=tips,
    )
    marks = (
        base.transform_filter("datum.start == datum.end")
        .mark_tick(color=var("edge"), thickness=2, size=BAR + 3)
        .encode(y=y, x="end:Q", tooltip=tips)
    )
    text = [
        base.transform_filter(f"datum.kind == '{kind}'")
        .mark_text(align="left", dx=7, color=var(colour), fontWeight=weight)
        .encode(y=y, x="right:Q", text="text:N")
        for kind, colour, weight in STRONG_TOTAL
    ]
    return alt.layer(bars, marks, *text).properties(width="container", height=alt.Step(ROW))


@chart("utilisation", "workload", "share", "idle_usd")
def utilisation() -> AnyChart:
    """Share of capacity in use, and the price of the rest: workload, share, idle_usd."""
    base = table().transform_calculate(
        all="1",
        text=(
            "format(datum.share, '.0%') + (isValid(datum.idle_usd) ? "
            "'  ·  ' + replace(format(datum.idle_usd, '$.3~s'), 'G', 'B') + ' idle' : '')"
        ),
    )
    y = names("workload", labelPadding=10)
    tips = [
        tip("workload", "Workload"),
        tip("share", "In use", ".0%"),
        tip("idle_usd", "Idle, USD a month", "$,.0f"),
    ]
    full = base.mark_bar(size=BAR, color=var("line")).encode(y=y, x="all:Q", tooltip=tips)
    used = base.mark_bar(size=BAR, color=var("s1")).encode(
        y=y,
        x=alt.X(
            "share:Q",
            scale=leaving(ROOM_FOR_TEXT + 14),
            axis=alt.Axis(format=".0%", title="share of capacity in use", tickCount=4),
        ),
        tooltip=tips,
    )
    text = base.mark_text(align="left", dx=8, color=var("ink-2")).encode(
        y=y, x="all:Q", text="text:N"
    )
    return alt.layer(full, used, text).properties(width="container", height=alt.Step(ROW))


@chart("watch", "workload", "usd", "alert_usd", "today_usd")
def watch() -> AnyChart:
    """Unit cost against its alert, today being 1: workload, usd, alert_usd, today_usd."""
    y = names("workload", labelPadding=10)
    colour = kinds(plan="s1", alert="bad", today="edge")
    axis = alt.Axis(format=".0%", title="cost per prediction, today = 100%", tickCount=5)
    tips = [
        tip("workload", "Workload"),
        tip("usd", "Plan, of today", ".1%"),
        tip("alert_usd", "Alert, of today", ".1%"),
    ]

    def tick(kind: str, field: str, size: int) -> AnyChart:
        mark = marked(table(), kind).mark_tick(thickness=2.5, size=size)
        return mark.encode(y=y, x=f"{field}:Q", color=colour, tooltip=tips)

    plan = (
        marked(table(), "plan")
        .mark_bar(size=BAR)
        .encode(
            y=y, x=alt.X("usd:Q", scale=alt.Scale(zero=True), axis=axis), color=colour, tooltip=tips
        )
    )
    return alt.layer(
        plan, tick("today", "today_usd", BAR + 3), tick("alert", "alert_usd", BAR + 9)
    ).properties(width="container", height=alt.Step(ROW))
