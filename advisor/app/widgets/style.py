"""The app's stylesheet, brought to whichever page shows the widgets."""

from __future__ import annotations

from functools import cache

import anywidget
import traitlets

from advisor.app.widgets._wire import STATIC, script
from advisor.report import theme


class Style(anywidget.AnyWidget):
    """Invisible widget that carries the stylesheet. Use :func:`style`, which keeps one."""

    _esm = script("style")
    css = traitlets.Unicode().tag(sync=True)


def stylesheet() -> str:
    """Return colour tokens and widget rules as one sheet."""
    return theme.css_variables() + (STATIC / "app.css").read_text("utf-8")


@cache
def style() -> Style:
    """Return this kernel's only :class:`Style`."""
    return Style(css=stylesheet())
