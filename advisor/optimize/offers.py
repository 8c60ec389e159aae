"""What can be rented where, at which effective rate."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.economics import owned, rates
from advisor.portfolio import Organisation

from .network import anywhere

STRENGTH = (
    "measured",
    "contract",
    "published",
    "observed",
    "calibrated",
    "derived",
    "stated",
    "estimated",
    "rule",
)
"""Kinds of evidence, strongest first. A result's evidence is the weakest of its parts."""

TERM_RATE = {"commit_1y": "term_1y", "commit_3y": "term_3y"}
"""Columns with what each commitment truly costs over the horizon, its stranded tail included."""

MARGIN_NAME = {"derived": "derived_price_margin", "estimated": "estimated_price_margin"}


def weakest(*kinds: str) -> str:
    """The weakest of several kinds of evidence."""
    return max(kinds, key=STRENGTH.index)


def offers(catalog: Catalog, organisation: Organisation, as_of: date | None = None) -> pd.DataFrame:
    """Every (cloud, region, instance) the organisation may rent, one row each.

    Derived and estimated prices are taken at their pessimistic end, but never above on-demand.

    Returns
    -------
    DataFrame
        ``on_demand``, ``spot``, ``term_1y``, ``term_3y``, ``commit`` (the cheapest term on the
        horizon, ``commit_term`` names it) in USD per instance-hour after the organisation's
        discount; NaN where the option is unknown or not offered. ``capacity_block`` is what a
        block costs by the hour, ``spot_raw`` the market price without what ``interruptions`` a
        month cost. Besides: the instance's chip figures, ``geography``, ``cloud_kind``,
        ``standing`` of the on-demand price, ``spot_standing``, ``commit_standing``,
        ``price_source`` and ``price_as_of``.
    """
    prices = catalog.prices(as_of)
    # Today's cloud may lie outside those allowed; it is still where the deployment runs.
    prices = prices[prices["standing"] != "not_offered"]
    margin = prices["standing"].map(
        {k: 1.0 + catalog.assumption(v) for k, v in MARGIN_NAME.items()}
    )
    discount = prices["cloud"].map(lambda c: 1.0 - organisation.discounts.get(c, 0.0))
    # A contract price is what was negotiated.
    discount = discount.where(prices["standing"] != "contract", 1.0)
    rate = prices["usd_per_hour"].astype(float) * margin.fillna(1.0).astype(float) * discount
    prices = prices.assign(rate=rate)
    keys = ["cloud", "region", "instance"]
    wide = prices.pivot(index=keys, columns="purchase", values=["rate", "standing"])
    out = pd.DataFrame(index=wide.index)
    for option in ("on_demand", "spot", "commit_1y", "commit_3y", "capacity_block"):
        out[option] = _column(wide, "rate", option).astype(float)
        out[f"{option}_standing"] = _column(wide, "standing", option)
    base = prices[prices["purchase"] == "on_demand"].set_index(keys)
    out["price_source"], out["price_as_of"] = base["source"], base["as_of"]
    out["interruptions"] = prices[prices["purchase"] == "spot"].set_index(keys)[
        "interruptions_per_month"
    ]
    _effective(out, catalog, organisation)
    frame = out.reset_index().rename(columns={"on_demand_standing": "standing"})
    frame = pd.concat([frame, _owned(catalog, organisation)], ignore_index=True)
    frame = _with_machines(frame, catalog)
    place = organisation.owned_geography or anywhere(organisation.geographies)
    mine = frame["cloud_kind"] == "owned"
    return frame.assign(geography=frame["geography"].where(~mine, place))


def _column(wide: pd.DataFrame, value: str, option: str) -> pd.Series:
    if (value, option) in wide.columns:
        return wide[(value, option)]
    return pd.Series(np.nan, index=wide.index)


def _effective(out: pd.DataFrame, catalog: Catalog, organisation: Organisation) -> None:
    reuse = organisation.commitment_reuse
    if reuse is None:
        reuse = catalog.assumption("commitment_reuse_share")
    overhead = catalog.assumption("spot_overhead")
    interruptions = out["interruptions"].astype(float).fillna(0.25)
    out["spot_raw"] = out["spot"]
    spot = rates.spot_rate(1.0, 1.0, overhead)
    out["spot"] = out["spot"] * (1.0 + (spot - 1.0) * interruptions)
    terms = pd.DataFrame(index=out.index)
    for option in ("commit_1y", "commit_3y"):
        months = float(catalog.lookup("purchase_options", option)["term_months"])
        tail = rates.term_rate(1.0, months, organisation.horizon_months, reuse)
        out[option] = np.minimum(out[option], out["on_demand"].fillna(np.inf))
        terms[option] = out[option] * tail
        out[TERM_RATE[option]] = terms[option]
    known = terms.notna().any(axis=1)
    out["commit"] = terms.min(axis=1)
    out["commit_term"] = ""
    out.loc[known, "commit_term"] = terms[known].idxmin(axis=1)
    standing = [
        row[f"{row['commit_term']}_standing"] if row["commit_term"] else None
        for _, row in out.iterrows()
    ]
    out["commit_standing"] = standing
    out["spot"] = out["spot"].where(~(out["spot"] >= out["on_demand"]))


def _owned(catalog: Catalog, organisation: Organisation) -> pd.DataFrame:
    """Owned machines as offers: a commitment for the machine's life, no on-demand."""
    kinds = catalog["clouds"].set_index("cloud")["kind"]
    machines = catalog["instances"]
    mine = machines[machines["cloud"].map(kinds) == "owned"]
    regions = catalog["regions"].set_index("cloud")["region"]
    rows = []
    for machine in mine.to_dict("records"):
        chip = catalog.lookup("accelerators", machine["accelerator"])
        rows.append(
            {
                "cloud": machine["cloud"],
                "region": regions[machine["cloud"]],
                "instance": machine["instance"],
                "on_demand": np.nan,
                "spot": np.nan,
                "commit": owned.usd_per_hour(
                    catalog.assumption,
                    chips=float(machine["accelerator_count"]),
                    chip_tdp_w=float(chip["tdp_w"]),
                    horizon_months=organisation.horizon_months,
                ),
                "commit_term": "owned",
                "standing": "estimated",
                "commit_standing": "estimated",
                "price_source": machine["source"],
                "price_as_of": machine["as_of"],
            }
        )
    return pd.DataFrame(rows)


def _with_machines(frame: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
    machines = catalog["instances"][
        ["cloud", "instance", "accelerator", "accelerator_count", "vcpu", "memory_gib"]
    ]
    chips = catalog["accelerators"][["accelerator", "kind", "vendor", "family"]].rename(
        columns={"kind": "chip_kind"}
    )
    regions = catalog["regions"][["cloud", "region", "geography"]]
    clouds = catalog["clouds"][["cloud", "kind"]].rename(columns={"kind": "cloud_kind"})
    out = frame.merge(machines, on=["cloud", "instance"]).merge(chips, on="accelerator")
    out = out.merge(regions, on=["cloud", "region"]).merge(clouds, on="cloud")
    whole = (out["chip_kind"] != "cpu") & (out["accelerator_count"] >= 1)
    out["chip_share"] = np.where(whole, 1.0, out["accelerator_count"].astype(float))
    out["devices"] = np.where(whole, np.floor(out["accelerator_count"].astype(float)), 1.0)
    out["host_memory_gib"] = np.where(
        out["chip_kind"] == "cpu", pd.to_numeric(out["memory_gib"]), np.nan
    )
    priced = out["on_demand"].notna() | out["commit"].notna()
    return out[priced].reset_index(drop=True)
