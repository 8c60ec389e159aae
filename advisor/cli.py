"""The command line: ``python -m advisor plan | check``.

Thin over the library. Exit status 0 on success, 2 for input that cannot be used (with one clear
message on standard error).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from advisor.errors import AdvisorError, InputError

if TYPE_CHECKING:
    from advisor.portfolio import Lever


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except AdvisorError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m advisor", description="Advisor for the cost of production ML."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    plan = commands.add_parser("plan", help="walk the playbook and print the plan")
    plan.add_argument("portfolio", nargs="?", type=Path, help="YAML, CSV or XLSX; default: sample")
    plan.add_argument("--levers", help="comma list of levers to unlock (default: all)")
    plan.add_argument("--catalog", type=Path, action="append", default=[], help="overlay folder")
    plan.add_argument("--json", action="store_true", help="print the stable JSON")
    plan.add_argument("--out", type=Path, help="write the plan file here")
    plan.set_defaults(run=_plan)

    check = commands.add_parser("check", help="validate the catalogs and, if given, a portfolio")
    check.add_argument("portfolio", nargs="?", type=Path)
    check.add_argument("--catalog", type=Path, action="append", default=[], help="overlay folder")
    check.set_defaults(run=_check)
    return parser


def _plan(args: argparse.Namespace) -> int:
    # Solving needs pandas and scipy, which --help should not wait for.
    from advisor.catalog import Catalog
    from advisor.optimize import playbook_plans
    from advisor.portfolio import LEVERS
    from advisor.portfolio.load import load_portfolio, sample_path
    from advisor.report.planfile import plan_json, write_plan_file
    from advisor.report.text import plan_text

    catalog = Catalog.load(overlays=args.catalog)
    portfolio = load_portfolio(args.portfolio or sample_path(), catalog)
    levers = list(LEVERS) if args.levers is None else _levers(args.levers)
    plans = playbook_plans(portfolio, catalog, levers)
    if args.out:
        inputs = {"portfolio": portfolio.to_dict(), "levers": levers, "rejected": {}}
        _write(args.out, write_plan_file(plans, inputs))
    if args.json:
        sys.stdout.write(json.dumps(plan_json(plans), indent=2, allow_nan=False) + "\n")
    else:
        sys.stdout.write(plan_text(plans))
    return 0


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(
            "cannot be written", file=str(path), fix=(error.strerror or str(error)).lower()
        ) from None


def _levers(text: str) -> list[Lever]:
    """Names as given, in capitals; the solver says which it does not know."""
    return cast("list[Lever]", [p.strip().upper() for p in text.split(",") if p.strip()])


def _check(args: argparse.Namespace) -> int:
    from advisor.catalog import Catalog

    catalog = Catalog.load(overlays=args.catalog)
    for name, table in sorted(catalog.tables.items()):
        sys.stdout.write(f"{name:20} {len(table):6} rows, newest {max(table['as_of'])}\n")
    if args.portfolio:
        from advisor.portfolio.load import load_portfolio

        portfolio = load_portfolio(args.portfolio, catalog)
        sys.stdout.write(f"{args.portfolio.name}: {len(portfolio.workloads)} workloads, ok\n")
    return 0
