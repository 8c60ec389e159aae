"""What every catalog row shares: a source, a date, and a place in a table."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Standing = Literal["contract", "published", "observed", "derived", "estimated", "not_offered"]
"""How a price is known. ``not_offered``: the option does not exist; an empty price is unknown."""

Evidence = Literal["measured", "published", "calibrated", "rule"]
"""How a performance or quality figure is known, strongest first."""


def _split(value: Any) -> Any:
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split("|") if part.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Several names in one cell, separated by ``|``."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]


class Row(BaseModel):
    """One fact, or one thing with its facts.

    Subclasses name their table (`table`, the CSV file's stem), the columns that identify a row
    (`key`) and the columns that must name a row of another table (`refs`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    refs: ClassVar[dict[str, str]] = {}

    source: Text = Field(description="Where the figures were read, precisely enough to find them.")
    as_of: date = Field(description="The day the figures were true or read (ISO date).")
    notes: str | None = Field(None, description="Remarks for people.")

    @classmethod
    def columns(cls) -> list[str]:
        """Field names, the row's own first and its provenance last."""
        shared = list(Row.model_fields)
        return [n for n in cls.model_fields if n not in shared] + shared
