"""Prices of hosted models in the `genai-prices` library, against those of the catalog.

The catalog is what plans are made from, so that they can be made again; the library says when a row
of it is out of date. Its bundled list is read: nothing goes to the network.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from importlib.metadata import version
from typing import Any

import pandas as pd

from .catalog import Catalog
from .records import records

LIBRARY = "genai-prices"
FIELDS = {
    "usd_per_mtok_in": "input_mtok",
    "usd_per_mtok_in_cached": "cache_read_mtok",
    "usd_per_mtok_cache_write": "cache_write_mtok",
    "usd_per_mtok_out": "output_mtok",
}
"""The library's name of each price."""
PRICES = list(FIELDS)
LIST = ["provider", "api_model"]
ROW = [*LIST, "tier", "over_tokens"]
CONTEXT = {"standard": {}, "batch": {"processing": "batch"}}
PREFIX = {"fireworks": "accounts/fireworks/models/"}
"""What the library puts before the names of a provider's models."""


def newest(table: pd.DataFrame) -> pd.DataFrame:
    """The price list of each hosted model: all rows of one day, a contract's before others."""
    contract = table["standing"] == "contract"
    ordered = table.assign(contract=contract).sort_values(["contract", "as_of"], kind="stable")
    last = ordered.drop_duplicates(LIST, keep="last")[[*LIST, "contract", "as_of"]]
    return ordered.merge(last, on=[*LIST, "contract", "as_of"]).drop(columns="contract")


def source() -> str:
    """How rows from the installed library name it."""
    return f"{LIBRARY} {version(LIBRARY)} (PyPI, MIT)"


def listed(provider: str, api_model: str, day: date) -> list[dict[str, Any]]:
    """A hosted model's prices in the library on a day: one row per tier and length of prompt.

    Returns
    -------
    list of dict
        ``tier``, ``over_tokens`` and `PRICES` in USD per million tokens, None where it has none;
        empty where the library does not know the model.
    """
    # Loaded when asked for only: its list takes a while.
    from genai_prices.data_snapshot import get_snapshot

    name = PREFIX.get(provider, "") + api_model
    try:
        host, model = get_snapshot().find_provider_model(name, None, provider, None)
    except LookupError:
        return []
    if not any(model is own for own in host.models):
        return []
    at = datetime.combine(day, time(12), UTC)
    variants = model.price_variants or ()
    batched = any(
        v.when == CONTEXT["batch"] and (v.constraint is None or v.constraint.active(at))
        for v in variants
    )
    out = []
    for tier in ("standard", "batch") if batched else ("standard",):
        prices = model.get_prices(at, CONTEXT[tier])
        found = {ours: getattr(prices, theirs) for ours, theirs in FIELDS.items()}
        # An embedding returns no tokens: nothing is charged for them.
        found["usd_per_mtok_out"] = found["usd_per_mtok_out"] or 0
        starts = {t.start for p in found.values() for t in getattr(p, "tiers", ())}
        for start in sorted({0, *starts}):
            row = {key: _at(price, start) for key, price in found.items()}
            out.append({"tier": tier, "over_tokens": start, **row})
    return out


def _at(price: Any, start: int) -> float | None:
    """The price of prompts longer than `start` tokens."""
    if price is None:
        return None
    steps = [t.price for t in getattr(price, "tiers", ()) if t.start <= start]
    return float(steps[-1] if steps else getattr(price, "base", price))


def disagreements(catalog: Catalog, day: date) -> pd.DataFrame:
    """Where the library's prices on a day differ from the catalog's.

    Contracts are the user's own and not looked at. A batch tier that only the catalog knows is no
    disagreement.

    Returns
    -------
    DataFrame
        ``provider``, ``api_model``, ``tier``, ``over_tokens``, ``field`` (one of `PRICES`),
        ``catalog`` and ``library``; NaN where one has none. Models the library lacks are left out.
    """
    ours = newest(catalog["api_prices"])
    out = []
    for key, rows in ours[ours["standing"] != "contract"].groupby(LIST):
        provider, api_model = (str(part) for part in key)
        theirs = {(r["tier"], r["over_tokens"]): r for r in listed(provider, api_model, day)}
        mine = {(r["tier"], r["over_tokens"]): r for r in records(rows)}
        if not theirs:
            continue
        tiers = {tier for tier, _ in theirs}
        for row in sorted({*theirs, *(k for k in mine if k[0] in tiers)}):
            for field in PRICES:
                a, b = (_number(side.get(row, {}).get(field)) for side in (mine, theirs))
                if not (a == b or (pd.isna(a) and pd.isna(b))):
                    out.append((provider, api_model, *row, field, a, b))
    return pd.DataFrame(out, columns=[*ROW, "field", "catalog", "library"])


def renewed(catalog: Catalog, models: Iterable[tuple[str, str]], day: date) -> list[dict[str, Any]]:
    """Price lists of hosted models as catalog rows of a day, from the library.

    Parameters
    ----------
    models : iterable of (provider, api_model)
        Hosted models of the catalog; what it knows besides prices is kept.
    """
    ours = newest(catalog["api_prices"])
    out = []
    for provider, api_model in models:
        mine = records(ours[(ours["provider"] == provider) & (ours["api_model"] == api_model)])
        theirs = listed(provider, api_model, day)
        tiers = {r["tier"] for r in theirs}
        given = {
            **{k: mine[0][k] for k in (*LIST, "model", "geographies")},
            "standing": "published",
            "source": f"{source()}, provider {provider}, checked {day}",
            "as_of": day,
            "notes": None,
        }
        out += [{**given, **row} for row in theirs]
        # A tier that only the catalog knows stays, with its own source.
        out += [{**row, "as_of": day} for row in mine if row["tier"] not in tiers]
    return out


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
