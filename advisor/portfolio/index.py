"""The catalog's names, indexed for checking a portfolio, and the problems found so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from advisor.catalog import Catalog
from advisor.errors import NotFoundError, PortfolioError, did_you_mean

from .place import MANY, FieldPath, Locate, counted, located

SHOWN = 12
"""Names listed in a message before it says how many more there are."""


class Index:
    """The names a portfolio may use, and the problems found with those it does use."""

    def __init__(self, catalog: Catalog, locate: Locate) -> None:
        self.catalog, self.locate = catalog, locate
        self.problems: list[PortfolioError] = []
        machines, regions, apis = (catalog[t] for t in ("instances", "regions", "api_prices"))
        self.sold = set(zip(machines["cloud"], machines["instance"], strict=True))
        self.places = set(zip(regions["cloud"], regions["region"], strict=True))
        self.geographies = [g for g in dict.fromkeys(regions["geography"]) if g != "any"]
        self._names: dict[str, list[str]] = {}
        self.apis = {
            (p, m): served
            for p, m, served in zip(apis["provider"], apis["api_model"], apis["model"], strict=True)
        }
        self.precisions: dict[str, dict[str, tuple[str, ...]]] = {"weights": {}, "kv": {}}
        for row in catalog["precisions"].to_dict("records"):
            self.precisions[row["role"]][row["precision"]] = row["kinds"]
        prices = catalog.prices()
        known = prices[prices["usd_per_hour"].notna()]
        keys = ("cloud", "instance", "purchase", "region")
        self.priced = set(zip(*(known[k] for k in keys), strict=True))
        absent = prices[prices["standing"] == "not_offered"]
        self.not_offered = set(zip(*(absent[k] for k in keys), strict=True))

    def names(self, table: str) -> list[str]:
        """The names of a table's rows."""
        if table not in self._names:
            self._names[table] = self.catalog.names(table)
        return self._names[table]

    def add(self, problem: str, path: FieldPath, **more: Any) -> None:
        """Note a problem at a path; `more` as for `located`. Many problems end the search."""
        self.problems.append(located(problem, self.locate(path), **more))
        if len(self.problems) > MANY:
            self.finish()

    def finish(self) -> None:
        """Raise the first problem, if there is one."""
        if self.problems:
            raise counted(self.problems[0], len(self.problems) - 1)

    def known(self, what: str, value: str, names: Iterable[str], path: FieldPath) -> bool:
        """Whether a name is one of `names`, with a problem noted when it is not."""
        names = list(names)
        if value in names:
            return True
        hint = did_you_mean(value, names)
        self.add(f"unknown {what}", path, value=value, allowed=listed(names), fix=hint)
        return False

    def model(self, name: str, path: FieldPath) -> dict[str, Any] | None:
        """A model's row, by name or alias."""
        try:
            return self.catalog.lookup("models", name)
        except NotFoundError:
            table = self.catalog["models"]
            aliases = [a for row in table["aliases"] for a in row]
            hint = did_you_mean(name, [*table["model"], *aliases])
            fix = hint or "add it to models.csv in a catalog folder of your own"
            self.add("unknown model", path, value=name, fix=fix)
            return None


def listed(names: Sequence[str]) -> str:
    """Names for a message, cut where there are many."""
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
