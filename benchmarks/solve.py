"""Time of predictions and solves on the sample portfolio: ``python benchmarks/solve.py``."""

from __future__ import annotations

import json
import sys
import time

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from advisor.optimize.setting import Setting
from advisor.portfolio.load import load_portfolio, sample_path


def main() -> None:
    """Run once cold and once with what was kept, and print seconds."""
    started = time.perf_counter()
    catalog = Catalog.load()
    loaded = time.perf_counter()
    portfolio = load_portfolio(sample_path(), catalog)
    setting = Setting(portfolio, catalog)
    configurations = sum(len(setting.variants(w)) for w in portfolio.workloads)
    predicted = time.perf_counter()
    plans = playbook_plans(setting)
    solved = time.perf_counter()
    playbook_plans(setting)
    again = time.perf_counter()
    final = list(plans.values())[-1]
    report = {
        "catalog load [s]": loaded - started,
        "configurations predicted": configurations,
        "prediction [s]": predicted - loaded,
        "whole playbook, first [s]": solved - predicted,
        "whole playbook, again [s]": again - solved,
        "gap of the final plan": final.certificate.gap if final.certificate else None,
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
