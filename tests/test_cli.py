"""The command line as others call it: its JSON is a contract, its messages are for people."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from advisor import cli
from advisor.catalog import Catalog
from advisor.optimize.levers import STEP_LEVER
from advisor.optimize.offers import STRENGTH
from advisor.portfolio import LEVERS
from advisor.portfolio.load import sample_path
from advisor.report.planfile import read_plan_file

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "docs/schemas/plan.schema.json").read_text("utf-8"))

# What the contract has promised since its first version.
TOP = {"baseline_usd_month", "plan_usd_month", "steps", "workloads", "certificate"}
WORKLOAD = {
    *("name", "sourcing", "instance", "region", "accelerator", "accelerator_count"),
    *("replicas_peak", "weight_precision", "kv_precision", "framework", "cost_usd_month"),
    *("cost_per_prediction_usd", "evidence", "unit"),
}
BAD = """\
name,kind,task,model,demand.mean_rps,current.cloud,current.region,current.instance,\
current.framework,current.weight_precision
router,encoder,classification,RoBERTa-bse,8,aws,us-east-1,g5.xlarge,torchserve,fp32
"""


def advisor(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "advisor", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said about unusable input; no plan may be printed."""
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" or arguments[0] == "check"
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    return said.err


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plan") / "plan.json"


@pytest.fixture(scope="session")
def printed(written: Path) -> dict[str, Any]:
    """The sample's plan, printed as JSON and written as a plan file at once."""
    told = advisor("plan", "--json", "--out", written)
    assert told.returncode == 0, told.stderr
    assert told.stderr == ""
    return json.loads(told.stdout)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_plan_keeps_to_its_schema(printed):
    jsonschema.Draft202012Validator(SCHEMA).validate(printed)


def test_the_schema_names_every_key(printed):
    """Others may add keys; what this version prints is described."""
    defs = {name: set(part["properties"]) for name, part in SCHEMA["$defs"].items()}
    assert set(printed) <= set(SCHEMA["properties"])
    for key, part in (("steps", "step"), ("workloads", "workload"), ("purchases", "purchase")):
        for row in printed[key]:
            assert set(row) <= defs[part]


def test_the_schema_lists_what_the_code_knows():
    defs = SCHEMA["$defs"]
    assert defs["step"]["properties"]["step"]["enum"] == list(STEP_LEVER)
    assert defs["workload"]["properties"]["evidence"]["enum"] == list(STRENGTH)
    levers = SCHEMA["properties"]["inputs"]["properties"]["levers"]["items"]["enum"]
    assert levers == list(LEVERS)


def test_the_promised_keys_are_there(printed):
    assert set(printed) >= TOP
    for row in printed["workloads"]:
        assert set(row) >= WORKLOAD


def test_the_parts_sum_to_the_plan(printed):
    parts = sum(row["cost_usd_month"] for row in printed["workloads"])
    total = parts + printed["shared_usd_month"]
    assert total == pytest.approx(printed["plan_usd_month"], abs=1e-6)
    assert sum(printed["shared"].values()) == pytest.approx(printed["shared_usd_month"], abs=1e-6)


def test_pools_are_split_over_their_members(printed):
    rows = {row["name"]: row for row in printed["workloads"]}
    for pool in printed["purchases"]:
        assert set(pool["workloads"]) <= set(rows)
        together = sum(rows[name]["run_rate_usd_month"] for name in pool["workloads"])
        assert together >= pool["cost_usd_month"] - 1e-6


def test_cost_falls_or_stays_at_every_step(printed):
    assert [row["step"] for row in printed["steps"]] == list(STEP_LEVER)
    costs = [row["cost_usd_month"] for row in printed["steps"]]
    assert all(later <= earlier for earlier, later in pairwise(costs))
    assert costs[0] == printed["baseline_usd_month"]
    assert costs[-1] == printed["plan_usd_month"]
    assert costs[-1] < costs[0]


def test_cost_per_prediction_is_cost_over_volume(printed):
    for row in printed["workloads"]:
        each = row["cost_usd_month"] / row["predictions_per_month"]
        assert row["cost_per_prediction_usd"] == pytest.approx(each)


