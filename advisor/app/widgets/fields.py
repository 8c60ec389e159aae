"""Labelled inputs: a number, a choice, a switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from advisor.app.widgets import numbers
from advisor.app.widgets._wire import script


class Field(anywidget.AnyWidget):
    """A labelled number, committed on Enter or on leaving it.

    Text that is no number or out of bounds keeps the old value and shows a message
    beside the control; nothing is rounded or clamped.

    Parameters
    ----------
    label : str
        What the number is.
    value : float or None
        Observe this.
    unit, hint : str
        Shown after the number; shown below it.
    minimum, maximum : float, optional
        Bounds, inclusive.
    integer, optional : bool
        Whether only whole numbers will do; whether empty (``None``) is allowed.

    Attributes
    ----------
    error : str
        The message; set it to object to a value for reasons of your own.
    """

    _esm = script("field")
    label = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode("").tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    shown = traitlets.Unicode("").tag(sync=True)
    value = traitlets.Float(None, allow_none=True)
    minimum = traitlets.Float(None, allow_none=True)
    maximum = traitlets.Float(None, allow_none=True)
    integer = traitlets.Bool(False)
    optional = traitlets.Bool(False)

    def __init__(self, label: str, value: float | None = None, **kwargs: Any) -> None:
        super().__init__(label=label, value=value, shown=numbers.shown(value), **kwargs)
        self.on_msg(self._receive)

    @traitlets.observe("value")
    def _show(self, _change: object) -> None:
        self.shown = numbers.shown(self.value)

    def commit(self, text: str) -> bool:
        """Take `text` as if typed; return whether it was accepted."""
        try:
            value = numbers.parse(
                text,
                unit=self.unit,
                minimum=self.minimum,
                maximum=self.maximum,
                integer=self.integer,
                optional=self.optional,
            )
        except ValueError as error:
            kept = f"{self.shown} {self.unit}".strip()
            self.error = f"{error} Still using {kept}." if kept else str(error)
            return False
        self.error = ""
        self.value = value
        return True

    def _receive(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("kind") == "commit" and self.commit(str(content.get("text", ""))):
            self.send({"kind": "accepted"})


class Choice(anywidget.AnyWidget):
    """A labelled choice of one.

    Parameters
    ----------
    label : str
        What is chosen.
    options : sequence of (value, text) or of str
        Values are text.
    value : str
        The first option by default. Observe this.
    """

    _esm = script("choice")
    label = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    value = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        label: str,
        options: Sequence[tuple[str, str] | str],
        value: str | None = None,
        **kwargs: Any,
    ) -> None:
        pairs = _pairs(options)
        first = pairs[0][0] if pairs else ""
        super().__init__(
            label=label, options=pairs, value=first if value is None else value, **kwargs
        )

    def offer(self, options: Sequence[tuple[str, str] | str]) -> None:
        """Offer other options; what is chosen stays where it still is one."""
        pairs = _pairs(options)
        if pairs == self.options:
            return
        with self.hold_trait_notifications():
            self.options = pairs
            if self.value not in [value for value, _ in pairs]:
                self.value = pairs[0][0] if pairs else ""

    @traitlets.validate("value")
    def _known(self, proposal: Mapping[str, Any]) -> str:
        value: str = proposal["value"]
        known = [option[0] for option in self.options]
        if known and value not in known:
            raise traitlets.TraitError(f"'value' must be one of {known} (got {value!r})")
        return value


def _pairs(options: Sequence[tuple[str, str] | str]) -> list[list[str]]:
    return [[o, o] if isinstance(o, str) else list(o) for o in options]


class Toggle(anywidget.AnyWidget):
    """A labelled switch. Observe ``value``."""

    _esm = script("toggle")
    label = traitlets.Unicode().tag(sync=True)
    value = traitlets.Bool(False).tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(self, label: str, value: bool = False, **kwargs: Any) -> None:
        super().__init__(label=label, value=value, **kwargs)
