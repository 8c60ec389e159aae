from __future__ import annotations

from typing import Any

import pytest

from advisor.catalog import Catalog
from tests.catalog.tiny import write_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The made-up catalog of `tests.catalog.tiny`."""
    return Catalog.load(write_tiny(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    return Catalog.load()


@pytest.fixture
def chat() -> dict[str, Any]:
    """One workload that the made-up catalog accepts."""
    return {
        "name": "chat",
        "kind": "llm",
        "task": "generation",
        "model": "Talk-8B",
        "isl_tokens": 500,
        "osl_tokens": 100,
        "demand": {"profile": "office", "mean_rps": 3.0},
        "current": {
            "cloud": "aws",
            "region": "n-east",
            "instance": "g.large",
            "framework": "serve",
            "weight_precision": "bf16",
        },
    }
