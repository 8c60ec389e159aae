"""``advisor plan`` and ``advisor check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .common import catalog_option, print_json, write

if TYPE_CHECKING:
    from advisor.portfolio import Lever

    from .common import Commands


def add(commands: Commands) -> None:
    """Add both commands to the parser."""
    plan = commands.add_parser("plan", help="walk the playbook and print the plan")
    plan.add_argument("portfolio", nargs="?", type=Path, help="YAML, CSV or XLSX; default: sample")
    plan.add_argument("--levers", help="comma list of levers to unlock (default: all)")
    catalog_option(plan)
    plan.add_argument("--json", action="store_true", help="print the stable JSON")
    plan.add_argument("--out", type=Path, help="write the plan file here")
    plan.set_defaults(run=_plan)

    check = commands.add_parser("check", help="validate the catalogs and, if given, a portfolio")
    check.add_argument("portfolio", nargs="?", type=Path)
    catalog_option(check)
    check.set_defaults(run=_check)


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
        write(args.out, write_plan_file(plans, inputs))
    if args.json:
        print_json(plan_json(plans))
    else:
        sys.stdout.write(plan_text(plans))
    return 0


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
