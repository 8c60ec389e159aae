"""The JSON Schema is current, and what is written is read back equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.portfolio import Portfolio, load_portfolio, portfolio_schema, sample_path, write
from advisor.portfolio.model import (
    Demand,
    Deployment,
    Measured,
    Organisation,
    Slo,
    TrainingJob,
    Workload,
)
from advisor.portfolio.schema import schema_text

KEPT = Path(__file__).parents[2] / "docs/schemas/portfolio.schema.json"

texts = (
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)
shares = st.floats(0, 1)
positive = st.floats(1e-6, 1e6)
maybe_share, maybe_text = st.none() | shares, st.none() | texts
machines = st.builds(
    Deployment,
    sourcing=st.sampled_from(["self_hosted", "managed_inference"]),
    cloud=st.just("aws"),
    region=st.just("n-east"),
    instance=st.just("g.large"),
    instances=st.none() | st.integers(1, 1000),
    tensor_parallel=st.integers(1, 4),
    weight_precision=st.sampled_from(["bf16", "fp32"]),
    framework=st.sampled_from(["serve", "plain"]),
    techniques=st.sampled_from([(), ("prefix_caching",), ("prefix_caching", "graph_optimization")]),
    cache=st.sampled_from(["none", "exact_cache"]),
)
apis = st.just(Deployment(sourcing="managed_api", provider="sooth", api_model="oracle-1"))
demands = st.one_of(
    st.builds(Demand, profile=st.sampled_from(["flat", "office"]), mean_rps=positive),
    st.builds(Demand, peak_rps=positive, evidence=st.just("measured")),
    st.builds(Demand, hourly_rps=st.tuples(*[st.floats(0.5, 9)] * 168)),
)
slos = st.builds(Slo, ttft_s=st.none() | positive.filter(lambda v: v < 6e5), percentile=st.just(99))

runs = st.builds(
    Measured,
    requests_per_s=positive,
    accelerator=st.just("G1"),
    framework=st.just("serve"),
    weight_precision=st.just("bf16"),
    model=st.sampled_from([None, "Talk-2B"]),
    isl_tokens=st.none() | positive,
    concurrency=st.none() | positive,
    source=maybe_text,
    as_of=st.none() | st.dates(),
)


@st.composite
def portfolios(draw: st.DrawFn) -> Portfolio:
    names = draw(st.lists(texts, min_size=2, max_size=4, unique=True))
    workloads = [
        draw(
            st.builds(
                Workload,
                name=st.just(name),
                kind=st.just("llm"),
                task=st.just("generation"),
                model=st.just("Oracle" if api else "Talk-8B"),
                demand=demands,
                current=apis if api else machines,
                measured=st.lists(runs, max_size=2).map(tuple),
                isl_tokens=st.integers(1, 4000),
                osl_tokens=st.integers(1, 4000),
                slo=slos,
                quality_floor=shares,
                residency=st.sampled_from([(), ("eu",), ("us", "eu")]),
                substitutes=st.sampled_from([(), ("Talk-2B",)]),
                prefix_share=maybe_share,
                bill_usd_month=st.none() | st.floats(0, 1e9),
                feature=maybe_text,
                team=maybe_text,
            )
        )
        for name, api in ((n, draw(st.booleans())) for n in names[1:])
    ]
    job = st.builds(
        TrainingJob,
        name=st.just(names[0]),
        model=st.just("Talk-2B"),
        tokens_m=positive,
        runs_per_month=st.floats(0.01, 100),
        gradient_checkpointing=st.booleans(),
        current=machines,
    )
    organisation = st.builds(
        Organisation,
        name=texts,
        clouds=st.sampled_from([("aws",), ("aws", "south")]),
        discounts=st.dictionaries(st.sampled_from(["aws", "south", "sooth"]), st.floats(0, 0.99)),
        team_fte=st.none() | st.floats(0, 100),
    )
    return draw(
        st.builds(
            Portfolio,
            name=texts,
            description=texts,
            organisation=organisation,
            workloads=st.just(tuple(workloads)),
            training=st.tuples() | st.tuples(job),
        )
    )


@settings(max_examples=150, deadline=None)
@given(portfolio=portfolios())
def test_what_is_written_is_read_back_equal(tiny: Catalog, portfolio: Portfolio) -> None:
    text = write(portfolio)
    assert load_portfolio(text.encode(), tiny, name="mine.yaml") == portfolio


def test_the_sample_is_written_and_read_back_equal(shipped: Catalog) -> None:
    sample = load_portfolio(sample_path(), shipped)
    assert load_portfolio(write(sample).encode(), shipped, name="sample.yaml") == sample


def test_the_kept_schema_is_current() -> None:
    command = "import advisor.portfolio.schema as s; print(s.schema_text(), end='')"
    assert KEPT.read_text(encoding="utf-8") == schema_text(), (
        f'renew it: python -c "{command}" > docs/schemas/{KEPT.name}'
    )


def test_the_schema_is_valid_and_every_field_is_described() -> None:
    schema = portfolio_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    records = [schema, *schema["$defs"].values()]
    for record in records:
        assert record["description"]
        for name, field in record["properties"].items():
            assert field.get("title") or "$ref" in field, name
            assert field.get("description"), f"{record['title']}.{name}"


def test_the_sample_follows_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(portfolio_schema())
    sample: dict[str, Any] = yaml.safe_load(sample_path().read_text(encoding="utf-8"))
    validator.validate(sample)
    sample["workloads"][0]["modle"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(sample)
