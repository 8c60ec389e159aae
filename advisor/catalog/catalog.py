"""The catalog: every fact the advisor reasons on, as frames with source and date."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from advisor.errors import CatalogError, NotFoundError, did_you_mean

from .load import read_table
from .records import records
from .rows import ROW_TYPES


def default_path() -> Path:
    """Where the shipped catalogs lie: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parents[1]
    installed, checkout = package / "_catalogs", package.parent / "catalogs"
    return installed if installed.is_dir() else checkout


@dataclass(frozen=True, eq=False)
class Catalog:
    """All tables, validated and cross-checked.

    ``catalog["accelerators"]`` is a frame with one line per row; `lookup` finds one row by name.
    """

    tables: Mapping[str, pd.DataFrame]
    _index: dict[str, dict[Any, dict[str, Any]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def load(cls, path: Path | str | None = None, overlays: Sequence[Path | str] = ()) -> Catalog:
        """Read the shipped catalogs (or `path`) and lay the user's own rows over them.

        Parameters
        ----------
        path : Path, optional
            Folder of CSV files; the shipped one by default.
        overlays : sequence of Path
            Folders of CSV files with the same names. Rows with a known key replace, others add.

        Raises
        ------
        CatalogError
            For any bad cell, unknown table or column, duplicate row or dangling reference.
        """
        if path is None and not overlays:
            return _shipped(default_path())
        folders = [Path(path) if path is not None else default_path(), *map(Path, overlays)]
        return cls(_read(folders))

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]

    def lookup(self, table: str, *key: Any) -> dict[str, Any]:
        """One row as a dict, by its key columns (or, for models, by an alias).

        Raises
        ------
        NotFoundError
            With the nearest right spelling.
        """
        rows = self._rows(table)
        found = rows.get(key if len(key) != 1 else key[0])
        if found is None:
            names = [str(k) for k in rows]
            hint = did_you_mean(str(key[0] if len(key) == 1 else key), names)
            text = f"no {table} row named {', '.join(repr(k) for k in key)}"
            raise NotFoundError(f"{text}; {hint}" if hint else text)
        return found

    def names(self, table: str) -> list[str]:
        """The first key column of a table, in file order, without repeats."""
        return list(dict.fromkeys(self.tables[table][ROW_TYPES[table].key[0]]))

    def assumption(self, name: str) -> float:
        """The central value of a planning assumption, in its catalog unit."""
        return float(self.lookup("assumptions", name)["value"])

    def _rows(self, table: str) -> dict[Any, dict[str, Any]]:
        if table not in self._index:
            kind = ROW_TYPES[table]
            rows: dict[Any, dict[str, Any]] = {}
            for given in records(self.tables[table]):
                clean = {k: None if _missing(v) else v for k, v in given.items()}
                key = tuple(clean[k] for k in kind.key)
                rows[key if len(key) != 1 else key[0]] = clean
                for alias in clean.get("aliases") or ():
                    rows.setdefault(alias, clean)
            self._index[table] = rows
        return self._index[table]

    def prices(self, as_of: date | None = None) -> pd.DataFrame:
        """Latest known price per (cloud, region, instance, purchase), up to `as_of`.

        The user's own contract prices count before any list price, however new.
        """
        table = self.tables["prices"]
        if as_of is not None:
            table = table[table["as_of"] <= as_of]
        own = table["standing"] == "contract"
        ordered = table.assign(_own=own).sort_values(["_own", "as_of"], kind="stable")
        ordered = ordered.drop(columns="_own")
        return ordered.drop_duplicates(["cloud", "region", "instance", "purchase"], keep="last")

    def fingerprint(self) -> str:
        """A short hash of every fact, for plan files."""
        digest = hashlib.sha256()
        for name in sorted(self.tables):
            frame = self.tables[name].drop(columns=["file", "row"])
            digest.update(name.encode())
            digest.update(frame.to_csv(index=False).encode())
        return digest.hexdigest()[:16]

    def _repr_html_(self) -> str:
        sizes = pd.DataFrame(
            [
                {"table": n, "rows": len(t), "newest": max(t["as_of"], default=None)}
                for n, t in self.tables.items()
            ]
        )
        return str(sizes.to_html(index=False))


@lru_cache(maxsize=4)
def _shipped(path: Path) -> Catalog:
    return Catalog(_read([path]))


def _missing(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _read(folders: Sequence[Path]) -> dict[str, pd.DataFrame]:
    parts: dict[str, list[pd.DataFrame]] = {}
    for folder in folders:
        files = sorted(folder.glob("*.csv"))
        if not files:
            raise CatalogError(
                "no catalog files (*.csv) in this folder",
                file=str(folder),
                fix="name the folder that holds them",
            )
        for file in files:
            frame = read_table(file)
            parts.setdefault(file.stem, []).append(frame)
    absent = sorted(set(ROW_TYPES) - set(parts))
    if absent:
        raise CatalogError(f"the table '{absent[0]}' is missing", file=str(folders[0]))
    tables = {name: _overlay(name, frames) for name, frames in parts.items()}
    for name, frame in tables.items():
        _check_references(name, frame, tables)
    _check_prices(tables)
    return tables


def _overlay(name: str, frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [f for f in frames if len(f)] or frames[:1]
    if len(filled) == 1:
        return filled[0].reset_index(drop=True)
    joined = pd.concat(filled, ignore_index=True)
    return joined.drop_duplicates(list(ROW_TYPES[name].key), keep="last").reset_index(drop=True)


def _check_references(name: str, frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> None:
    for column, target in ROW_TYPES[name].refs.items():
        known = set(tables[target][ROW_TYPES[target].key[0]])
        dangling = frame[frame[column].notna() & ~frame[column].isin(known)]
        if len(dangling):
            row = dangling.iloc[0]
            raise CatalogError(
                f"no row of '{target}' has this name",
                file=row["file"],
                row=int(row["row"]),
                column=column,
                value=row[column],
                fix=did_you_mean(row[column], known) or f"add it to {target}.csv first",
            )


def _check_prices(tables: Mapping[str, pd.DataFrame]) -> None:
    """A price needs its instance and region, and a figure unless the option is not offered."""
    prices = tables["prices"]
    for columns, target in ((["cloud", "instance"], "instances"), (["cloud", "region"], "regions")):
        known = pd.MultiIndex.from_frame(tables[target][columns])
        lost = prices[~pd.MultiIndex.from_frame(prices[columns]).isin(known)]
        if len(lost):
            row = lost.iloc[0]
            raise CatalogError(
                f"no row of '{target}' has this {columns[1]}",
                file=row["file"],
                row=int(row["row"]),
                column=columns[1],
                value=row[columns[1]],
                fix=did_you_mean(row[columns[1]], tables[target][columns[1]]),
            )
    offered = prices["standing"] != "not_offered"
    wrong = prices[offered == prices["usd_per_hour"].isna()]
    if len(wrong):
        row = wrong.iloc[0]
        raise CatalogError(
            "an offered price needs a figure, and one not offered must have none",
            file=row["file"],
            row=int(row["row"]),
            column="usd_per_hour",
            fix="leave the row out when the price is unknown",
        )
