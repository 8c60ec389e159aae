"""Money over time: total cost of ownership, and the run-rate while the work lands."""

from __future__ import annotations

import altair as alt

from advisor.report.theme import var

from .base import BAR, ROW, AnyChart, chart, names, table, tip, usd_axis

PARTS = ("Machines and models", "Engineering", "One-off work", "Data and tools", "Other")
"""Parts of the total cost, in the order they are stacked."""


@chart("ownership", "who", "part", "usd", "order")
def ownership() -> AnyChart:
    """Total cost by part, today's deployment above the plan: who, part, usd, order."""
    palette = [var(c) for c in ("s1", "s2", "s3", "s4", "mute")]
    return (
        table()
        .mark_bar(size=BAR + 5, cornerRadiusEnd=0)
        .encode(
            y=names("who", labelPadding=10),
            x=alt.X("usd:Q", stack="zero", axis=usd_axis(title="USD", tickCount=5)),
            color=alt.Color(
                "part:N",
                sort=None,
                scale=alt.Scale(domain=list(PARTS), range=palette),
                legend=alt.Legend(title=None, columns=3),
            ),
            order="order:Q",
            tooltip=[tip("who", "Of"), tip("part", "Part"), tip("usd", "USD", "$,.0f")],
        )
        .properties(width="container", height=alt.Step(ROW + 8))
    )


@chart("run_rate", "month", "usd", "text", "note")
def run_rate() -> AnyChart:
    """What bills read month by month as the work lands: month, usd, text, note."""
    base = table()
    x = alt.X("month:Q", axis=alt.Axis(title="month", tickMinStep=1, grid=False))
    y = alt.Y("usd:Q", scale=alt.Scale(zero=True), axis=usd_axis(title="USD a month", tickCount=4))
    area = base.mark_area(
        interpolate="step-after", color=var("accent-soft"), line={"color": var("s1")}
    ).encode(x=x, y=y)
    points = base.mark_point(size=45, opacity=1, color=var("s1"), filled=True).encode(
        x=x,
        y=y,
        tooltip=[tip("month", "Month", "d"), tip("text", "Bills"), tip("note", "Lands")],
    )
    return alt.layer(area, points).properties(width="container", height=200)
