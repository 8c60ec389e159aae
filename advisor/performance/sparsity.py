"""Whether zero weights make anything faster: the chip and the framework must both skip them.

Structured pruning takes parameters away and speeds up any chip. Zeros scattered over the weights
(unstructured pruning) or two in every four (2:4) leave a model as large and as slow as before,
unless the chip has units for the pattern and the framework has kernels that use them.
"""

from __future__ import annotations

from advisor.catalog import Catalog


def sparse_gate(
    catalog: Catalog, framework: str, accelerator: str, technique: str = "sparsity_2_4"
) -> str:
    """Why a compression gains nothing under a framework on a chip; empty where it does.

    Parameters
    ----------
    technique : str
        Row of the compression table. One that needs no sparse kernel always passes.

    Raises
    ------
    NotFoundError
        For a name that the catalog does not hold.
    """
    row = catalog.lookup("compression", technique)
    if not row["needs_sparse_kernel"]:
        return ""
    pattern = row["sparse_pattern"]
    chip = catalog.lookup("accelerators", accelerator)
    stack = catalog.lookup("frameworks", framework)
    if pattern not in chip["sparse_patterns"]:
        return f"no sparse kernel on {accelerator}"
    if pattern not in stack["sparse_kernels"]:
        return f"no sparse kernel in {stack['label']}"
    return ""
