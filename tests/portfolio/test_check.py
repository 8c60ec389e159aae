"""Names and combinations against the catalog."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.portfolio import Portfolio, check, parse

API = {"sourcing": "managed_api", "provider": "sooth", "api_model": "oracle-1"}
JOB = {
    "name": "tune",
    "model": "Talk-8B",
    "tokens_m": 10,
    "runs_per_month": 4,
    "current": {"cloud": "aws", "region": "n-east", "instance": "g.large"},
}


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return base | {
        k: merged(base[k], v) if isinstance(v, dict) and isinstance(base.get(k), dict) else v
        for k, v in change.items()
    }


def test_aliases_become_the_catalogs_own_names(tiny: Catalog, chat: dict[str, Any]) -> None:
    chat |= {"model": "acme/Talk-8B-Instruct", "substitutes": ["talk8", "Talk-2B"]}
    portfolio = parse({"workloads": [chat], "training": [JOB | {"model": "talk8"}]}, tiny)
    assert portfolio.workloads[0].model == "Talk-8B"
    assert portfolio.workloads[0].substitutes == ("Talk-8B", "Talk-2B")
    assert portfolio.training[0].model == "Talk-8B"


def test_a_right_portfolio_comes_back_unchanged(tiny: Catalog, chat: dict[str, Any]) -> None:
    closed = {"name": "ask", "model": "Oracle", "current": API}
    portfolio = Portfolio.model_validate({"workloads": [chat, chat | closed], "training": [JOB]})
    assert check(portfolio, tiny) == portfolio


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"model": "Talk-9B"}, "model", "unknown model (got 'Talk-9B'); did you mean 'Talk-8B'?"),
    ({"model": "zzz"}, "model", "add it to models.csv"),
    ({"kind": "encoder"}, "kind", "Talk-8B is of another kind (got 'encoder'); allowed: llm"),
    ({"substitutes": ["Talk-2"]}, "substitutes.1", "did you mean 'Talk-2B'?"),
    ({"isl_tokens": 8100}, "isl_tokens", "8,200 tokens, exceed"),
    ({"demand": {"profile": "ofice"}}, "demand.profile", "did you mean 'office'?"),
    ({"residency": ["eu", "eur"]}, "residency.2", "unknown geography (got 'eur')"),
    ({"residency": ["any"]}, "residency.1", "allowed: us, eu"),
    ({"current": {"cloud": "awss"}}, "current.cloud", "did you mean 'aws'?"),
    ({"current": {"region": "n-eest"}}, "current.region", "unknown region of aws"),
    ({"current": {"instance": "g.larg"}}, "current.instance", "did you mean 'g.large'?"),
    ({"current": {"instance": "gpu-8"}}, "current.instance", "it is sold by south"),
    (
        {"current": {"region": "n-west"}},
        "current.region",
        "no on_demand price is known",
    ),
    ({"current": {"region": "n-west"}}, "current.region", "allowed: n-east"),
    ({"current": {"purchase": "spot"}}, "current.purchase", "not sold as spot in n-east"),
    ({"current": {"purchase": "spot"}}, "current.purchase", "allowed: on_demand"),
    ({"current": {"purchase": "commit_1y"}}, "current.purchase", "prices.csv"),
    ({"current": {"sourcing": "owned"}}, "current.cloud", "(got 'aws'); allowed: cellar"),
    ({"current": {"cloud": "cellar"}}, "current.cloud", "allowed: aws, south"),
    ({"current": {"framework": "serv"}}, "current.framework", "did you mean 'serve'?"),
    ({"current": {"framework": None}}, "current.framework", "needs this field"),
    ({"current": {"weight_precision": None}}, "current.weight_precision", "needs this field"),
    ({"current": {"instance": None}}, "current.instance", "needs this field"),
    ({"current": {"weight_precision": "bf61"}}, "current.weight_precision", "mean 'bf16'"),
    ({"current": {"weight_precision": "kv-16"}}, "current.weight_precision", "for 'llm' models"),
    ({"current": {"kv_precision": "bf16"}}, "current.kv_precision", "allowed: kv-16"),
    ({"current": {"techniques": ["prefix"]}}, "current.techniques.1", "'prefix_caching'?"),
    ({"current": {"tensor_parallel": 5}}, "current.tensor_parallel", "allowed: 1 to 4"),
    ({"current": {"instance": "x.small"}}, "current.framework", "SERVE does not run on a cpu"),
    ({"model": "Oracle"}, "current.sourcing", "Oracle is sold as an API only"),
    ({"current": API | {"provider": None}}, "current.provider", "needs this field"),
    ({"current": API | {"provider": "soth"}}, "current.provider", "did you mean 'sooth'?"),
    ({"current": API | {"api_model": "oracle"}}, "current.api_model", "did you mean 'oracle-1'?"),
    ({"current": API}, "current.api_model", "this API serves Oracle, not Talk-8B"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[1]}: {case[2]}")
def test_what_cannot_be_costed_is_refused(
    tiny: Catalog, chat: dict[str, Any], case: tuple[dict[str, Any], str, str]
) -> None:
    change, column, hint = case
    with pytest.raises(PortfolioError) as caught:
        parse({"workloads": [merged(chat, change)]}, tiny, file="mine.json")
    assert caught.value.file == "mine.json"
    assert caught.value.column == f"workloads.chat.{column}"
    assert hint in str(caught.value)


def test_owned_hardware_needs_no_listed_price(tiny: Catalog, chat: dict[str, Any]) -> None:
    own = {"sourcing": "owned", "cloud": "cellar", "region": "any", "instance": "own-8"}
    portfolio = parse({"workloads": [merged(chat, {"current": own})]}, tiny)
    assert portfolio.workloads[0].current.instance == "own-8"


def test_a_precision_belongs_to_its_kinds(tiny: Catalog, chat: dict[str, Any]) -> None:
    reader = {"kind": "encoder", "task": "classification", "model": "Read-base"}
    current = {"framework": "plain", "weight_precision": "int4-awq"}
    with pytest.raises(PortfolioError, match="unknown precision for 'encoder' models"):
        parse({"workloads": [merged(chat, reader | {"current": current})]}, tiny)


def test_a_framework_serves_its_kinds(tiny: Catalog, chat: dict[str, Any]) -> None:
    reader = {"kind": "encoder", "task": "classification", "model": "Read-base"}
    with pytest.raises(PortfolioError, match=r"SERVE does not serve .*'encoder'.*allowed: plain"):
        parse({"workloads": [chat | reader]}, tiny)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"clouds": ["aws", "sout"]}, "organisation.clouds.2': unknown provider (got 'sout')"),
        ({"api_providers": ["soothe"]}, "did you mean 'sooth'?"),
        ({"geographies": ["mars"]}, "allowed: us, eu"),
        ({"discounts": {"sooht": 0.1}}, "did you mean 'sooth'?"),
        ({"discounts": {"aws": 1.1}}, "organisation.discounts.aws': must be less than"),
    ],
)
def test_the_organisation(
    tiny: Catalog, chat: dict[str, Any], change: dict[str, Any], hint: str
) -> None:
    with pytest.raises(PortfolioError) as caught:
        parse({"organisation": change, "workloads": [chat]}, tiny)
    assert hint in str(caught.value)


def test_training_runs_on_machines(tiny: Catalog, chat: dict[str, Any]) -> None:
    with pytest.raises(PortfolioError, match=r"training\.tune\.current\.sourcing"):
        parse({"workloads": [chat], "training": [JOB | {"current": API}]}, tiny)
