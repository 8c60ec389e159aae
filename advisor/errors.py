"""Errors the user can act on.

Every message says where the trouble is, what was found, what is allowed and what to do.

::

    AdvisorError
    ├── InputError          something the user gave is wrong (file, row, column, value)
    │   ├── CatalogError    ... in a catalog file
    │   ├── PortfolioError  ... in a portfolio
    │   └── PlanFileError   ... in a saved plan
    └── NotFoundError       a name that no catalog row carries
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AdvisorError(Exception):
    """Base of all errors raised on purpose by the package."""


class NotFoundError(AdvisorError, KeyError):
    """A name that no catalog row carries."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InputError(AdvisorError, ValueError):
    """Bad input, located.

    Parameters
    ----------
    problem : str
        What is wrong, in one clause.
    file, row, column : optional
        Where: file name, 1-based row as a spreadsheet counts it, and column or field path.
    value : optional
        The offending value as the user wrote it.
    allowed : str, optional
        What would be accepted.
    fix : str, optional
        What to do, such as the nearest right spelling.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
        allowed: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.file, self.row, self.column = problem, file, row, column
        self.value, self.allowed, self.fix = value, allowed, fix
        super().__init__(self._message())

    def _message(self) -> str:
        where = ", ".join(
            part
            for part in (
                self.file,
                f"row {self.row}" if self.row is not None else None,
                f"column '{self.column}'" if self.column else None,
            )
            if part
        )
        text = f"{where}: {self.problem}" if where else self.problem
        if self.value is not None:
            text += f" (got {shorten(self.value)})"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.fix:
            text += f"; {self.fix}"
        return text


class CatalogError(InputError):
    """Bad input in a catalog file."""


class PortfolioError(InputError):
    """Bad input in a portfolio."""


class PlanFileError(InputError):
    """Bad input in a saved plan file."""


def shorten(value: object, limit: int = 80) -> str:
    """Quote a user's value for a message, cutting what would flood it."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The closest right spelling of `name` among `names`, or None when nothing is close."""
    known = {str(n).casefold(): str(n) for n in names}
    hits = difflib.get_close_matches(str(name).casefold(), list(known), n=1, cutoff=0.6)
    return known[hits[0]] if hits else None


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """A 'did you mean …?' clause for an unknown name, or None."""
    hit = nearest(name, names)
    return f"did you mean '{hit}'?" if hit else None
