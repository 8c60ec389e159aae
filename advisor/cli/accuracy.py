"""``advisor accuracy``: predictions against a file of measurements."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError

from .common import aligned, catalog_option, print_json

if TYPE_CHECKING:
    from advisor.performance.accuracy import Accuracy

    from .common import Commands

SHOWN = 20
"""Rows without prediction that are listed; their number is always told."""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("accuracy", help="score predictions on a file of measurements")
    parser.add_argument("file", type=Path, help="CSV; docs/accuracy.md names its columns")
    catalog_option(parser)
    parser.add_argument("--json", action="store_true", help="print the stable JSON")
    parser.set_defaults(run=_accuracy)


def _accuracy(args: argparse.Namespace) -> int:
    from advisor.catalog import Catalog
    from advisor.performance.accuracy import score
    from advisor.performance.measured import predict_rows, read_measurements

    rows = read_measurements(args.file)
    if rows.empty:
        raise InputError("no measurement in it", file=args.file.name, fix="one row for each")
    found = score(rows, predict_rows(Catalog.load(overlays=args.catalog), rows))
    if args.json:
        print_json(found.to_json())
    else:
        sys.stdout.write(text(found))
    return 0


def text(found: Accuracy) -> str:
    """Scores by stratum and overall, then what was not predicted and why."""
    head = ("workload", "framework", "accelerator", "metric")
    figures = ("n", "groups", "median", "P90", "bias", "in 80 %")
    rows: list[tuple[str, ...]] = [(*head, *figures)]
    rows += [(*(str(r[c]) for c in head), *_figures(r)) for r in found.strata.to_dict("records")]
    rows += [("overall", "", "", "", *_figures(found.overall))]
    out = aligned(rows, left=len(head))
    silent = found.unpredicted
    if len(silent):
        out += f"\nnot predicted: {len(silent)} of {len(found.rows)} rows\n"
        shown = silent.head(SHOWN).to_dict("records")
        out += aligned([(f"  {r['id']}", str(r["reason"])) for r in shown], left=2)
        if len(silent) > SHOWN:
            out += f"  and {len(silent) - SHOWN} more: --json lists them all\n"
    return out


def _figures(row: dict[Any, Any]) -> tuple[str, ...]:
    def share(name: str, sign: str = "") -> str:
        value = float(row[name])
        return "–" if math.isnan(value) else f"{value:{sign}.1%}"

    return (
        str(int(row["n"])),
        str(int(row["groups"])),
        share("median_ape"),
        share("p90_ape"),
        share("bias", "+"),
        share("coverage80"),
    )
