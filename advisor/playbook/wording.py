"""Small words for sentences that must read well with none, one or many."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.catalog import Catalog
from advisor.format import count

NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
UNIT = {"request": "request", "image": "image", "1k_tokens": "1K tokens"}


def number(n: int) -> str:
    """A small number as a word, a large one in figures."""
    return NUMBERS[n] if 0 <= n < len(NUMBERS) else count(n)


def things(n: int, one: str, many: str = "") -> str:
    """'one workload', 'four workloads', 'no workloads'."""
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def of_all(n: int, total: int, one: str) -> str:
    """'Four of nine workloads', 'All three workloads', 'The one workload'."""
    if total == 1 and n == 1:
        return f"The one {one}"
    if n == total:
        return f"{'Both' if n == 2 else f'All {number(n)}'} {one}s"
    return f"{number(n).capitalize()} of {things(total, one)}"


def sentence(text: str) -> str:
    """With a capital first letter, the rest untouched."""
    return text[:1].upper() + text[1:]


def inner(text: str) -> str:
    """As it stands inside a sentence: 'paged KV cache', but 'KV cache'."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def listing(names: Sequence[str], most: int = 4) -> str:
    """'a', 'a and b', 'a, b and c', 'a, b, c and 5 more'."""
    shown = list(names)
    if len(names) > most:
        shown = [*names[: most - 1], f"{len(names) - most + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def label(catalog: Catalog, table: str, name: str | None) -> str:
    """A catalog row's label, or a dash where there is no name."""
    return str(catalog.lookup(table, name)["label"]) if name else "—"


def short(catalog: Catalog, table: str, name: str | None) -> str:
    """A label without what stands in brackets."""
    return label(catalog, table, name).split(" (")[0]


def span(low: float, high: float) -> str:
    """A range of shares: '5–20%'."""
    return f"{low * 100:g}–{high * 100:g}%"


def hourly(usd: float) -> str:
    """A price per hour, to the cent, or finer below a dollar."""
    return f"${usd:,.2f}" if usd >= 1.0 else f"${usd:.3f}"
