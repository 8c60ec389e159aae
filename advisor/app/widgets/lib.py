"""The chart library, sent to a page once and shared by all of its charts."""

from __future__ import annotations

from functools import cache

import anywidget
import traitlets

from advisor.app.widgets._wire import script
from advisor.report import assets


class Lib(anywidget.AnyWidget):
    """Carrier of the gzipped chart library. Use :func:`lib`, which keeps one."""

    _esm = script("lib")
    gz = traitlets.Bytes().tag(sync=True)
    version = traitlets.Unicode().tag(sync=True)


@cache
def lib() -> Lib:
    """Return this kernel's only :class:`Lib`."""
    return Lib(gz=assets.bundle(), version=assets.key())
