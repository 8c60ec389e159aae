"""Curves: demand over the week, and cost against one quantity that varies."""

from __future__ import annotations

import altair as alt

from advisor.report.theme import SERIES, var

from .base import (
    COUNT_LABEL,
    SMALL_USD_LABEL,
    AnyChart,
    chart,
    decades,
    states,
    table,
    tip,
    usd_axis,
)

HEIGHT = 240
DAYS = "['Mon','Tue','Wed','Thu','Fri','Sat','Sun'][floor(datum.value / 24) % 7]"


@chart("demand", "hour", "part", "machines", "need")
def demand() -> AnyChart:
    """Machines of a pool over the week by how they are bought: hour, part, machines, need."""
    parts = states(**{"committed": "s1", "on demand": "s2", "spot": "s3"})
    x = alt.X(
        "hour:Q",
        scale=alt.Scale(domain=[0, 168], nice=False),
        axis=alt.Axis(
            values=list(range(0, 168, 24)),
            tickCount=8,
            labelExpr=DAYS,
            labelAlign="left",
            title=None,
            grid=True,
        ),
    )
    tips = [
        tip("hour", "Hour of the week", ".0f"),
        tip("part", "Bought"),
        tip("machines", "Machines", ".1f"),
        tip("need", "Needed", ".0f"),
    ]
    area = (
        table()
        .transform_calculate(rank="indexof(['committed', 'on demand', 'spot'], datum.part)")
        .mark_area(interpolate="step-after", opacity=0.9)
        .encode(
            x=x,
            y=alt.Y(
                "machines:Q",
                stack="zero",
                axis=alt.Axis(title="machines", tickMinStep=1, tickCount=5),
            ),
            color=alt.Color("part:N", scale=parts, sort=["committed", "on demand", "spot"]),
            order="rank:Q",
            tooltip=tips,
        )
    )
    need = (
        table()
        .mark_line(interpolate="step-after", color=var("ink"), strokeWidth=1.3)
        .encode(x=x, y=alt.Y("max(need):Q"))
    )
    return alt.layer(area, need).properties(width="container", height=HEIGHT)


@chart("hit_curve", "hit", "usd", "here")
def hit_curve() -> AnyChart:
    """Monthly cost against the share of requests a cache answers: hit, usd, here."""
    x = alt.X(
        "hit:Q",
        axis=alt.Axis(format=".0%", title="share of requests answered by the cache", tickCount=6),
    )
    y = alt.Y("usd:Q", axis=usd_axis(title="USD a month"))
    tips = [tip("hit", "Hit ratio", ".0%"), tip("usd", "USD a month", "$,.0f")]
    line = table().mark_line().encode(x=x, y=y)
    dots = table().mark_point(size=26, opacity=0.5).encode(x=x, y=y, tooltip=tips)
    here = table().transform_filter("datum.here").mark_point(size=110, color=var("ink"), opacity=1)
    text = (
        table()
        .transform_filter("datum.here")
        .transform_calculate(
            text="'here: ' + format(datum.hit, '.0%') + ', ' + format(datum.usd, '$.3~s')"
        )
        .mark_text(align="left", dx=10, dy=-12, fontWeight=600)
        .encode(x=x, y=y, text="text:N")
    )
    return alt.layer(line, dots, here.encode(x=x, y=y, tooltip=tips), text).properties(
        width="container", height=HEIGHT
    )


@chart("cache_size", "entries", "hit", "usd", "best")
def cache_size() -> AnyChart:
    """Monthly saving against the answers a cache holds: entries, hit, usd, best."""
    x = alt.X(
        "entries:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=decades(COUNT_LABEL, title="answers held, log scale", labelFlush=True),
    )
    y = alt.Y("usd:Q", axis=usd_axis(title="saving, USD a month"))
    tips = [
        tip("entries", "Answers held", ",.3~r"),
        tip("hit", "Hit ratio", ".1%"),
        tip("usd", "Saving, USD a month", "$,.0f"),
    ]
    line = table().mark_line().encode(x=x, y=y)
    dots = table().mark_point(size=26, opacity=0.5).encode(x=x, y=y, tooltip=tips)
    best = table().transform_filter("datum.best").mark_point(size=110, color=var("ink"), opacity=1)
    text = (
        table()
        .transform_filter("datum.best")
        .transform_calculate(text="'best: ' + format(datum.hit, '.0%') + ' hits'")
        .mark_text(align="right", dx=-10, dy=-12, fontWeight=600)
        .encode(x=x, y=y, text="text:N")
    )
    return alt.layer(line, dots, best.encode(x=x, y=y, tooltip=tips), text).properties(
        width="container", height=HEIGHT
    )


