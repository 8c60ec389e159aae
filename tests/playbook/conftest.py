"""The sample portfolio, solved once for all tests of the playbook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from advisor.playbook import View
from advisor.portfolio import LEVERS, Portfolio
from advisor.portfolio.load import load_portfolio, parse, sample_path

Solve = Callable[..., View]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="session")
def sample(catalog: Catalog) -> Portfolio:
    return load_portfolio(sample_path(), catalog)


@pytest.fixture(scope="session")
def view(sample: Portfolio, catalog: Catalog) -> View:
    """The whole playbook on the sample, everything accepted."""
    return View(playbook_plans(sample, catalog))


@pytest.fixture(scope="session")
def solved(catalog: Catalog) -> Solve:
    """Solve plain portfolio data; `rejected` names workloads whose every lever is rejected."""

    def solve(data: dict[str, Any], rejected: tuple[str, ...] = ()) -> View:
        portfolio = parse(data, catalog)
        names = [w.name for w in portfolio.workloads] + [j.name for j in portfolio.training]
        levers = {n: () if n in rejected else LEVERS for n in names}
        plans = playbook_plans(portfolio, catalog, levers)
        return View(plans, dict.fromkeys(rejected, frozenset(LEVERS)))

    return solve


@pytest.fixture(scope="session")
def classifier() -> dict[str, Any]:
    """One small model on a GPU, as portfolio data, under an odd name."""
    return {
        "workloads": [
            {
                "name": "a & b <tickets>, the “second” one",
                "kind": "encoder",
                "task": "classification",
                "model": "DistilBERT",
                "isl_tokens": 120,
                "demand": {"mean_rps": 8},
                "slo": {"latency_s": 0.3},
                "current": {
                    "cloud": "aws",
                    "region": "us-east-1",
                    "instance": "g5.xlarge",
                    "instances": 4,
                    "framework": "torchserve",
                    "weight_precision": "fp32",
                },
            }
        ]
    }


@pytest.fixture(scope="session")
def hosted() -> dict[str, Any]:
    """Two workloads bought by the token, as portfolio data."""
    one = {
        "kind": "llm",
        "task": "generation",
        "model": "gpt-4o",
        "isl_tokens": 900,
        "osl_tokens": 60,
        "demand": {"mean_rps": 0.5},
        "current": {"sourcing": "managed_api", "provider": "openai", "api_model": "gpt-4o"},
    }
    return {"workloads": [{**one, "name": "one"}, {**one, "name": "two"}]}
