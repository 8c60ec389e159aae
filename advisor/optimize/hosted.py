"""Managed APIs as candidates: a price per token, no machines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import record, records
from advisor.economics.tokens import api_usd_per_request
from advisor.errors import PortfolioError
from advisor.portfolio import Workload, requests_per_month

from .choices import Candidate
from .effort import hours
from .offers import weakest
from .setting import Setting

PER_MTOK = ["usd_per_mtok_in", "usd_per_mtok_out", "usd_per_mtok_in_cached"]


def latest_prices(catalog: Catalog, discounts: Mapping[str, float] | None = None) -> pd.DataFrame:
    """The newest row of each hosted model, less a provider's share off list (`discounts`)."""
    ordered = catalog["api_prices"].sort_values("as_of", kind="stable")
    table = ordered.drop_duplicates(["provider", "api_model"], keep="last")
    if not discounts:
        return table
    off = table["provider"].map(lambda p: discounts.get(p, 0.0)).astype(float)
    # A contract price is what was negotiated.
    paid = 1.0 - off.where(table["standing"] != "contract", 0.0)
    return table.assign(**{c: table[c].astype(float) * paid for c in PER_MTOK})


@lru_cache(maxsize=16)
def _priced(
    catalog: Catalog, discounts: tuple[tuple[str, float], ...]
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """`latest_prices` as rows, each with the catalog's name of its model."""
    rows = records(latest_prices(catalog, dict(discounts)))
    return tuple((str(catalog.lookup("models", r["model"])["model"]), r) for r in rows)


def usd_per_request(workload: Workload, row: dict[str, Any]) -> float:
    """Price of one of the workload's requests on a hosted model, USD."""
    cached = row["usd_per_mtok_in_cached"]
    batch = row["batch_discount"] if workload.deferrable_hours else 0.0
    return api_usd_per_request(
        isl_tokens=float(workload.isl_tokens or 0),
        osl_tokens=float(workload.osl_tokens or 0),
        usd_per_mtok_in=float(row["usd_per_mtok_in"]),
        usd_per_mtok_out=float(row["usd_per_mtok_out"]),
        usd_per_mtok_in_cached=None if pd.isna(cached) else float(cached),
        cached_share=workload.prefix_share or 0.0,
        batch_discount=0.0 if pd.isna(batch) else float(batch),
    )


def details_of(row: dict[str, Any], workload: Workload) -> dict[str, Any]:
    """Descriptive figures of a hosted choice."""
    return {
        "accelerator": None,
        "accelerator_count": 0.0,
        "usd_per_request": usd_per_request(workload, row),
        "price_source": row["source"],
        "price_as_of": str(row["as_of"]),
        "price_standing": row["standing"],
        "evidence": weakest(row["standing"], workload.demand.evidence),
        "doubt": "",
    }


def today_usd_month(setting: Setting, workload: Workload) -> tuple[float, dict[str, Any]]:
    """Monthly bill of today's hosted model, with its details.

    Raises
    ------
    PortfolioError
        When no price is known for the provider's model.
    """
    table = latest_prices(setting.catalog, setting.portfolio.organisation.discounts)
    current = workload.current
    here = table[
        (table["provider"] == current.provider) & (table["api_model"] == current.api_model)
    ]
    if here.empty:
        raise PortfolioError(
            f"workload '{workload.name}': no price is known for {current.provider} "
            f"{current.api_model}",
            column="current.api_model",
            fix="add it to api_prices.csv",
        )
    row = record(here.iloc[0])
    volume = requests_per_month(setting.rates(workload))
    return volume * usd_per_request(workload, row), details_of(row, workload)


def options(setting: Setting, workload: Workload) -> list[tuple[dict[str, Any], str]]:
    """Hosted models the workload may use, each with the reason it may not (empty if it may)."""
    catalog = setting.catalog
    accepted = {
        catalog.lookup("models", m)["model"] for m in (workload.model, *workload.substitutes)
    }
    out = []
    if workload.kind != "llm":
        return []
    allowed = setting.portfolio.organisation.api_providers
    discounts = tuple(setting.portfolio.organisation.discounts.items())
    for model, row in _priced(catalog, discounts):
        if model not in accepted:
            continue
        known = set(row["geographies"] or ())
        reason = ""
        if known and not known & set(setting.portfolio.organisation.geographies):
            reason = "only served outside the places you allow"
        if workload.residency and not known & set(workload.residency):
            reason = f"not known to stay in {' or '.join(workload.residency)}"
        if allowed and row["provider"] not in allowed:
            reason = "not among the hosts you buy from"
        out.append((row, reason))
    return out


def hosted(setting: Setting, workload: Workload, today: Candidate) -> list[Candidate]:
    """Every hosted model the workload may move to."""
    volume = requests_per_month(setting.rates(workload))
    rows, choices = [], []
    for row, reason in options(setting, workload):
        provider = f"{row['provider']}/{row['api_model']}"
        model = setting.catalog.lookup("models", row["model"])["model"]
        if reason or provider == today.choice["provider"]:
            continue
        rows.append(row)
        choices.append(
            {
                **dict.fromkeys(today.choice),
                "sourcing": "managed_api",
                "provider": provider,
                "model": model,
                "techniques": (),
                "compression": "none",
                "cache": today.choice["cache"],
            }
        )
    if not rows:
        return []
    work = records(hours(setting.catalog, workload, today.choice, pd.DataFrame(choices)))
    out = []
    for row, choice, taken in zip(rows, choices, work, strict=True):
        effort = {name: float(v) for name, v in taken.items() if v}
        usd = volume * usd_per_request(workload, row)
        one_off = sum(effort.values()) * setting.usd_per_hour
        details = {**details_of(row, workload), "quality": 1.0}
        out.append(
            Candidate(
                workload.name,
                choice,
                np.zeros(168),
                usd,
                one_off,
                effort,
                predictions_per_month=today.predictions_per_month,
                details=details,
                around_usd_month=setting.around(workload, "managed_api").total(0.0, 0.0),
            )
        )
    return out
