"""The portfolio's JSON Schema, and portfolios written back as YAML."""

from __future__ import annotations

import json
from typing import Any

import yaml

from .model import Portfolio


def portfolio_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a portfolio, for editors that check while one types.

    Names of models, machines and places are not in it: those are checked against the catalog.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Portfolio.model_json_schema(),
    }


def schema_text() -> str:
    """The schema as it is kept in ``docs/schemas/portfolio.schema.json``."""
    return json.dumps(portfolio_schema(), indent=2, ensure_ascii=False) + "\n"


def write(portfolio: Portfolio) -> str:
    """A portfolio as YAML that `load_portfolio` reads back to an equal one.

    Fields at their default are left out.
    """
    return yaml.safe_dump(portfolio.to_dict(), sort_keys=False, allow_unicode=True, width=100)
