"""Static blocks of a panel: headline, claims, definitions, where a number comes from.

Functions return :class:`~advisor.report.markup.Markup`, which nests; :func:`show`
makes a widget of it. Text is escaped on its way in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Final, Literal

import ipywidgets

from advisor.report.markup import Markup, Node, escape, link, tag

__all__ = [
    "Markup",
    "Node",
    "banner",
    "blank",
    "blocked",
    "brand",
    "card_header",
    "chip",
    "claims",
    "definitions",
    "escape",
    "explained",
    "eyebrow",
    "kpis",
    "lead",
    "link",
    "paragraph",
    "plain_table",
    "progress",
    "show",
    "sub",
    "tag",
    "update",
    "where_from",
]

Verdict = Literal["holds", "holds_if", "fails", "open"]
Tone = Literal["", "good", "warn", "bad", "measured", "rule"]

_VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "holds": ("holds", "yes"),
    "holds_if": ("holds if", "if"),
    "fails": ("does not hold", "no"),
    "open": ("cannot say", "open"),
}
_ids = count(1)


def show(*nodes: Node, cls: str = "") -> ipywidgets.HTML:
    """Return a widget that shows `nodes`."""
    widget = ipywidgets.HTML(escape(nodes))
    for name in ("mlc-html", *cls.split()):
        widget.add_class(name)
    return widget


def update(widget: ipywidgets.HTML, *nodes: Node) -> None:
    """Replace what a widget of :func:`show` shows."""
    widget.value = escape(nodes)


def lead(text: Node) -> Markup:
    """Return a panel's headline: the finding in one sentence."""
    return tag("h1", text, cls="mlc-lead")


def eyebrow(text: Node) -> Markup:
    """Return the small line above a headline."""
    return tag("p", text, cls="mlc-eyebrow")


def sub(text: Node) -> Markup:
    """Return the line below a headline."""
    return tag("p", text, cls="mlc-sub")


def paragraph(*text: Node) -> Markup:
    """Return a paragraph of running text."""
    return tag("p", *text, cls="mlc-text")


def card_header(title: Node, hint: Node = None) -> Markup:
    """Return a card's title with a quiet remark to its right."""
    return tag(
        "div", tag("h2", title), tag("span", hint, cls="mlc-hint") if hint else None, cls="mlc-hd"
    )


def chip(text: Node, tone: Tone = "") -> Markup:
    """Return a small label, such as an evidence grade."""
    return tag("span", text, cls=f"mlc-chip mlc-{tone}" if tone else "mlc-chip")


def claims(rows: Iterable[tuple[Verdict, Node]]) -> Markup:
    """Return the guide's claims, each with its verdict on this portfolio."""

    def row(verdict: Verdict, text: Node) -> Markup:
        word, tone = _VERDICTS[verdict]
        return tag("li", tag("span", word, cls=f"mlc-v mlc-{tone}"), tag("div", text))

    return tag("ul", [row(*r) for r in rows], cls="mlc-claims")


def definitions(rows: Iterable[tuple[Node, Node]]) -> Markup:
    """Return a list of names with their values."""
    return tag(
        "dl",
        [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows],
        cls="mlc-dl",
    )


def brand(name: Node, line: Node) -> Markup:
    """Return the product's name with what is open below it."""
    return tag("div", name, tag("small", line), cls="mlc-brand")


def kpis(rows: Iterable[tuple[Node, Node, Node] | tuple[Node, Node, Node, str]]) -> Markup:
    """Return the header's figures.

    Each is (label, value, remark) and may have a fourth: ``save`` colours a saving,
    ``stale`` dims, ``arrow`` puts an arrow before the figure.
    """

    def figure(label: Node, value: Node, remark: Node, flags: str = "") -> Markup:
        cls = " ".join(["mlc-kpi", *(f"mlc-{flag}" for flag in flags.split())])
        shown = tag("dd", tag("b", value), " ", tag("i", remark))
        return tag("div", tag("dt", label), shown, cls=cls)

    return tag("dl", [figure(*row) for row in rows], cls="mlc-kpis")


