"""Every refusal of a YAML portfolio names file, line, field and value, and what would be right."""

from __future__ import annotations

import pytest

from advisor.catalog import Catalog
from tests.portfolio.given import YAML, refused

BAD = [
    ("talk8", "talk9", 10, "workloads.chat.model", "talk9", "talk8"),
    ("model: talk8", "modle: talk8", 10, "workloads.chat.modle", "modle", "model"),
    ("  clouds:", "  cloud:", 3, "organisation.cloud", "cloud", "clouds"),
    ("kind: llm", "kind: lm", 8, "workloads.chat.kind", "lm", "llm"),
    (
        "osl_tokens: 100",
        "mean_rps: 5",
        12,
        "workloads.chat.mean_rps",
        "mean_rps",
        "demand.mean_rps",
    ),
    ("mean_rps: 3", "mean_rps: -3", 13, "workloads.chat.demand.mean_rps", "-3", "greater than 0"),
    ("mean_rps: 3", "mean_rps: 0", 13, "workloads.chat.demand.mean_rps", "0", "greater than 0"),
    ("mean_rps: 3", "mean_rps: .nan", 13, "workloads.chat.demand.mean_rps", ".nan", "valid number"),
    ("mean_rps: 3", "mean_rps: nan", 13, "workloads.chat.demand.mean_rps", "nan", "finite number"),
    ("mean_rps: 3", "mean_rps: inf", 13, "workloads.chat.demand.mean_rps", "inf", "finite number"),
    ("mean_rps: 3", "mean_rps: 1e9", 13, "workloads.chat.demand.mean_rps", "1e9", "10000000"),
    ("mean_rps: 3", "mean_rps: 3,5", 13, "workloads.chat.demand.5", "5", "unknown field"),
    ("mean_rps: 3", "mean_rps: yes", 13, "workloads.chat.demand.mean_rps", "yes", "valid number"),
    ("[us]", "us", 14, "workloads.chat.residency", "us", "write [us]"),
    ("ttft_s: 2", "ttft_s: 2 s", 16, "workloads.chat.slo.ttft_s", "2 s", "valid number"),
    ("osl_tokens: 100", "osl_tokens: 9.5", 12, "workloads.chat.osl_tokens", "9.5", "whole number"),
    ("name: tune", "name: chat", 25, "training.chat.name", None, "'chat'"),
    ("osl_tokens: 100", "unit: token", 12, "workloads.chat.unit", "token", "1k_tokens"),
    ("tokens_m: 50\n", "\n", 25, "training.tune.tokens_m", None, "required"),
    (", mean_rps: 3", "", 13, "workloads.chat.demand", None, "exactly one of mean_rps, peak_rps"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case[1])
def test_bad_values_are_located(
    tiny: Catalog, case: tuple[str, str, int, str, str | None, str]
) -> None:
    right, wrong, row, column, value, hint = case
    error = refused(YAML.replace(right, wrong, 1), tiny)
    assert (error.file, error.row, error.column) == ("mine.yaml", row, column)
    assert error.value == value
    assert hint in str(error)


@pytest.mark.parametrize(
    ("text", "row", "hint"),
    [
        ("", 1, "fields belong here"),
        ("hello", 1, "fields belong here"),
        ("- one", 1, "fields belong here"),
        ("name: x\nname: y", 2, "the other is on row 1"),
        ("name: x\n\tdescription: y", 2, "not valid YAML"),
        ("name: [x\n", 2, "not valid YAML"),
        ("name: x\n---\nname: y", 2, "second document"),
        ("name: !!python/object:os.system x\nworkloads: []", 2, "at least one entry"),
        ("name: !secret x", 1, "tags are not read"),
        ("a: &a {x: 1}\nb: {<<: *a}", 2, "merge keys"),
        ("a: &a [*a]", 1, "not complete"),
        ("? [a]\n: b", 1, "plain name"),
        ("name: \0x", None, "not valid YAML"),
        ("[" * 100_000, 1, "too deeply"),
        ("workloads: []", 1, "at least one entry"),
        ("workloads:", 1, "required"),
    ],
)
def test_bad_yaml_is_located(tiny: Catalog, text: str, row: int | None, hint: str) -> None:
    error = refused(text, tiny)
    assert error.row == row
    assert hint in str(error)


def test_repeats_of_repeats_stop(tiny: Catalog) -> None:
    lines = ["x0: &x0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"x{i}: &x{i} [{','.join([f'*x{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "too many values" in str(refused("\n".join(lines), tiny))


def test_other_problems_are_counted(tiny: Catalog) -> None:
    text = YAML.replace("talk8", "talk9").replace("g.large\n", "g.lrge\n").replace("[us]", "[uss]")
    assert str(refused(text, tiny)).endswith("2 more problems after this one")
