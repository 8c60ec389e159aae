"""``prices``: hosted models' prices of the catalog against those of an installed library."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .common import aligned, catalog_option, write

if TYPE_CHECKING:
    from .common import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    prices = commands.add_parser(
        "prices", help="compare hosted models' prices with the genai-prices library"
    )
    prices.add_argument("--day", type=date.fromisoformat, help="day of the prices (default: today)")
    prices.add_argument("--out", type=Path, help="overlay folder to write the newer rows to")
    catalog_option(prices)
    prices.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print where they differ; with ``--out``, write the library's rows as an overlay."""
    import pandas as pd

    from advisor.catalog import Catalog
    from advisor.catalog.hosted_prices import ROW, disagreements, renewed, source
    from advisor.catalog.rows.models import ApiPrice

    catalog = Catalog.load(overlays=args.catalog)
    day = args.day or datetime.now(UTC).date()
    found = disagreements(catalog, day)
    if found.empty:
        sys.stdout.write(f"all prices that {source()} lists agree with the catalog on {day}\n")
        return 0
    cells = found.astype(object).where(found.notna(), "-").map(_cell)
    head = [*ROW, "price", "catalog", "library"]
    sys.stdout.write(aligned([head, *cells.to_numpy().tolist()], left=5))
    if args.out is not None:
        models = found[["provider", "api_model"]].drop_duplicates()
        rows = renewed(catalog, models.itertuples(index=False, name=None), day)
        table = pd.DataFrame(rows)[ApiPrice.columns()]
        table["geographies"] = table["geographies"].map("|".join)
        args.out.mkdir(parents=True, exist_ok=True)
        write(args.out / "api_prices.csv", table.to_csv(index=False).encode())
    return 0


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
