"""The playbook's navigation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, TypedDict

import anywidget
import traitlets

from advisor.app.widgets._wire import script


class Step(TypedDict):
    """One entry: ``mark`` is its sign, ``note`` its running saving or what is missing."""

    key: str
    label: str
    mark: str
    state: Literal["todo", "proposed", "accepted", "blocked"]
    note: NotRequired[str]
    divider: NotRequired[bool]


class Rail(anywidget.AnyWidget):
    """Steps with their state; ``current`` is the key of the one on show.

    ``divider`` on a step draws a line above it. On narrow pages the steps become a
    row of chips.
    """

    _esm = script("rail")
    steps = traitlets.List(traitlets.Dict()).tag(sync=True)
    current = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("Playbook").tag(sync=True)

    def __init__(self, steps: Sequence[Step], current: str = "", **kwargs: Any) -> None:
        super().__init__(
            steps=[{"note": "", **step} for step in steps],
            current=current or (steps[0]["key"] if steps else ""),
            **kwargs,
        )

    def update(self, steps: Sequence[Step]) -> None:
        """Show other states and notes."""
        self.steps = [{"note": "", **step} for step in steps]
