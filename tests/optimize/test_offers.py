"""What a machine is taken to cost: margins, discounts, terms, and what is not known."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.economics import owned
from advisor.optimize import solve
from advisor.optimize.hosted import latest_prices, options
from advisor.optimize.offers import STRENGTH, offers, weakest
from advisor.portfolio import Organisation
from tests.optimize.given import CHAT, SUMMARIES, changed, setting

ORG = Organisation(clouds=("aws",), geographies=("us",))
MACHINE = {
    "cloud": "aws",
    "region": "us-east-1",
    "instance": "g5.xlarge",
    "standing": "published",
    "interruptions_per_month": np.nan,
    "as_of": date(2026, 1, 1),
    "source": "made up",
    "notes": None,
    "file": "prices.csv",
    "row": 2,
}
OPTIONS = ["on_demand", "spot", "commit_1y", "commit_3y"]


def priced(catalog: Catalog, **prices: Any) -> Catalog:
    """The catalog with one machine at these prices: a figure, or a mapping of columns."""
    rows = []
    for purchase, given in prices.items():
        cells = given if isinstance(given, dict) else {"usd_per_hour": given}
        rows.append({**MACHINE, "purchase": purchase, **cells})
    frame = pd.DataFrame(rows, columns=list(catalog["prices"].columns))
    return Catalog({**catalog.tables, "prices": frame})


def offer(catalog: Catalog, org: Organisation = ORG, **prices: Any) -> dict[str, Any]:
    table = offers(priced(catalog, **prices), org)
    found: dict[str, Any] = table[table["instance"] == "g5.xlarge"].iloc[0].to_dict()
    return found


def test_published_prices_are_taken_as_they_are(shipped: Catalog):
    found = offer(shipped, on_demand=1.0, commit_1y=0.6)
    assert (found["on_demand"], found["commit"], found["commit_term"]) == (1.0, 0.6, "commit_1y")
    assert (found["standing"], found["commit_standing"]) == ("published", "published")


@pytest.mark.parametrize(("standing", "margin"), [("derived", 1.2), ("estimated", 1.15)])
def test_doubtful_prices_are_taken_at_their_dear_end(
    shipped: Catalog, standing: str, margin: float
):
    found = offer(
        shipped,
        on_demand=1.0,
        commit_1y={"usd_per_hour": 0.6, "standing": standing},
    )
    assert found["commit_1y"] == pytest.approx(0.6 * margin)
    assert found["on_demand"] == 1.0
    assert found["commit_standing"] == standing


def test_but_never_above_on_demand(shipped: Catalog):
    found = offer(
        shipped,
        on_demand=1.0,
        commit_1y={"usd_per_hour": 0.95, "standing": "derived"},
        spot={"usd_per_hour": 0.9, "standing": "derived"},
    )
    assert found["commit_1y"] == found["commit"] == 1.0
    assert np.isnan(found["spot"])  # dearer than on-demand once interruptions count: no use


def test_no_shipped_commitment_is_above_on_demand(shipped: Catalog):
    table = offers(shipped, ORG)
    both = table[table["on_demand"].notna()]
    assert len(both) > 500
    for option in ("commit_1y", "commit_3y", "spot"):
        known = both[both[option].notna()]
        assert len(known) > 50
        assert (known[option] <= known["on_demand"] + 1e-12).all(), option


def test_a_discount_is_off_list_for_its_provider_alone(shipped: Catalog):
    org = Organisation(clouds=("aws",), discounts={"aws": 0.1, "gcp": 0.5})
    found = offer(shipped, org, on_demand=1.0, commit_1y=0.6)
    assert (found["on_demand"], found["commit"]) == pytest.approx((0.9, 0.54))


def test_a_contract_price_is_not_discounted_again(shipped: Catalog):
    org = Organisation(clouds=("aws",), discounts={"aws": 0.1})
    found = offer(shipped, org, on_demand={"usd_per_hour": 0.8, "standing": "contract"})
    assert found["on_demand"] == 0.8
    assert found["standing"] == "contract"


def test_a_hosts_discount_lowers_the_bill_of_its_models(shipped: Catalog):
    full, less, other = (
        solve(setting(shipped, [SUMMARIES], discounts=d)).workload_usd_month["summaries"]
        for d in ({}, {"openai": 0.2}, {"groq": 0.2})
    )
    assert less == pytest.approx(0.8 * full)
    assert other == full
    assert latest_prices(shipped, {}).equals(latest_prices(shipped))


def test_a_long_term_pays_for_its_tail(shipped: Catalog):
    # On a twelve-month view a three-year term leaves 24 months, half of which is lost.
    half = Organisation(clouds=("aws",), commitment_reuse=0.5)
    found = offer(shipped, half, on_demand=1.0, commit_1y=0.62, commit_3y=0.4)
    assert (found["commit"], found["commit_term"]) == (0.62, "commit_1y")
    sure = Organisation(clouds=("aws",), commitment_reuse=1.0)
    found = offer(shipped, sure, on_demand=1.0, commit_1y=0.62, commit_3y=0.4)
    assert (found["commit"], found["commit_term"]) == (0.4, "commit_3y")
    long = Organisation(clouds=("aws",), commitment_reuse=0.5, horizon_months=36)
    assert offer(shipped, long, on_demand=1.0, commit_1y=0.62, commit_3y=0.4)["commit"] == 0.4


def test_spot_carries_what_interruptions_cost(shipped: Catalog):
    # A quarter of the machines a month costs the assumed tenth, twice as many twice that.
    some, more, none = (
        offer(
            shipped,
            on_demand=1.0,
            spot={"usd_per_hour": 0.3, "interruptions_per_month": share},
        )["spot"]
        for share in (0.25, 0.5, 0.0)
    )
    assert (some, more, none) == pytest.approx((0.33, 0.36, 0.3))


def test_not_offered_is_not_unknown_but_neither_can_be_bought(shipped: Catalog):
    refused = {"usd_per_hour": np.nan, "standing": "not_offered"}
    found = offer(shipped, on_demand=1.0, commit_1y=refused)
    blank = offer(shipped, on_demand=1.0)
    for row in (found, blank):
        assert np.isnan(row["commit"])
        assert row["commit_term"] == ""
    # The catalog tells them apart: a row that says so, and no row.
    table = shipped["prices"]
    said = table[table["standing"] == "not_offered"]
    assert len(said) > 0
    assert said["usd_per_hour"].isna().all()
    assert table.loc[table["standing"] != "not_offered", "usd_per_hour"].notna().all()


def test_an_option_withdrawn_later_is_gone(shipped: Catalog):
    table = priced(shipped, on_demand=1.0, commit_1y=0.6)["prices"]
    gone = {"usd_per_hour": np.nan, "standing": "not_offered", "as_of": date(2026, 6, 1)}
    later = pd.DataFrame([{**MACHINE, "purchase": "commit_1y", **gone}])
    both = pd.concat([table, later[table.columns]], ignore_index=True)
    catalog = Catalog({**shipped.tables, "prices": both})
    before = offers(catalog, ORG, as_of=date(2026, 3, 1)).set_index("instance")
    after = offers(catalog, ORG).set_index("instance")
    assert before.at["g5.xlarge", "commit"] == 0.6
    assert np.isnan(after.at["g5.xlarge", "commit"])


def test_a_machine_without_a_price_is_no_offer(shipped: Catalog):
    table = offers(priced(shipped, on_demand=1.0), ORG)
    assert set(table["instance"]) == {"g5.xlarge", "owned-8xH100-SXM"}
    only_spot = offers(priced(shipped, spot=0.3), ORG)
    assert "g5.xlarge" not in set(only_spot["instance"])


def test_an_owned_server_by_hand(shipped: Catalog):
    table = offers(shipped, ORG)
    found = table[table["cloud"] == "owned"].iloc[0]
    # 325,000 USD and an eighth for networks, over 48 months at 8 %; 8 % support a year;
    # 10.2 kW in colocation, 65 % of them drawn at a PUE of 1.3; three quarters of the life unused
    # after a year, at 15 % lost.
    price = 325_000 * 1.125
    r = 0.08 / 12
    monthly = price * r / (1 - (1 + r) ** -48)
    monthly += price * 0.08 / 12 + 10.2 * 184
    monthly += 10.2 * 0.65 * 1.3 * 730 * 0.09
    monthly += price * 0.75 * 0.15 / 12
    assert found["commit"] == pytest.approx(monthly / 730, rel=1e-9)
    assert found["commit"] == pytest.approx(23.6, abs=0.1)
    assert np.isnan(found["on_demand"])
    assert (found["standing"], found["commit_term"]) == ("estimated", "owned")
    longer = Organisation(horizon_months=48)
    kept = offers(shipped, longer).set_index("cloud").at["owned", "commit"]
    assert kept == pytest.approx((monthly - price * 0.75 * 0.15 / 12) / 730, rel=1e-9)
    assert owned.annuity(price, 0.08, 48) == pytest.approx(price * r / (1 - (1 + r) ** -48))


def test_todays_deployment_may_be_owned(shipped: Catalog):
    mine = {"sourcing": "owned", "cloud": "owned", "region": "any", "instances": 2}
    chat = changed(CHAT, current={**mine, "instance": "owned-8xH100-SXM"})
    plan = solve(setting(shipped, [chat]))
    rate = offers(shipped, plan.portfolio.organisation).set_index("cloud").at["owned", "commit"]
    assert plan.today[0].run_rate_usd_month == pytest.approx(2 * rate * 730)


def test_a_share_of_a_chip_is_a_share(shipped: Catalog):
    table = offers(shipped, ORG).drop_duplicates(["cloud", "instance"]).set_index("instance")
    machine = table.loc["p4de.24xlarge"]
    assert (machine["devices"], machine["chip_share"]) == (8, 1)
    assert np.isnan(machine["host_memory_gib"])
    # 4 of the 96 vCPUs that the processor's row stands for, with 8 GiB of their own.
    few = table.loc["c7a.xlarge"]
    assert few["chip_share"] == pytest.approx(4 / 96, rel=1e-4)
    assert (few["devices"], few["host_memory_gib"]) == (1, 8)


def test_only_allowed_places_are_offered_anew(shipped: Catalog):
    here = setting(shipped, [CHAT], clouds=["aws", "runpod"], geographies=["eu"])
    table = here.allowed[here.allowed["cloud_kind"] != "owned"]
    assert set(table["cloud"]) <= {"aws", "runpod"}
    assert set(table["geography"]) == {"eu"}
    assert "us" in set(here.offers["geography"])
    assert (here.allowed["cloud_kind"] == "owned").any()


def test_hosted_models_stay_where_residency_allows(shipped: Catalog):
    def allowed(residency: list[str]) -> set[str]:
        found = options(
            where := setting(shipped, [{**CHAT, "residency": residency}]),
            where.portfolio.workload("chat"),
        )
        assert all(reason == "" or "not known to stay" in reason for _, reason in found)
        return {row["provider"] for row, reason in found if not reason}

    anywhere, europe, either = allowed([]), allowed(["eu"]), allowed(["eu", "us"])
    assert europe < anywhere
    assert europe <= either
    # One that stays in either place stays inside both.
    assert "groq" in either - europe


def test_the_weakest_evidence_counts():
    assert weakest("measured", "published", "rule") == "rule"
    assert weakest("contract", "stated") == "stated"
    assert weakest(*STRENGTH) == STRENGTH[-1]