@chart("autoscaling", "late", "share", "policy", "warm", "target", "allowed", "here")
def autoscaling() -> AnyChart:
    """Cost against late requests of ways to scale.

    Columns: late, share, policy, warm, target, allowed, here.
    """
    x = alt.X(
        "late:Q",
        scale=alt.Scale(type="symlog", constant=0.001, nice=False, rangeMin=8),
        axis=alt.Axis(
            labelExpr="format(datum.value, datum.value > 0 && datum.value < 0.01 ? '.1%' : '.0%')",
            values=[0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
            title="requests late",
        ),
    )
    y = alt.Y(
        "share:Q",
        scale=alt.Scale(zero=False, padding=14),
        axis=alt.Axis(format=".0%", title="machine-hours, of a fixed fleet's", tickCount=5),
    )
    tips = [
        tip("policy", "Policy"),
        tip("warm", "Warm pool"),
        tip("target", "Load of a replica", ".0%"),
        tip("late", "Late", ".2%"),
        tip("share", "Of a fixed fleet", ".0%"),
    ]
    rule = (
        table()
        .mark_rule(color=var("ink-3"), strokeDash=[4, 3], strokeWidth=1.2)
        .encode(x=alt.X("mean(allowed):Q"))
    )
    dots = (
        table()
        .mark_point(size=70, opacity=1)
        .encode(
            x=x,
            y=y,
            color=alt.Color("policy:N", scale=states(reactive="s3", predictive="s1")),
            shape=alt.Shape("warm:N", sort=None),
            tooltip=tips,
        )
    )
    here = (
        table()
        .transform_filter("datum.here")
        .mark_point(size=230, color=var("ink"), filled=False, strokeWidth=1.5, opacity=1)
    )
    said = (
        table()
        .transform_filter("datum.here")
        .mark_text(align="left", dx=11, dy=14, fontWeight=600)
        .encode(x=x, y=y, text=alt.value("chosen"))
    )
    return alt.layer(rule, dots, here.encode(x=x, y=y, tooltip=tips), said).properties(
        width="container", height=HEIGHT + 20
    )


@chart("cascade", "escalated", "usd", "quality", "series", "here")
def cascade() -> AnyChart:
    """Cost of two models and of one against the share escalated.

    Columns: escalated, usd, quality, series, here.
    """
    x = alt.X(
        "escalated:Q",
        axis=alt.Axis(format=".0%", title="share of requests for the larger model", tickCount=6),
    )
    y = alt.Y("usd:Q", scale=alt.Scale(zero=True), axis=usd_axis(title="USD per million requests"))
    tips = [
        tip("series", "Option"),
        tip("escalated", "To the larger model", ".0%"),
        tip("usd", "USD per million requests", "$,.3~r"),
        tip("quality", "Quality, of today's", ".1%"),
    ]
    colour = alt.Color("series:N", sort=None, scale=alt.Scale(range=[var(s) for s in SERIES]))
    lines = table().mark_line().encode(x=x, y=y, color=colour)
    dots = table().mark_point(size=26, opacity=0.5).encode(x=x, y=y, color=colour, tooltip=tips)
    here = table().transform_filter("datum.here").mark_point(size=110, color=var("ink"), opacity=1)
    said = (
        table()
        .transform_filter("datum.here")
        .transform_calculate(text="'floor: ' + format(datum.escalated, '.0%')")
        .mark_text(align="left", dx=10, dy=12, fontWeight=600)
        .encode(x=x, y=y, text="text:N")
    )
    return alt.layer(lines, dots, here.encode(x=x, y=y, tooltip=tips), said).properties(
        width="container", height=HEIGHT
    )


def _against_volume() -> AnyChart:
    """Lines of cost by series over volume, today's volume marked."""
    x = alt.X(
        "volume:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=decades(COUNT_LABEL, title="predictions a day, log scale", labelFlush=True),
    )
    y = alt.Y(
        "usd:Q",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=decades(SMALL_USD_LABEL, title="USD a month, log scale"),
    )
    tips = [
        tip("series", "Option"),
        tip("volume", "Volume", ",.3~r"),
        tip("usd", "USD a month", "$,.0f"),
    ]
    colour = alt.Color("series:N", sort=None, scale=alt.Scale(range=[var(s) for s in SERIES]))
    base = table()
    priced = base.transform_filter("isValid(datum.usd)")
    here = (
        base.transform_filter("datum.here")
        .mark_rule(color=var("ink-3"), strokeDash=[4, 3], strokeWidth=1.2)
        .encode(x=alt.X("mean(volume):Q"))
    )
    said = (
        base.transform_filter("datum.here")
        .mark_text(align="left", baseline="top", dx=5, color=var("ink-3"))
        .encode(x=alt.X("mean(volume):Q"), y=alt.value(0), text=alt.value("today"))
    )
    lines = priced.mark_line().encode(x=x, y=y, color=colour)
    dots = priced.mark_point(size=28).encode(x=x, y=y, color=colour, tooltip=tips)
    return alt.layer(lines, dots, here, said).properties(width="container", height=HEIGHT + 20)


@chart("payback", "volume", "usd", "series", "here")
def payback() -> AnyChart:
    """Monthly cost with and without the student against volume: volume, usd, series, here."""
    return _against_volume()


CELL = ("volume", "volume_low", "volume_high", "labour", "labour_low", "labour_high")


@chart("source_regions", *CELL, "way", "usd", "next", "margin", "label", "here")
def source_regions() -> AnyChart:
    """The cheapest way by volume and an engineer's cost, named on the map; today marked.

    Columns: volume and labour with the ends of their cells, way, usd, next, margin, label, here.
    """
    x = alt.X(
        "volume_low:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=decades(COUNT_LABEL, title="predictions a day, log scale", labelFlush=True),
    )
    y = alt.Y(
        "labour_low:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=decades(SMALL_USD_LABEL, title="an engineer a year, log scale"),
    )
    tips = [
        tip("way", "Cheapest"),
        tip("usd", "USD a month", "$,.0f"),
        tip("next", "Next"),
        tip("margin", "Next costs more by", ".0%"),
        tip("volume", "Predictions a day", ",.3~r"),
        tip("labour", "An engineer a year", "$,.0f"),
    ]
    # The colours that the curves of the same ways have.
    ways = ("hosted API", "self-hosted", "managed inference", "owned")
    scale = states(**dict(zip(ways, SERIES, strict=True)))
    fill = alt.Color("way:N", legend=None, scale=scale)
    cells = (
        table()
        .mark_rect(opacity=0.35)
        .encode(x=x, x2="volume_high:Q", y=y, y2="labour_high:Q", color=fill, tooltip=tips)
    )
    at = {"x": alt.X("volume:Q"), "y": alt.Y("labour:Q")}
    names = (
        table()
        .transform_filter("datum.label != ''")
        .mark_text(fontWeight=600, color=var("ink"), dy=-14)
        .encode(**at, text="label:N")
    )
    here = table().transform_filter("datum.here")
    point = here.mark_point(size=110, color=var("ink"), opacity=1).encode(**at, tooltip=tips)
    said = here.mark_text(align="left", dx=10, dy=12, color=var("ink")).encode(
        **at, text=alt.value("today")
    )
    return alt.layer(cells, names, point, said).properties(width="container", height=HEIGHT + 20)


@chart("break_even", "volume", "usd", "series", "here")
def break_even() -> AnyChart:
    """Monthly cost of each way to source a model against volume: volume, usd, series, here."""
    return _against_volume()
