"""The table of decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

import anywidget
import traitlets

from advisor.app.widgets._wire import ROWS, records, script

Kind = Literal["text", "two_line", "money", "number", "percent", "chip", "switch"]


class Column(TypedDict):
    """How one column is shown.

    ``key`` names the row's value. ``sub`` names a second, smaller line and
    ``sub_kind`` its format; ``sort`` names what to sort by where that is not the
    value; ``tone`` (chips) names a colour: good, warn, bad, measured, rule;
    ``disabled`` (switch) names a reason that locks the switch where it is not empty.
    Numbers are formatted by kind (a percent is a fraction); text is shown as given.
    """

    key: str
    label: str
    kind: NotRequired[Kind]
    align: NotRequired[Literal["left", "right"]]
    sub: NotRequired[str]
    sub_kind: NotRequired[Kind]
    sort: NotRequired[str]
    tone: NotRequired[str]
    disabled: NotRequired[str]
    strong: NotRequired[bool]
    sortable: NotRequired[bool]
    hide_small: NotRequired[bool]
    width: NotRequired[int | str]


class Table(anywidget.AnyWidget):
    """Rows with a stable ``id`` to read, sort, search, select and switch.

    Parameters
    ----------
    columns : sequence of Column
        At most one of kind ``switch``. The first other one heads its row.
    rows : frame or iterable of mappings
        Each with ``id`` (text, unique) and the columns' keys.
    toggles : mapping of id to bool
        Which switches are on; those not named are off.
    selected : str
        Id of the highlighted row, or ``""``.
    caption : str
        Says what the table holds; read out, not seen.
    footer, empty : str
        Line below the table; line in place of it where there are no rows.
    selectable : bool
        Whether rows can be selected, by click or Enter.
    sort_key, sort_down : str, bool
        Initial order; as given by default.

    Attributes
    ----------
    stale : bool
        Dims the table while newer figures are being computed.
    """

    _esm = script("table")
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(**ROWS)
    toggles = traitlets.Dict(key_trait=traitlets.Unicode(), value_trait=traitlets.Bool()).tag(
        sync=True
    )
    selected = traitlets.Unicode("").tag(sync=True)
    selectable = traitlets.Bool(True).tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)
    footer = traitlets.Unicode("").tag(sync=True)
    empty = traitlets.Unicode("Nothing here.").tag(sync=True)
    search_label = traitlets.Unicode("Search").tag(sync=True)
    sort_key = traitlets.Unicode("").tag(sync=True)
    sort_down = traitlets.Bool(False).tag(sync=True)
    stale = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Any = (),
        *,
        toggles: Mapping[str, bool] | None = None,
        **kwargs: Any,
    ) -> None:
        self._on_toggle: list[Callable[[str, bool], None]] = []
        super().__init__(
            columns=[dict(column) for column in columns],
            rows=_identified(rows),
            toggles=dict(toggles or {}),
            **kwargs,
        )
        self.on_msg(self._receive)

    def update(self, rows: Any, toggles: Mapping[str, bool] | None = None) -> None:
        """Show other rows, and other switch positions where given."""
        with self.hold_sync():
            self.rows = _identified(rows)
            if toggles is not None:
                self.toggles = dict(toggles)
            self.stale = False

    def on_toggle(self, callback: Callable[[str, bool], None]) -> None:
        """Call ``callback(id, value)`` after each switch a person moves."""
        self._on_toggle.append(callback)

    def _receive(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("kind") != "toggle":
            return
        row, value = str(content.get("id")), bool(content.get("value"))
        try:
            if any(known["id"] == row for known in self.rows):
                self.toggles = {**self.toggles, row: value}
                for callback in self._on_toggle:
                    callback(row, value)
        finally:
            # The browser showed the new position at once; now it shows what holds.
            self.send({"kind": "toggled", "id": row})


def _identified(rows: Any) -> list[dict[str, Any]]:
    found = records(rows)
    seen: set[str] = set()
    for row in found:
        if "id" not in row:
            raise ValueError(f"every row needs an 'id' (got keys {sorted(row)})")
        row["id"] = str(row["id"])
        if row["id"] in seen:
            raise ValueError(f"row ids must differ (got {row['id']!r} twice)")
        seen.add(row["id"])
    return found
