"""Safe HTML text, shared by the app and the report.

Whatever is not :class:`Markup` is escaped on its way in, so a workload called
``<script>`` shows as just that.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "col"})
_LINK_SCHEMES = ("https://", "http://", "#", "mailto:")


class Markup(str):
    """Text that is HTML already and goes in unescaped."""

    __slots__ = ()


Node = str | int | float | Iterable["Node"] | None


def escape(node: Node) -> Markup:
    """Return `node` as HTML: markup as it is, text escaped, ``None`` as nothing."""
    if node is None:
        return Markup("")
    if isinstance(node, Markup):
        return node
    if isinstance(node, str):
        return Markup(html.escape(node))
    if isinstance(node, int | float):
        return Markup(html.escape(str(node)))
    return Markup("".join(escape(child) for child in node))


def tag(name: str, /, *children: Node, cls: str = "", **attributes: str | bool | None) -> Markup:
    """Return one element.

    Parameters
    ----------
    name : str
        Element name; written by us, never by a user.
    *children : Node
        Escaped unless already :class:`Markup`.
    cls : str
        Class names.
    **attributes : str, bool or None
        ``aria_label`` becomes ``aria-label``; ``None`` and ``False`` are left out.
    """
    if cls:
        attributes = {"class": cls, **attributes}
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        shown = key.rstrip("_").replace("_", "-")
        parts.append(shown if value is True else f'{shown}="{html.escape(str(value))}"')
    head = f"<{' '.join(parts)}>"
    if name in _VOID:
        return Markup(head)
    return Markup(f"{head}{escape(children)}</{name}>")


def link(text: Node, url: str) -> Markup:
    """Return a link that opens apart, or only `text` where the address is unusual.

    Addresses come from catalogs and files, so ``javascript:`` and its kin must not
    become clickable.
    """
    if not url.lower().startswith(_LINK_SCHEMES):
        return escape(text)
    if url.startswith("#"):
        return tag("a", text, href=url)
    return tag("a", text, href=url, target="_blank", rel="noopener noreferrer")
