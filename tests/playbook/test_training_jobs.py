"""Training jobs in the steps, and the guide on training."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from advisor.optimize.setting import Setting
from advisor.playbook import View, steps
from advisor.playbook.claims import JUDGES
from advisor.playbook.training_jobs import training_actions, training_notes, training_table
from advisor.portfolio import LEVERS, parse

JOB: dict[str, Any] = {
    "name": "tune",
    "model": "Llama-2-7B",
    "method": "full",
    "tokens_m": 3000,
    "epochs": 2,
    "runs_per_month": 1,
    "data_stall_share": 0.25,
    "deadline_hours": 100,
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "p5.48xlarge",
        "instances": 1,
        "weight_precision": "bf16",
    },
}


@pytest.fixture(scope="module")
def trained(catalog: Catalog, classifier: dict[str, Any]) -> View:
    data = {**classifier, "training": [JOB]}
    return View(playbook_plans(parse(data, catalog)))


@pytest.fixture(scope="module")
def kept(catalog: Catalog, classifier: dict[str, Any]) -> View:
    """The same with spot and regions rejected for the job."""
    portfolio = parse({**classifier, "training": [JOB]}, catalog)
    levers = dict.fromkeys((classifier["workloads"][0]["name"], "tune"), frozenset(LEVERS))
    levers["tune"] -= {"PURCHASING"}
    plans = playbook_plans(Setting(portfolio, catalog), levers=levers)
    return View(plans, {"tune": frozenset({"PURCHASING"})})


def test_a_move_is_worth_what_the_plan_loses_without_it(trained: View, kept: View) -> None:
    (action,) = training_actions(trained, "buy", "PURCHASING")
    assert action.accepted
    assert "spot" in action.proposed
    assert "of 100 h" in action.meets
    lost = kept.final.shared["training"] - trained.final.shared["training"]
    assert action.saving_usd_month == pytest.approx(lost)
    assert action.saving_usd_month > 0


def test_a_rejected_move_is_still_offered(kept: View) -> None:
    (action,) = training_actions(kept, "buy", "PURCHASING")
    assert not action.accepted
    assert training_table(kept, "buy") == []
    shown = [a.workload for a in steps()["buy"].report(kept).actions]
    assert "tune" in shown


def test_what_moves_is_tabled(trained: View) -> None:
    (table,) = training_table(trained, "buy")
    (row,) = table.rows
    assert row[0] == "tune"
    assert "on demand" in row[1]
    assert "spot" in row[2]


def test_notes_say_what_a_run_takes_and_loses(trained: View) -> None:
    (note,) = training_notes(trained, "buy")
    text = " ".join(f"{strong} {rest}" for strong, rest in note.lines)
    assert "exaFLOP" in text
    assert "waiting for data" in text
    assert "checkpoints" in text
    assert "a month more" in text


def test_a_fine_tune_of_billions_of_tokens_costs_what_the_guide_says(
    catalog: Catalog, classifier: dict[str, Any], trained: View
) -> None:
    # 6e9 tokens x 58.2e9 FLOP at 38 % of eight H100, a quarter of the time waiting, is 43 h.
    run = trained.baseline.training[0].usd_month
    assert run == pytest.approx(43.02 * 55.04, rel=1e-2)
    kept = View(playbook_plans(parse({**classifier, "training": [JOB]}, catalog), levers=()))
    judged = JUDGES["training-bursty-500-5000"](kept)
    assert judged is not None
    assert judged[0] == "holds"


def test_without_a_job_the_claims_are_judged_all_the_same(
    catalog: Catalog, classifier: dict[str, Any]
) -> None:
    view = View(playbook_plans(parse(classifier, catalog)))
    judged = JUDGES["training-bursty-500-5000"](view)
    assert judged is not None
    # 6 x 7e9 x 4 / 3 FLOP, 50 million tokens, three times: 8.4 exaFLOP at 5.1 USD.
    assert judged[0] == "holds_if"
    assert "8.40 exaFLOP, $42.8" in judged[1]
    mixed = JUDGES["mixed-precision-2x"](view)
    assert mixed is not None
    assert mixed[0] == "holds_if"
    # There is no language model here to pre-train.
    assert JUDGES["pretraining-1m"](view) is None


def test_pre_training_grows_with_the_square_of_the_size(view: View) -> None:
    # 6 x 20 x (70.6e9)^2 FLOP at 5.1 USD an exaFLOP: 3.05 million; a million at 40.4 billion.
    judged = JUDGES["pretraining-1m"](view)
    assert judged is not None
    assert judged[0] == "holds"
    assert "$3.05M" in judged[1]
    assert "at 40B" in judged[1]