def test_the_certificate_brackets_the_plan(printed):
    certificate = printed["certificate"]
    assert certificate["upper_usd"] == pytest.approx(printed["plan_usd_month"])
    assert certificate["lower_usd"] <= certificate["upper_usd"] + 1e-6
    gap = 1.0 - certificate["lower_usd"] / certificate["upper_usd"]
    assert certificate["gap"] == pytest.approx(gap)


def test_the_plan_file_can_be_read_back(printed, written):
    content = written.read_bytes()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(content))
    found = read_plan_file(content, Catalog.load(), written.name)
    assert found["portfolio"].name == printed["portfolio"]
    assert [w.name for w in found["portfolio"].workloads] == [
        row["name"] for row in printed["workloads"]
    ]
    assert (found["levers"], found["rejected"]) == (list(LEVERS), {})


def test_only_the_levers_asked_for_save(capsys, printed):
    assert cli.main(["plan", "--json", "--levers", "hardware, PRECISION"]) == 0
    plan = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(plan)
    costs = {row["step"]: row["cost_usd_month"] for row in plan["steps"]}
    before = {row["step"]: row["cost_usd_month"] for row in printed["steps"]}
    for step in ("measure", "rightsize", "quantize"):
        assert costs[step] == pytest.approx(before[step])
    assert {costs[s] for s in STEP_LEVER if s not in ("measure", "rightsize")} == {
        plan["plan_usd_month"]
    }
    assert {row["purchase"] for row in plan["workloads"]} <= {"on_demand", None}


def test_without_levers_the_plan_is_today(capsys, printed):
    assert cli.main(["plan", "--json", "--levers", ""]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["plan_usd_month"] == plan["baseline_usd_month"] == printed["baseline_usd_month"]


def test_an_unknown_lever_is_told_the_nearest(capsys):
    said = refused(capsys, "plan", "--levers", "HARDWARE,PRECISON")
    assert "no such lever (got 'PRECISON')" in said
    assert "did you mean 'PRECISION'?" in said


def test_a_missing_portfolio_is_named(capsys, tmp_path):
    assert "nowhere.yaml" in refused(capsys, "plan", str(tmp_path / "nowhere.yaml"))


@pytest.mark.parametrize("command", ["plan", "check"])
def test_a_bad_portfolio_is_told_where(capsys, tmp_path, command):
    path = tmp_path / "mine.csv"
    path.write_text(BAD, "utf-8")
    said = refused(capsys, command, str(path))
    assert "mine.csv, row 2, column 'model'" in said
    assert "did you mean 'roberta-base'?" in said.lower()


def test_a_folder_without_catalogs_is_refused(capsys, tmp_path):
    assert tmp_path.name in refused(capsys, "check", "--catalog", str(tmp_path))


def test_a_plan_file_that_cannot_be_written_is_told(capsys, tmp_path):
    path = tmp_path / "missing" / "plan.json"
    assert "plan.json" in refused(capsys, "plan", "--levers", "", "--out", str(path))


def test_check_lists_every_table(capsys):
    assert cli.main(["check", str(sample_path())]) == 0
    said = capsys.readouterr().out
    for table in (ROOT / "catalogs").glob("*.csv"):
        assert table.stem in said
    assert said.splitlines()[-1].endswith("workloads, ok")


def test_the_plan_reads_well_without_json(capsys):
    assert cli.main(["plan", "--levers", "HARDWARE"]) == 0
    said = capsys.readouterr().out
    for word in ("measure", "rightsize", "saving", "support-chat"):
        assert word in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([name, "--help"] for name in ("plan", "check", "predict", "accuracy", "attach")),
    ],
)
def test_help_does_not_wait_for_heavy_imports(arguments):
    program = (
        "import sys\nfrom advisor.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'numpy', 'pandas', 'scipy', 'pydantic'} & set(sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "usage: python -m advisor" in told.stdout


def test_no_command_is_a_mistake():
    told = advisor()
    assert told.returncode == 2
    assert "COMMAND" in told.stderr
