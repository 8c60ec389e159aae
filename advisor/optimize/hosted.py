"""Managed APIs as candidates: a price per token, no machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.hosted_prices import PRICES, newest
from advisor.catalog.records import records
from advisor.economics.tokens import api_usd_per_request
from advisor.errors import PortfolioError
from advisor.portfolio import Workload, requests_per_month

from .choices import Candidate, hosted_name
from .effort import hours
from .network import hosted_s
from .offers import weakest
from .setting import Setting


def latest_prices(catalog: Catalog, discounts: Mapping[str, float] | None = None) -> pd.DataFrame:
    """The price list of each hosted model, less a provider's share off list (`discounts`)."""
    table = newest(catalog["api_prices"])
    if not discounts:
        return table
    off = table["provider"].map(lambda p: discounts.get(p, 0.0)).astype(float)
    # A contract price is what was negotiated.
    paid = 1.0 - off.where(table["standing"] != "contract", 0.0)
    return table.assign(**{c: table[c].astype(float) * paid for c in PRICES})


@lru_cache(maxsize=16)
def _priced(
    catalog: Catalog, discounts: tuple[tuple[str, float], ...]
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """`latest_prices` as rows, each with the catalog's name of its model."""
    rows = records(latest_prices(catalog, dict(discounts)))
    return tuple((str(catalog.lookup("models", r["model"])["model"]), r) for r in rows)


def name_of(row: dict[str, Any]) -> str:
    """What a choice calls a hosted model."""
    return hosted_name(row["provider"], row["api_model"], row["tier"])


def quotes(rows: Iterable[dict[str, Any]], workload: Workload) -> list[dict[str, Any]]:
    """Of price lists the rows that the workload's requests fall under: its prompts' length counts.

    The mean length stands for all: a few prompts beyond a threshold are priced as the others.
    """
    out: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["provider"], row["api_model"], row["tier"])
        reached = row["over_tokens"] < max(workload.isl_tokens or 0, 1)
        if reached and (key not in out or row["over_tokens"] > out[key]["over_tokens"]):
            out[key] = row
    return list(out.values())


def usd_per_request(catalog: Catalog, workload: Workload, row: dict[str, Any]) -> float:
    """Price of one of the workload's requests at a row of `quotes`, USD."""
    cached, write = (
        None if pd.isna(row[name]) else float(row[name])
        for name in ("usd_per_mtok_in_cached", "usd_per_mtok_cache_write")
    )
    return api_usd_per_request(
        isl_tokens=float(workload.isl_tokens or 0),
        osl_tokens=float(workload.osl_tokens or 0),
        usd_per_mtok_in=float(row["usd_per_mtok_in"]),
        usd_per_mtok_out=float(row["usd_per_mtok_out"]),
        usd_per_mtok_in_cached=cached,
        usd_per_mtok_cache_write=write,
        cached_share=cached_share(workload),
        reads_per_write=catalog.assumption("api_cache_reads_per_write"),
    )


def cached_share(workload: Workload) -> float:
    """Share of its input tokens that a host finds in its cache: those it has seen before."""
    return workload.prefix_share or 0.0


def details_of(catalog: Catalog, row: dict[str, Any], workload: Workload) -> dict[str, Any]:
    """Descriptive figures of a hosted choice."""
    return {
        "accelerator": None,
        "accelerator_count": 0.0,
        "usd_per_request": usd_per_request(catalog, workload, row),
        "api_tier": row["tier"],
        "network_s": hosted_s(catalog, workload, row["geographies"] or ()),
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
    current = workload.current
    rows = (row for _, row in _priced(setting.catalog, _discounts(setting)))
    wanted = (current.provider, current.api_model, current.api_tier)
    for row in quotes(rows, workload):
        if (row["provider"], row["api_model"], row["tier"]) == wanted:
            volume = requests_per_month(setting.rates(workload))
            usd = usd_per_request(setting.catalog, workload, row)
            return volume * usd, details_of(setting.catalog, row, workload)
    tier = "" if current.api_tier == "standard" else f" ({current.api_tier})"
    raise PortfolioError(
        f"workload '{workload.name}': no price is known for {current.provider} "
        f"{current.api_model}{tier}",
        column="current.api_model",
        fix="add it to api_prices.csv",
    )


def _discounts(setting: Setting) -> tuple[tuple[str, float], ...]:
    return tuple(setting.portfolio.organisation.discounts.items())


def options(setting: Setting, workload: Workload) -> list[tuple[dict[str, Any], str]]:
    """Prices of hosted models for the workload, each with why it may not go there, or blank.

    A batch tier answers within a day: it is one for work that may wait that long.
    """
    catalog = setting.catalog
    if workload.kind != "llm":
        return []
    accepted = {
        catalog.lookup("models", m)["model"] for m in (workload.model, *workload.substitutes)
    }
    rows = [row for model, row in _priced(catalog, _discounts(setting)) if model in accepted]
    return [
        (row, _closed(setting, workload, row))
        for row in quotes(rows, workload)
        if row["tier"] == "standard" or workload.waits_a_day
    ]


def _closed(setting: Setting, workload: Workload, row: dict[str, Any]) -> str:
    """Why the workload may not use a hosted model; the rule that is hardest to change first."""
    catalog, organisation = setting.catalog, setting.portfolio.organisation
    own, served = (catalog.lookup("models", m)["model"] for m in (workload.model, row["model"]))
    known, stays = set(row["geographies"] or ()), set(workload.residency)
    buys = organisation.api_providers
    target = workload.slo.ttft_s or workload.slo.latency_s or np.inf
    way = hosted_s(catalog, workload, row["geographies"] or ())
    rules = (
        (workload.private, "its requests may not go to a host"),
        (
            workload.own_weights and own == served,
            "its weights are your own: no host serves them",
        ),
        (
            bool(stays) and not known & stays,
            f"not known to stay in {' or '.join(workload.residency)}",
        ),
        (
            bool(known) and not known & set(organisation.geographies),
            "only served outside the places you allow",
        ),
        (bool(buys) and row["provider"] not in buys, "not among the hosts you buy from"),
        (not way < target, f"{1e3 * way:.0f} ms to its users leave nothing of the target"),
    )
    return next((reason for broken, reason in rules if broken), "")


def hosted(setting: Setting, workload: Workload, today: Candidate) -> list[Candidate]:
    """Every hosted model the workload may move to."""
    volume = requests_per_month(setting.rates(workload))
    rows, choices = [], []
    for row, reason in options(setting, workload):
        provider = name_of(row)
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
    # The same for all workloads that run the same today and may go to the same hosts.
    asked = (
        workload.model,
        workload.substitutes,
        *today.choice.values(),
        *(c["provider"] for c in choices),
    )
    if asked not in setting.moves:
        new = pd.DataFrame(choices)
        setting.moves[asked] = records(hours(setting.catalog, workload, today.choice, new))
    work = setting.moves[asked]
    out = []
    for row, choice, taken in zip(rows, choices, work, strict=True):
        effort = {name: float(v) for name, v in taken.items() if v}
        usd = volume * usd_per_request(setting.catalog, workload, row)
        one_off = sum(effort.values()) * setting.usd_per_hour
        details = {**details_of(setting.catalog, row, workload), "quality": 1.0}
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
