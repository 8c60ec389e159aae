"""Predicted against measured: how far the performance model is off."""

from __future__ import annotations

import altair as alt

from advisor.report.theme import var

from .base import COUNT_LABEL, AnyChart, chart, decades, states, table, tip

STRATA = {
    "LLM, rate": "s1",
    "LLM, latency": "s2",
    "encoder": "s3",
    "vision": "s4",
    "diffusion": "ink-2",
}
"""Colours of the kinds of measurement."""


@chart("accuracy", "id", "measured", "predicted", "low", "high", "stratum", "unit")
def accuracy() -> AnyChart:
    """Predictions with their 80 % interval against measurements, on logarithmic scales.

    Columns: id, measured, predicted, low, high, stratum (see `STRATA`), unit. On the line the
    prediction equals the measurement; a bar that crosses it is an interval that holds it.
    """
    x = alt.X(
        "measured:Q",
        scale=alt.Scale(type="log", nice=False, padding=10),
        axis=decades(COUNT_LABEL, title="measured, log scale", labelOverlap=True),
    )
    y = alt.Y(
        "predicted:Q",
        scale=alt.Scale(type="log", nice=False, padding=10),
        axis=decades(COUNT_LABEL, title="predicted, log scale", labelOverlap=True),
    )
    legend = alt.Legend(title=None, symbolOpacity=1, symbolType="circle")
    colour = alt.Color("stratum:N", sort=list(STRATA), scale=states(**STRATA), legend=legend)
    tips = [
        tip("id", "Measurement"),
        tip("stratum", "Kind"),
        tip("unit", "Unit"),
        tip("measured", "Measured", ",.4~r"),
        tip("predicted", "Predicted", ",.4~r"),
        tip("low", "80% interval from", ",.4~r"),
        tip("high", "to", ",.4~r"),
    ]
    intervals = (
        table()
        .mark_rule(strokeWidth=4, opacity=0.18)
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour)
    )
    identity = (
        table()
        .mark_line(color=var("ink-3"), strokeWidth=1.2, strokeDash=[4, 3])
        .encode(x=x, y=alt.Y("measured:Q"))
    )
    points = table().mark_point(size=16, opacity=0.8).encode(x=x, y=y, color=colour, tooltip=tips)
    return alt.layer(intervals, identity, points).properties(width="container", height=360)