def explained(*blocks: Node) -> Markup:
    """Return explanation text with an accent bar at its left; a block a paragraph."""
    return tag("div", [tag("p", block) for block in blocks], cls="mlc-pop")


def where_from(
    figure: Node,
    *,
    formula: Node,
    inputs: Iterable[tuple[Node, Node]] = (),
    sources: Iterable[tuple[Node, str, str]] = (),
    evidence: Node = None,
    interval: Node = None,
) -> Markup:
    """Return a figure that tells, on click or Enter, where it comes from.

    Parameters
    ----------
    figure : Node
        The figure as shown.
    formula : Node
        In words.
    inputs : iterable of (name, value)
        What went in.
    sources : iterable of (name, url, as_of)
        Without address where `url` is empty.
    evidence, interval : Node
        Grade, and range.
    """
    ident = f"mlc-from-{next(_ids)}"
    rows = list(inputs)
    if interval is not None:
        rows.append(("Range", interval))
    if evidence is not None:
        rows.append(("Evidence", evidence))
    cited = [
        tag("li", link(name, url) if url else name, f" · as of {as_of}" if as_of else None)
        for name, url, as_of in sources
    ]
    panel = tag(
        "span",
        tag("b", figure, cls="mlc-from-figure"),
        tag("span", formula, cls="mlc-from-formula"),
        _rows(rows),
        tag("span", "Sources", tag("ul", cited), cls="mlc-from-sources") if cited else None,
        cls="mlc-from",
        id=ident,
        popover="auto",
        role="dialog",
        aria_label="Where this figure comes from",
    )
    button = tag(
        "button",
        figure,
        tag("span", ", where from?", cls="mlc-sr"),
        cls="mlc-ask",
        type="button",
        popovertarget=ident,
    )
    return Markup(button + panel)


def _rows(rows: Sequence[tuple[Node, Node]]) -> Markup | None:
    return definitions(rows) if rows else None


def blocked(missing: Node, where: Node = None) -> Markup:
    """Return what a step lacks and where to give it."""
    return tag(
        "div",
        tag("b", "Blocked. "),
        missing,
        tag("p", where) if where else None,
        cls="mlc-banner mlc-warn",
        role="status",
    )


def banner(text: Node, tone: Literal["info", "warn", "bad", "good"] = "info") -> Markup:
    """Return a message across the panel; ``bad`` interrupts a screen reader."""
    return tag(
        "div", text, cls=f"mlc-banner mlc-{tone}", role="alert" if tone == "bad" else "status"
    )


def blank(title: Node, text: Node) -> Markup:
    """Return the state of a place where nothing is yet."""
    return tag("div", tag("b", title), tag("p", text), cls="mlc-blank")


def progress(share: float | None, text: Node) -> Markup:
    """Return a progress bar with its sentence; ``None`` where the share is unknown."""
    value = None if share is None else f"{min(1.0, max(0.0, share)):.3f}"
    return tag(
        "div",
        tag("progress", value=value, max="1", aria_label="Progress"),
        tag("span", text),
        cls="mlc-progress",
        role="status",
    )


def plain_table(
    header: Sequence[Node],
    rows: Iterable[Sequence[Node]],
    *,
    numeric: Iterable[int] = (),
    caption: str = "",
) -> Markup:
    """Return a small static table; `numeric` names the columns to align right."""
    right = set(numeric)

    def cells(name: str, row: Sequence[Node], **attributes: Any) -> list[Markup]:
        return [
            tag(name, cell, cls="mlc-num" if i in right else "", **attributes)
            for i, cell in enumerate(row)
        ]

    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption, cls="mlc-sr") if caption else None,
            tag("thead", tag("tr", cells("th", header, scope="col"))),
            tag("tbody", [tag("tr", cells("td", row)) for row in rows]),
            cls="mlc-plain",
        ),
        cls="mlc-scroll",
        tabindex="0",
        role="region",
        aria_label=caption or "Table",
    )
