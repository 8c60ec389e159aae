"""Colours, type and the chart look, as data.

Every colour on screen is a token with a light and a dark value. Widgets and the
page read the tokens as CSS variables (:func:`css_variables`); chart specifications
name them (:func:`var`) and stay free of literal colours until they are drawn, so
one specification serves both schemes and a printed report (:func:`painted`).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, Final, Literal

Scheme = Literal["light", "dark"]

FONT: Final = 'Inter,"Segoe UI",system-ui,-apple-system,Roboto,"Helvetica Neue",Arial,sans-serif'
MONO: Final = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace'

# name: (light, dark). Text colours keep 4.5:1 on every surface, series 3:1 on a card.
COLOURS: Final = MappingProxyType(
    {
        "ink": ("#171c26", "#e8ebf0"),
        "ink-2": ("#4d5766", "#b0b8c4"),
        "ink-3": ("#5f6978", "#98a2b0"),
        "line": ("#e2e6ec", "#2b323d"),
        "line-2": ("#eef1f5", "#232933"),
        "edge": ("#8a94a3", "#69748a"),
        "bg": ("#f6f7f9", "#12161c"),
        "card": ("#ffffff", "#191e26"),
        "accent": ("#0b6e69", "#54c2bb"),
        "accent-soft": ("#e3f2f1", "#12302f"),
        "on-accent": ("#ffffff", "#0d1a1a"),
        "good": ("#14713f", "#5fc98b"),
        "good-soft": ("#e4f3ea", "#12301f"),
        "warn": ("#96510a", "#e7ad5c"),
        "warn-soft": ("#fdf3e3", "#33270f"),
        "bad": ("#b3261e", "#f2867d"),
        "bad-soft": ("#fdecea", "#3a1b19"),
        "s1": ("#0b6e69", "#54c2bb"),
        "s2": ("#4a7de0", "#84abf7"),
        "s3": ("#c8781f", "#eeb067"),
        "s4": ("#8a6fd1", "#b09be6"),
        "mute": ("#c5ccd6", "#465060"),
    }
)
TEXT: Final = ("ink", "ink-2", "ink-3", "accent", "good", "warn", "bad")
SURFACES: Final = ("bg", "card", "accent-soft")
SERIES: Final = ("s1", "s2", "s3", "s4")

# JupyterLab's own variables, so that stock widgets sit in the same palette.
_JUPYTER: Final = MappingProxyType(
    {
        "layout-color0": "card",
        "layout-color1": "card",
        "layout-color2": "line-2",
        "layout-color3": "line",
        "layout-color4": "mute",
        "inverse-layout-color3": "ink-2",
        "inverse-layout-color4": "ink",
        "border-color0": "edge",
        "border-color1": "edge",
        "border-color2": "line",
        "border-color3": "line-2",
        "ui-font-color0": "ink",
        "ui-font-color1": "ink",
        "ui-font-color2": "ink-2",
        "ui-font-color3": "ink-3",
        "ui-inverse-font-color0": "on-accent",
        "ui-inverse-font-color1": "on-accent",
        "content-font-color0": "ink",
        "content-font-color1": "ink",
        "content-font-color2": "ink-2",
        "content-link-color": "accent",
        "brand-color0": "accent",
        "brand-color1": "accent",
        "brand-color2": "accent",
        "brand-color3": "accent-soft",
        "accent-color1": "accent",
        "success-color1": "good",
        "info-color1": "s2",
        "warn-color1": "warn",
        "error-color1": "bad",
        "input-background": "bg",
        "input-active-background": "card",
        "rendermime-table-row-background": "line-2",
        "rendermime-table-row-hover-background": "accent-soft",
    }
)

_TOKEN = re.compile(r"var\(--mlc-([a-z0-9-]+)\)")


def var(name: str) -> str:
    """Return the CSS reference of a colour token.

    Parameters
    ----------
    name : str
        A key of :data:`COLOURS`.

    Raises
    ------
    KeyError
        If there is no such token.
    """
    if name not in COLOURS:
        raise KeyError(f"'name' must be one of {', '.join(COLOURS)} (got {name!r})")
    return f"var(--mlc-{name})"


def css_variables() -> str:
    """Return the ``:root`` block that defines every token for both schemes.

    ``color-scheme`` decides which side of ``light-dark()`` counts: the visitor's
    setting, unless ``data-mlc-theme`` on the root element says otherwise.
    """
    colours = [f"  --mlc-{k}: light-dark({v[0]}, {v[1]});" for k, v in COLOURS.items()]
    return "\n".join(
        [
            "html:root {",
            "  color-scheme: light dark;",
            *colours,
            f"  --mlc-font: {FONT};",
            f"  --mlc-mono: {MONO};",
            "}",
            *(
                f"html:root[data-mlc-theme={side}], html:root[data-mlc-theme={side}] .mlc-page"
                f" {{ color-scheme: {side}; }}"
                for side in ("light", "dark")
            ),
            "@media print { html:root:root, html:root:root .mlc-page { color-scheme: light; } }",
            "",
        ]
    )


def jupyter_variables() -> str:
    """Return the blocks that give JupyterLab's colour variables the tokens' values.

    Literal colours, one block a scheme: JupyterLab parses some of these in JavaScript,
    which knows no ``light-dark()``.
    """

    def block(selector: str, side: int) -> str:
        lines = [f"  --jp-{k}: {COLOURS[v][side]};" for k, v in _JUPYTER.items()]
        return "\n".join([f"{selector} {{", *lines, "}"])

    return "\n".join(
        [
            block("html:root", 0),
            "@media screen and (prefers-color-scheme: dark) {",
            block("html:root:not([data-mlc-theme=light])", 1),
            "}",
            block("html:root[data-mlc-theme=dark]", 1),
            "html:root { --jp-ui-font-family: var(--mlc-font); }",
            "",
        ]
    )


def config() -> dict[str, Any]:
    """Return the Vega-Lite config shared by all charts, in tokens."""
    text = {
        "labelColor": var("ink-2"),
        "labelFontSize": 12,
        "titleColor": var("ink-3"),
        "titleFontSize": 12,
        "titleFontWeight": 400,
    }
    return {
        "background": "transparent",
        "font": FONT,
        "padding": 2,
        "view": {"stroke": None},
        "axis": {
            **text,
            "domain": False,
            "ticks": False,
            "gridColor": var("line"),
            "labelPadding": 8,
            "labelOverlap": "parity",
            "labelSeparation": 6,
            "titlePadding": 10,
        },
        "axisBand": {"grid": False, "labelLimit": 220},
        "axisPoint": {"grid": False},
        "axisQuantitative": {"tickCount": 5},
        "legend": {**text, "orient": "top", "symbolType": "square", "title": None},
        "header": {**text, "labelFontWeight": 600},
        "title": {
            "color": var("ink"),
            "subtitleColor": var("ink-3"),
            "fontSize": 14,
            "fontWeight": 600,
            "anchor": "start",
        },
        "range": {
            "category": [var(s) for s in SERIES],
            "ordinal": [var(s) for s in SERIES],
            "ramp": [var("accent-soft"), var("s1")],
            "heatmap": [var("accent-soft"), var("s1")],
            "diverging": [var("s3"), var("line"), var("s1")],
        },
        "mark": {"color": var("s1")},
        "bar": {"cornerRadiusEnd": 3},
        "line": {"strokeWidth": 2},
        "rule": {"color": var("ink")},
        "tick": {"color": var("ink")},
        "text": {"color": var("ink"), "fontSize": 12},
        "point": {"filled": True, "size": 60},
    }


def painted(spec: Any, scheme: Scheme = "light") -> Any:
    """Return `spec` with every token replaced by its colour.

    For places without CSS: printed reports and static pictures. In the browser the
    chart widget does the same from the variables in force.

    Raises
    ------
    KeyError
        If the specification names an unknown token.
    """
    side = 0 if scheme == "light" else 1
    if isinstance(spec, str):
        return _TOKEN.sub(lambda m: COLOURS[m[1]][side], spec)
    if isinstance(spec, dict):
        return {k: painted(v, scheme) for k, v in spec.items()}
    if isinstance(spec, list):
        return [painted(v, scheme) for v in spec]
    return spec
