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
    data = portfolio.to_dict()
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Quotes and escapes text with characters that do not print: some break lines in YAML."""

    def text(self, value: str) -> yaml.ScalarNode:
        style = None if value.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _Dumper.text)
