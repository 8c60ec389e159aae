from __future__ import annotations

import pytest

from advisor.catalog import Catalog
from advisor.errors import NotFoundError
from advisor.performance.sparsity import sparse_gate


@pytest.mark.parametrize(
    ("framework", "accelerator", "technique", "reason"),
    [
        ("triton", "A10G", "sparsity_2_4", ""),
        ("triton", "T4", "sparsity_2_4", "no sparse kernel on T4"),
        ("vllm", "H100-SXM", "sparsity_2_4", "no sparse kernel in vLLM"),
        ("triton", "H100-SXM", "unstructured_pruning", "no sparse kernel on H100-SXM"),
        ("openvino", "x86-SPR", "unstructured_pruning", ""),
        ("openvino", "x86-ICX", "unstructured_pruning", "no sparse kernel on x86-ICX"),
        ("vllm", "T4", "structured_pruning", ""),
    ],
)
def test_zeros_help_only_where_chip_and_stack_skip_them(
    shipped: Catalog, framework: str, accelerator: str, technique: str, reason: str
) -> None:
    assert sparse_gate(shipped, framework, accelerator, technique) == reason


def test_every_pattern_is_somebodys(shipped: Catalog) -> None:
    table = shipped["compression"]
    needing = table[table["needs_sparse_kernel"]]
    patterns = {p for names in shipped["accelerators"]["sparse_patterns"] for p in names}
    assert set(needing["sparse_pattern"]) <= patterns
    assert table[~table["needs_sparse_kernel"]]["sparse_pattern"].isna().all()


def test_unknown_names_are_told(shipped: Catalog) -> None:
    with pytest.raises(NotFoundError):
        sparse_gate(shipped, "vllm", "H1000")
