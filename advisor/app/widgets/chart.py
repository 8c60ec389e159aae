"""A chart that is drawn once and then takes only rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import ipywidgets
import traitlets

from advisor.app.widgets._wire import ROWS, records, script
from advisor.app.widgets.lib import Lib, lib
from advisor.report import assets


class Chart(anywidget.AnyWidget):
    """One of the report's charts, live.

    Parameters
    ----------
    spec_name : str
        A key of ``advisor.report.charts.CHARTS``.
    rows : frame or iterable of mappings
        The chart's data; set again through :meth:`update`.
    alt_text : str
        What the chart says, for those who do not see it.
    height : int, optional
        Plot height in pixels; the specification's own by default.
    columns : sequence of dict, optional
        ``{"key", "label"}`` for the data table; all keys of the rows by default.
    empty : str
        What to say where there is nothing to draw.

    Attributes
    ----------
    stale : bool
        Dims the chart while newer figures are being computed.
    """

    _esm = script("chart")
    lib = traitlets.Instance(Lib).tag(sync=True, **ipywidgets.widget_serialization)
    spec = traitlets.Dict().tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(**ROWS)
    alt = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(None, allow_none=True).tag(sync=True)
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    empty = traitlets.Unicode().tag(sync=True)
    stale = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        spec_name: str,
        rows: Any = (),
        alt_text: str = "",
        height: int | None = None,
        *,
        columns: Sequence[dict[str, Any]] = (),
        empty: str = "Nothing to show yet.",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            lib=lib(),
            spec=assets.spec(spec_name),
            rows=records(rows),
            alt=alt_text,
            height=height,
            columns=list(columns),
            empty=empty,
            **kwargs,
        )

    def update(self, rows: Any, alt_text: str | None = None) -> None:
        """Show other rows, and say so in words where `alt_text` is given."""
        with self.hold_sync():
            self.rows = records(rows)
            if alt_text is not None:
                self.alt = alt_text
            self.stale = False
