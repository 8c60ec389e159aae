"""What the charts share: the table, axes for money, and colours by state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import altair as alt

from advisor.report.theme import var

AnyChart: TypeAlias = Any
"""An Altair chart of whatever shape; Altair's own types do not follow its layering."""
Make = Callable[[], AnyChart]

CHARTS: dict[str, Make] = {}
"""Every chart by name."""
FIELDS: dict[str, tuple[str, ...]] = {}
"""The columns each chart's rows must have."""

ROW = 30
"""Height of one bar's row, pixels."""
BAR = 15
"""Thickness of a bar, pixels."""

USD_LABEL = "replace(format(datum.value, '$~s'), 'G', 'B')"
SMALL_USD_LABEL = (
    "'$' + (datum.value >= 1e3 ? replace(format(datum.value, '~s'), 'G', 'B')"
    " : datum.value >= 0.01 ? format(datum.value, '~f') : format(datum.value, '.9~f'))"
)
COUNT_LABEL = "replace(format(datum.value, '~s'), 'G', 'B')"


def chart(name: str, *fields: str) -> Callable[[Make], Make]:
    """Register a chart under a name, with the columns of its rows."""

    def register(make: Make) -> Make:
        CHARTS[name] = make
        FIELDS[name] = fields
        return make

    return register


def table() -> alt.Chart:
    """An empty chart of the table ``t``, as wide as its container."""
    return alt.Chart(alt.NamedData("t")).properties(width="container")


def usd_axis(**more: Any) -> alt.Axis:
    """An axis of US dollars: $0, $20k, $1.5M."""
    return alt.Axis(labelExpr=USD_LABEL, **{"title": None, **more})


def decades(label: str, **more: Any) -> alt.Axis:
    """An axis of a logarithmic scale with a line at each 1 and 3."""
    values = [m * 10.0**k for k in range(-9, 13) for m in (1, 3)]
    return alt.Axis(values=values, tickCount=len(values), labelExpr=label, grid=True, **more)


def leaving(pixels: int) -> alt.Scale:
    """A scale from zero that keeps room for text at its right end."""
    return alt.Scale(zero=True, nice=False, rangeMin=0, rangeMax=alt.ExprRef(f"width - {pixels}"))


def states(**colours: str) -> alt.Scale:
    """A colour scale from named states to tokens."""
    return alt.Scale(domain=list(colours), range=[var(c) for c in colours.values()])


def tip(field: str, title: str, form: str | None = None) -> alt.Tooltip:
    """A tooltip line; `form` is a d3 number format."""
    kind: Any = "quantitative" if form else "nominal"
    if form is None:
        return alt.Tooltip(field=field, type=kind, title=title)
    return alt.Tooltip(field=field, type=kind, title=title, format=form)


def names(field: str, order: str | None = None, **axis: Any) -> alt.Y:
    """A band per name from the top down, in the order of another column or of the rows."""
    sort: Any = alt.EncodingSortField(field=order, op="min") if order else None
    return alt.Y(field=field, type="nominal", sort=sort, axis=alt.Axis(title=None, **axis))


def marked(base: alt.Chart, kind: str) -> alt.Chart:
    """The same rows, each with a constant column ``kind`` for the legend."""
    return base.transform_calculate(kind=f"'{kind}'")


def kinds(**colours: str) -> alt.Color:
    """The colour and the legend of rows made by `marked`, in this order."""
    legend = alt.Legend(
        title=None, symbolOpacity=1, symbolStrokeColor=var("edge"), symbolStrokeWidth=0.75
    )
    return alt.Color("kind:N", sort=None, scale=states(**colours), legend=legend)
