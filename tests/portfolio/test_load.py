"""Portfolios as they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.portfolio import load_portfolio, parse, sample_path
from advisor.portfolio.load import MAX_BYTES
from tests.portfolio.given import CHAT, HEADER, READ, YAML, csv_rows, read, refused, workbook


def test_yaml_known_answer(tiny: Catalog) -> None:
    portfolio = read(YAML, tiny)
    chat = portfolio.workload("chat")
    assert (portfolio.name, chat.model, chat.isl_tokens) == ("Tiny", "Talk-8B", 500)
    assert chat.demand.mean_rps == 3.0
    assert (chat.slo.ttft_s, chat.slo.tpot_s) == (2.0, None)
    assert portfolio.organisation.discounts == {"aws": 0.1}
    assert portfolio.training[0].runs_per_month == 4.0
    assert portfolio.organisation.engineering_hours is None


def test_json_is_read_as_yaml_is(tiny: Catalog, chat: dict[str, Any]) -> None:
    data = {"name": "Tiny \U0001f600 \\ / é", "workloads": [chat]}
    for ascii_only in (True, False):
        text = json.dumps(data, indent="\t", ensure_ascii=ascii_only)
        assert read(text, tiny, "mine.json") == parse(data, tiny)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_known_answer(tiny: Catalog, separator: str, mark: str) -> None:
    text = mark + (HEADER + CHAT + "\n" + READ).replace(",", separator)
    portfolio = read(text, tiny, "team.csv")
    chat, reader = portfolio.workloads
    assert portfolio.name == "team"
    assert chat.residency == ("us", "eu")
    assert chat.slo.ttft_s == 2.0
    # Blank is unset, never zero.
    assert (reader.isl_tokens, reader.slo.ttft_s, reader.residency) == (None, None, ())


def test_xlsx_equals_csv_and_adds_the_rest(tiny: Catalog) -> None:
    rows = csv_rows(HEADER, CHAT, READ)
    organisation = [["Field", "Value"], ["clouds", "aws|south"], ["discounts.aws", 0.25]]
    job = ["name,model,tokens_m,runs_per_month,current.cloud,current.region,current.instance"]
    job += ["tune,talk8,50,4,aws,n-east,g.large"]
    sheets = {"workloads": rows, "organisation": organisation, "training": csv_rows(*job)}
    portfolio = read(workbook(sheets), tiny, "team.xlsx")
    assert portfolio.workloads == read(HEADER + CHAT + READ, tiny, "team.csv").workloads
    assert portfolio.organisation.clouds == ("aws", "south")
    assert portfolio.organisation.discounts == {"aws": 0.25}
    assert portfolio.training[0].model == "Talk-8B"


def test_hourly_rates_in_one_cell(tiny: Catalog) -> None:
    rates = "|".join(str(h % 24) for h in range(168))
    text = (HEADER + CHAT).replace("demand.profile,demand.mean_rps", "demand.hourly_rps")
    portfolio = read(text.replace("office,3", rates), tiny, "team.csv")
    assert portfolio.workloads[0].demand.hourly_rps == tuple(float(h % 24) for h in range(168))


def test_text_that_other_readers_would_guess_at_stays_text(tiny: Catalog) -> None:
    text = YAML.replace("    kind: llm", "    team: no\n    feature: 1:30\n    kind: llm")
    chat = read(text, tiny).workload("chat")
    assert (chat.team, chat.feature) == ("no", "1:30")


def test_quoted_and_repeated_values(tiny: Catalog) -> None:
    text = YAML.replace("    residency: [us]", '    team: "null"\n    residency: &geo [us]')
    text = text.replace("  geographies: [us, eu]", "  geographies: [us]").replace(
        "    kind: llm", "    feature: null\n    kind: llm"
    )
    chat = read(text + "description: &d again\n", tiny).workload("chat")
    assert (chat.team, chat.feature) == ("null", None)


def test_a_file_by_path(tiny: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(YAML, encoding="utf-8")
    assert load_portfolio(path, tiny) == load_portfolio(str(path), tiny) == read(YAML, tiny)


def test_plain_data_with_blanks_and_truth_values(tiny: Catalog, chat: dict[str, Any]) -> None:
    chat |= {"bill_usd_month": None, "team": "  "}
    assert parse({"workloads": [chat]}, tiny).workloads[0].bill_usd_month is None
    chat["demand"]["mean_rps"] = True
    with pytest.raises(PortfolioError, match=r"workloads\.chat\.demand\.mean_rps.*valid number"):
        parse({"workloads": [chat]}, tiny, file="plan.json")


def test_the_sample_loads(shipped: Catalog) -> None:
    portfolio = load_portfolio(sample_path(), shipped)
    names = [w.name for w in portfolio.workloads] + [j.name for j in portfolio.training]
    assert names == [
        "support-chat",
        "code-assistant",
        "contract-qa",
        "search-embeddings",
        "ticket-classifier",
        "product-images",
        "campaign-images",
        "nightly-scoring",
        "meeting-summarizer",
        "weekly-finetune",
    ]


def test_an_upload_that_is_too_large(tiny: Catalog) -> None:
    error = refused(b" " * (MAX_BYTES + 1), tiny)
    assert "at most 20 MB" in str(error)
    assert "(got '21 MB')" in str(error)


def test_a_large_file_is_not_read(tiny: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as handle:
        handle.truncate(200_000_000_000)  # sparse: reading it would take minutes
    with pytest.raises(PortfolioError, match=r"huge\.yaml.*at most 20 MB"):
        load_portfolio(path, tiny)


def test_other_files(tiny: Catalog, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(YAML)
    with pytest.raises(PortfolioError, match=r"did you mean 'mine\.yaml'"):
        load_portfolio(tmp_path / "min.yaml", tiny)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(PortfolioError, match="cannot be read"):
        load_portfolio(tmp_path / "folder.yaml", tiny)
    assert "save it as .xlsx" in str(refused(b"", tiny, "old.xls"))
    assert "did you mean '.yaml'" in str(refused(b"", tiny, "mine.yamll"))
    assert refused("name: Zoë\n".encode() + b"x: \xff", tiny).row == 2
