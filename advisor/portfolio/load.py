"""Read a portfolio from YAML, JSON, CSV or XLSX; every error names the user's own cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from advisor.catalog import Catalog, default_path
from advisor.errors import PortfolioError, did_you_mean

from .check import check
from .model import Portfolio
from .nodes import json_as_yaml, read_yaml
from .place import FieldPath, Locate, Place, dotted, from_validation, located, record_in
from .tables import read_csv, read_xlsx

MAX_BYTES = 20_000_000
FORMATS = (".yaml", ".yml", ".json", ".csv", ".tsv", ".xlsx")


def sample_path() -> Path:
    """The sample portfolio that ships with the catalogs."""
    return default_path() / "samples" / "sample.yaml"


def load_portfolio(
    source: Path | str | bytes, catalog: Catalog, *, name: str | None = None
) -> Portfolio:
    """Read a portfolio and check it against the catalog.

    Parameters
    ----------
    source : Path, str or bytes
        A file, or the content of one (then `name` says what it was called).
    catalog : Catalog
        Where models, machines, prices and profiles are looked up.
    name : str, optional
        File name for the format and for messages; the path's own by default.

    Returns
    -------
    Portfolio
        With every name as the catalog spells it.

    Raises
    ------
    PortfolioError
        For an unreadable or oversized file, an unknown field, or a value that is not allowed.
    """
    file = Path(name or "portfolio" if isinstance(source, bytes) else name or source).name
    suffix = Path(file).suffix.casefold()
    if suffix not in FORMATS:
        raise located(
            "not a format that portfolios are read from",
            Place(file),
            value=suffix or file,
            allowed=", ".join(FORMATS),
            fix="save it as .xlsx" if suffix == ".xls" else did_you_mean(suffix, FORMATS),
        )
    content = source if isinstance(source, bytes) else _bytes(Path(source), file)
    if len(content) > MAX_BYTES:
        raise _too_large(file, len(content))
    if suffix == ".xlsx":
        data, locate = read_xlsx(content, file)
    elif suffix in {".csv", ".tsv"}:
        data, locate = read_csv(_decoded(content, file), file)
    else:
        text = _decoded(content, file)
        data, locate = read_yaml(json_as_yaml(text) if suffix == ".json" else text, file)
    return parse(data, catalog, locate=locate)


def parse(
    data: Any, catalog: Catalog, *, file: str | None = None, locate: Locate | None = None
) -> Portfolio:
    """Build a portfolio from plain data, such as a plan file holds.

    Parameters
    ----------
    data : dict
        Fields as in `Portfolio`; None and blank text count as not given.
    catalog : Catalog
        Where models, machines, prices and profiles are looked up.
    file : str, optional
        Named in messages when there is no `locate`.
    locate : callable, optional
        From a path in `data` to the place in the user's file.

    Raises
    ------
    PortfolioError
        For an unknown field or a value that is not allowed; the first of them, with a count.
    """

    def by_path(path: FieldPath) -> Place:
        return Place(file, None, dotted(path, data))

    find = locate or by_path
    try:
        portfolio = Portfolio.model_validate(_given(data, Portfolio))
    except ValidationError as error:
        raise from_validation(error, find) from None
    return check(portfolio, catalog, find)


def _given(data: Any, record: type[BaseModel] | None) -> Any:
    """What was filled in; a blank under an unknown name stays, to be refused for its name.

    Truth values become text, so that ``mean_rps: true`` is not 1.0.
    """
    if isinstance(data, Mapping):
        fields = record.model_fields if record else {}
        return {
            str(k): _given(v, record_in(fields[k].annotation) if k in fields else None)
            for k, v in data.items()
            if not _blank(v) or (record and k not in fields)
        }
    if isinstance(data, (list, tuple)):
        return [_given(v, record) for v in data]
    return str(data).lower() if isinstance(data, bool) else data


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _bytes(path: Path, file: str) -> bytes:
    """The content, never reading more than a portfolio may hold."""
    try:
        with path.open("rb") as handle:
            size = path.stat().st_size
            content = handle.read(MAX_BYTES + 1) if size <= MAX_BYTES else b""
    except OSError as error:
        near = [p.name for p in path.parent.glob("*") if p.suffix in FORMATS]
        raise located(
            f"cannot be read: {(error.strerror or str(error)).lower()}",
            Place(file),
            fix=did_you_mean(file, near),
        ) from None
    if size > MAX_BYTES or len(content) > MAX_BYTES:
        raise _too_large(file, max(size, len(content)))
    return content


def _too_large(file: str, size: int) -> PortfolioError:
    return located(
        "too large for a portfolio",
        Place(file),
        value=f"{math.ceil(size / 1e6):,} MB",
        allowed=f"at most {MAX_BYTES / 1e6:,.0f} MB",
        fix="a portfolio lists workloads; request logs and bills are read elsewhere",
    )


def _decoded(content: bytes, file: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise located("not UTF-8 text", Place(file, row), fix="save it as UTF-8") from None
    return text
