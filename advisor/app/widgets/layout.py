"""Boxes with class names; the stylesheet's grid does the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import ipywidgets

from advisor.app.widgets import html
from advisor.app.widgets.style import style

# ipywidgets has no types; any of its widgets will do.
Widget: TypeAlias = Any
Children: TypeAlias = Any


def box(cls: str, *children: Widget) -> ipywidgets.Box:
    """Return a box with class names."""
    made = ipywidgets.Box(list(children))
    for name in cls.split():
        made.add_class(name)
    return made


def stack(*children: Widget) -> ipywidgets.Box:
    """Return `children` below each other."""
    return box("mlc-stack", *children)


def row(*children: Widget) -> ipywidgets.Box:
    """Return `children` beside each other, wrapping where they must."""
    return box("mlc-row", *children)


def card(title: html.Node, *children: Widget, hint: html.Node = None) -> ipywidgets.Box:
    """Return a card; its header is ``.children[0]`` for :func:`html.update`."""
    header = html.show(html.card_header(title, hint)) if title or hint else html.show()
    return box("mlc-card", header, *children)


def page(*children: Widget) -> ipywidgets.Box:
    """Return the outermost box, with the stylesheet. Every display needs one."""
    return box("mlc-page", style(), *children)


def button(
    text: str,
    on_click: Callable[[], object],
    kind: Literal["", "go", "quiet"] = "",
    *,
    tooltip: str = "",
) -> ipywidgets.Button:
    """Return a button; ``go`` is the page's main one."""
    made = ipywidgets.Button(description=text, tooltip=tooltip)
    made.add_class("mlc-btn")
    if kind:
        made.add_class(f"mlc-{kind}")
    made.on_click(lambda _button: on_click())
    return made


class Shell(ipywidgets.Box):
    """The app's frame: header across, rail left, panel, explanations right.

    Attributes
    ----------
    header, rail, main, aside, footer : ipywidgets.Box
        Set their ``children`` to show something else.
    """

    def __init__(
        self,
        header: Children = (),
        rail: Children = (),
        main: Children = (),
        aside: Children = (),
        footer: Children = (),
    ) -> None:
        self.header = box("mlc-top-in", *_many(header))
        self.rail = box("mlc-rail-slot", *_many(rail))
        self.main = box("mlc-stack mlc-panel", *_many(main))
        self.footer = box("mlc-foot", *_many(footer))
        self.aside = box("mlc-aside mlc-stack", *_many(aside))
        middle = box("mlc-main", self.main, self.footer)
        super().__init__(
            [
                style(),
                box("mlc-top", self.header),
                box("mlc-shell", self.rail, middle, self.aside),
            ]
        )
        self.add_class("mlc-page")


def shell(
    header: Children = (),
    rail: Children = (),
    main: Children = (),
    aside: Children = (),
    footer: Children = (),
) -> Shell:
    """Return the app's frame. See :class:`Shell`."""
    return Shell(header, rail, main, aside, footer)


def _many(children: Children) -> list[Widget]:
    return [children] if isinstance(children, ipywidgets.Widget) else list(children)
