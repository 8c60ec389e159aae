"""The field reference is complete and its examples load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from advisor.catalog import Catalog
from advisor.portfolio import load_portfolio, portfolio_schema

TEXT = (Path(__file__).parents[2] / "docs/portfolio.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(yaml|csv)\n(.*?)```", TEXT, re.DOTALL)
PREFIXES = {
    "Commitment": "commitments.",
    "Demand": "demand.",
    "Deployment": "current.",
    "Measured": "measured.",
    "Quota": "quotas.",
    "Slo": "slo.",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0])
def test_examples_load(shipped: Catalog, example: tuple[str, str]) -> None:
    suffix, text = example
    assert load_portfolio(text.encode(), shipped, name=f"example.{suffix}").workloads


def test_every_field_has_its_line() -> None:
    schema = portfolio_schema()
    records = {"Portfolio": schema, **schema["$defs"]}
    for title, record in records.items():
        prefix = "organisation." if title == "Organisation" else PREFIXES.get(title, "")
        for name, field in record["properties"].items():
            described = rf"^\| `{re.escape(prefix + name)}` \|.*{re.escape(field['description'])}"
            assert re.search(described, TEXT, re.MULTILINE), f"{title}: {prefix}{name}"
