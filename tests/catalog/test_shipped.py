"""The facts that ship: they load, they are sourced, and what the guide speaks of is there."""

from __future__ import annotations

from datetime import date

import pytest

from advisor.catalog import ROW_TYPES, Catalog


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.mark.parametrize("table", ROW_TYPES)
def test_every_row_has_source_and_date(catalog: Catalog, table: str) -> None:
    frame = catalog[table]
    assert len(frame)
    assert frame["source"].str.strip().str.len().min() > 0
    assert frame["as_of"].notna().all()
    assert frame["as_of"].max() <= date.today()


EXPECTED = {
    "accelerators": """T4 L4 A10G L40S A100-40-SXM A100-80-SXM H100-SXM H200-SXM B200 MI300X
        Inferentia2 Trainium1 Trainium2 TPUv5e TPUv6e Graviton3 Graviton4""",
    "models": """Llama-2-7B Llama-2-13B Llama-2-70B Llama-3-8B Llama-3-70B Llama-3.1-8B
        Llama-3.1-70B Llama-3.1-405B Llama-3.3-70B Mistral-7B Mixtral-8x7B Mixtral-8x22B Qwen2-72B
        Qwen3-32B Qwen3-235B-A22B DeepSeek-V3 DeepSeek-R1 GPT-J-6B gpt-oss-20b gpt-oss-120b
        BERT-base BERT-large DistilBERT RoBERTa-base RoBERTa-large MiniLM bge-small bge-base
        bge-large ResNet-18 ResNet-34 ResNet-50 ResNet-101 ResNet-152 VGG-16 ViT-base
        CLIP-ViT-base CLIP-ViT-large SD-1.5 SD-2.1 SDXL FLUX""",
    "frameworks": "vllm triton tgi torchserve onnxruntime ray-serve sglang tensorrt-llm",
    "precisions": """fp32 tf32 fp16 bf16 int8-ptq int8-qat fp8 int4-gptq int4-awq fp4
        kv-16 kv-fp8 kv-int8""",
    "techniques": """dynamic_batching continuous_batching paged_kv prefix_caching
        speculative_decoding exact_cache semantic_cache""",
    "sourcing": "managed_api managed_inference self_hosted owned",
    "purchase_options": "on_demand spot commit_1y commit_3y capacity_block",
}


@pytest.mark.parametrize("table", EXPECTED)
def test_what_is_spoken_of_is_there(catalog: Catalog, table: str) -> None:
    assert set(EXPECTED[table].split()) <= set(catalog.names(table))


def test_x86_is_there(catalog: Catalog) -> None:
    chips = catalog["accelerators"]
    assert any(name.startswith("x86") for name in chips[chips["kind"] == "cpu"]["accelerator"])


def test_three_hyperscalers_and_two_neoclouds_have_prices(catalog: Catalog) -> None:
    prices = catalog.prices()
    priced = set(prices[prices["usd_per_hour"].notna()]["cloud"])
    kinds = catalog["clouds"].set_index("cloud")["kind"]
    assert {"aws", "gcp", "azure"} <= priced
    assert sum(kinds[cloud] == "neocloud" for cloud in priced) >= 2


def test_names_in_lists_are_rows_too(catalog: Catalog) -> None:
    """Cells with several names are not checked by the loader's references."""
    weights = catalog["precisions"].set_index("precision")["role"]
    techniques = {*catalog.names("techniques"), *catalog.names("compression")}
    vendors, kinds = (set(catalog["accelerators"][c]) for c in ("vendor", "kind"))
    for row in catalog["frameworks"].to_dict("records"):
        assert {weights[p] for p in row["weight_precisions"]} <= {"weights"}, row["framework"]
        assert {weights[p] for p in row["kv_precisions"]} <= {"kv"}, row["framework"]
        assert set(row["techniques"]) <= techniques, row["framework"]
        assert set(row["vendors"]) <= vendors, row["framework"]
        assert set(row["chip_kinds"]) <= kinds, row["framework"]
    for row in catalog["models"].to_dict("records"):
        assert all(catalog.lookup("models", teacher) for teacher in row["distills_from"])
    for row in catalog["compression"].to_dict("records"):
        assert set(row["frameworks"]) <= set(catalog.names("frameworks"))
        assert set(row["chip_kinds"]) <= kinds


def test_an_alias_names_one_model(catalog: Catalog) -> None:
    models = catalog["models"]
    names = [*models["model"], *(alias for row in models["aliases"] for alias in row)]
    assert len(names) == len(set(names))


def test_seventy_billion_weights_in_sixteen_bits(catalog: Catalog) -> None:
    model = catalog.lookup("models", "Llama-3.1-70B")
    assert model["params_b"] * 2e9 / 2**30 == pytest.approx(131, abs=1)


def test_every_rented_instance_has_a_price_somewhere(catalog: Catalog) -> None:
    machines, prices = catalog["instances"], catalog["prices"]
    owned = catalog["clouds"][catalog["clouds"]["kind"] == "owned"]["cloud"]
    rented = machines[~machines["cloud"].isin(owned)]
    priced = set(zip(prices["cloud"], prices["instance"], strict=True))
    assert set(zip(rented["cloud"], rented["instance"], strict=True)) <= priced
