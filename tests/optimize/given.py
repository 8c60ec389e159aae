"""Small portfolios for the optimizer, and a catalog small enough to try everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from advisor.catalog import Catalog
from advisor.economics.purchase import Offer
from advisor.optimize.choices import POOLED, Candidate
from advisor.optimize.setting import Setting
from advisor.portfolio import Portfolio, parse

MACHINES = (
    "c7a.xlarge",
    "c7i.2xlarge",
    "g4dn.xlarge",
    "g5.xlarge",
    "g6.xlarge",
    "g6e.xlarge",
    "g5.12xlarge",
    "p4de.24xlarge",
    "p5.48xlarge",
)
REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
FRAMEWORKS = ("vllm", "tgi", "torchserve", "onnxruntime", "triton", "pytorch")

CHAT: dict[str, Any] = {
    "name": "chat",
    "kind": "llm",
    "task": "generation",
    "model": "Llama-3.1-8B",
    "isl_tokens": 800,
    "osl_tokens": 150,
    "demand": {"profile": "business-hours", "mean_rps": 3.0},
    "slo": {"ttft_s": 2, "tpot_s": 0.1},
    "prefix_share": 0.3,
    "repeat_share": 0.1,
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "p4de.24xlarge",
        "instances": 1,
        "framework": "vllm",
        "weight_precision": "bf16",
    },
}
TICKETS: dict[str, Any] = {
    "name": "tickets",
    "kind": "encoder",
    "task": "classification",
    "model": "RoBERTa-base",
    "isl_tokens": 120,
    "demand": {"profile": "business-hours", "mean_rps": 8},
    "slo": {"latency_s": 0.3},
    "repeat_share": 0.2,
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "g5.xlarge",
        "instances": 2,
        "framework": "torchserve",
        "weight_precision": "fp32",
    },
}
PHOTOS: dict[str, Any] = {
    "name": "photos",
    "kind": "cnn",
    "task": "image",
    "model": "ResNet-50",
    "unit": "image",
    "demand": {"profile": "evening-peak", "mean_rps": 60},
    "slo": {"latency_s": 0.25},
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "g5.12xlarge",
        "instances": 1,
        "framework": "torchserve",
        "weight_precision": "fp32",
    },
}
SCORES: dict[str, Any] = {
    "name": "scores",
    "kind": "encoder",
    "task": "scoring",
    "model": "BERT-base",
    "isl_tokens": 256,
    "demand": {"profile": "nightly", "mean_rps": 45},
    "deferrable_hours": 8,
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "g5.xlarge",
        "instances": 4,
        "framework": "torchserve",
        "weight_precision": "fp32",
    },
}
SUMMARIES: dict[str, Any] = {
    "name": "summaries",
    "kind": "llm",
    "task": "generation",
    "model": "gpt-4o",
    "isl_tokens": 9000,
    "osl_tokens": 600,
    "demand": {"mean_rps": 0.15},
    "substitutes": ["Llama-3.1-8B"],
    "current": {"sourcing": "managed_api", "provider": "openai", "api_model": "gpt-4o"},
}


def changed(workload: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A workload with other values; those of ``current`` are merged."""
    current = {**workload["current"], **changes.pop("current", {})}
    return {**workload, **changes, "current": current}


def portfolio(
    catalog: Catalog,
    workloads: Sequence[dict[str, Any]] = (CHAT, TICKETS, PHOTOS),
    **organisation: Any,
) -> Portfolio:
    """A portfolio of these workloads for a company that buys from one cloud."""
    who = {"clouds": ["aws"], "geographies": ["us", "eu"], **organisation}
    return parse({"organisation": who, "workloads": list(workloads)}, catalog)


def setting(
    catalog: Catalog,
    workloads: Sequence[dict[str, Any]] = (CHAT, TICKETS, PHOTOS),
    **organisation: Any,
) -> Setting:
    return Setting(portfolio(catalog, workloads, **organisation), catalog)


def one_cloud(
    catalog: Catalog,
    machines: Sequence[str] = MACHINES,
    regions: Sequence[str] = REGIONS,
    frameworks: Sequence[str] = FRAMEWORKS,
) -> Catalog:
    """The catalog with these AWS machines, regions and frameworks alone, and no owned hardware."""
    tables = dict(catalog.tables)
    for name, column, keep in (
        ("instances", "instance", machines),
        ("prices", "instance", machines),
        ("prices", "region", regions),
        ("frameworks", "framework", frameworks),
    ):
        table = tables[name]
        if "cloud" in table.columns:
            table = table[table["cloud"] == "aws"]
        tables[name] = table[table[column].isin(keep)].reset_index(drop=True)
    return Catalog(tables)


def scaled_prices(catalog: Catalog, factor: float) -> Catalog:
    """The catalog with every price and money figure times `factor`."""
    tables = dict(catalog.tables)
    for name, columns in (
        ("prices", ["usd_per_hour"]),
        ("api_prices", ["usd_per_mtok_in", "usd_per_mtok_out", "usd_per_mtok_in_cached"]),
        ("techniques", ["usd_per_month"]),
    ):
        tables[name] = tables[name].assign(
            **{c: tables[name][c].astype(float) * factor for c in columns}
        )
    money = tables["assumptions"]["unit"].str.contains("USD")
    tables["assumptions"] = tables["assumptions"].assign(
        value=tables["assumptions"]["value"].where(~money, tables["assumptions"]["value"] * factor)
    )
    return Catalog(tables)


def made(
    workload: str,
    machines: Sequence[float] | float = 0.0,
    *,
    offer: Offer | None = None,
    usd_month: float = 0.0,
    one_off_usd: float = 0.0,
    spot_share: float = 0.0,
    instance: str = "m",
    framework: str | None = None,
    sourcing: str = "self_hosted",
) -> Candidate:
    """A candidate by hand."""
    choice = {
        "sourcing": sourcing,
        "cloud": "aws",
        "region": "us-east-1",
        "instance": instance,
        "framework": framework,
        "purchase": POOLED if offer else "on_demand",
    }
    hours = np.resize(np.asarray(machines, float), 168)
    return Candidate(
        workload,
        choice,
        hours,
        usd_month,
        one_off_usd,
        {},
        offer=offer,
        spot_share=spot_share,
        predictions_per_month=1.0,
        details={"evidence": "stated"},
    )
