"""The command line: ``python -m advisor plan | check | predict | accuracy | attach | prices``.

Thin over the library. Exit status 0 on success, 2 for input that cannot be used (with one clear
message on standard error). Heavy imports wait until a command runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from advisor.errors import AdvisorError

from . import accuracy, attach, plan, predict, prices


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
    for module in (plan, predict, accuracy, attach, prices):
        module.add(commands)
    return parser
