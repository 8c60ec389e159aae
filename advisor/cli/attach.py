"""``advisor attach``: a benchmark of one's own corrects a workload's predictions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .common import catalog_option, write

if TYPE_CHECKING:
    from .common import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("attach", help="attach your own benchmark to a workload")
    parser.add_argument("portfolio", type=Path, help="YAML, CSV or XLSX")
    parser.add_argument("workload", help="its name there")
    parser.add_argument(
        "result", type=Path, help="JSON of vllm bench serve, AIPerf, GenAI-Perf or GuideLLM"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--instance", help="machine it ran on (default: as deployed today)")
    where.add_argument("--accelerator", help="chip it ran on")
    parser.add_argument("--tensor-parallel", type=_degree, metavar="N", help="chips of the copy")
    parser.add_argument("--framework", help="serving framework it ran under")
    parser.add_argument("--weights", help="number format of the weights")
    parser.add_argument("--kv", help="number format of the KV cache")
    parser.add_argument("--model", help="the catalog's name, where the file has another")
    catalog_option(parser)
    parser.add_argument("--out", type=Path, required=True, help="write the new portfolio here")
    parser.set_defaults(run=_attach)


def _degree(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError("must be 1 to 64")
    return value


def _attach(args: argparse.Namespace) -> int:
    from advisor.catalog import Catalog
    from advisor.optimize.recalibrate import speeds
    from advisor.performance.attach import RanOn, attach
    from advisor.performance.benchmark_files import read_benchmarks
    from advisor.portfolio import write as as_yaml
    from advisor.portfolio.load import load_portfolio

    catalog = Catalog.load(overlays=args.catalog)
    portfolio = load_portfolio(args.portfolio, catalog)
    ran_on = RanOn(
        instance=args.instance,
        accelerator=args.accelerator,
        tensor_parallel=args.tensor_parallel,
        framework=args.framework,
        weight_precision=args.weights,
        kv_precision=args.kv,
        model=args.model,
    )
    changed = attach(portfolio, catalog, args.workload, read_benchmarks(args.result), ran_on)
    target = changed.workload(args.workload)
    factors = speeds(catalog, target)
    write(args.out, as_yaml(changed).encode())
    for run, speed in zip(target.measured, factors, strict=True):
        chips = f"{run.tensor_parallel} x {run.accelerator}, {run.framework}"
        sys.stdout.write(
            f"{run.requests_per_s:.3g} req/s on {chips}, {run.weight_precision}: "
            f"{speed:.2f} times what was predicted\n"
        )
    return 0
