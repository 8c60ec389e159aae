"""Chips as benchmarks name them."""

from __future__ import annotations

import pytest

from advisor.catalog import Catalog
from advisor.errors import NotFoundError
from advisor.performance import aliases


@pytest.mark.parametrize(
    ("name", "chip", "units"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100-80-SXM", 1.0),
        ("V100", "V100", 1.0),
        ("RTX-PRO-6000-BSE", "RTX-PRO-6000", 1.0),
        ("MI250-1GCD", "MI250", 0.5),
        ("CPU:2x Xeon 8480+ (SPR)", "x86-SPR", 2 * 56 / 48),
        ("CPU:2x Xeon 8592+ (EMR)", "x86-EMR", 2.0),
        ("CPU:2x Xeon 6980P (GNR)", "x86-GNR", 2 * 128 / 96),
        ("CPU:2x Xeon 8380 (ICX)", "x86-ICX", 2.0),
        ("CPU:4x Xeon 8380H (CPX)", "x86-CPX", 4.0),
        ("CPU:1x Xeon 8259CL (CLX)", "x86-CLX", 24 / 28),
        ("CPU:Graviton3 (c7g.4xlarge)", "Graviton3", 16 / 64),
        ("CPU:Graviton3 32 vCPU", "Graviton3", 0.5),
        ("c8g.large", "Graviton4", 2 / 96),
        ("m7i.8xlarge", "x86-SPR", 32 / 96),
        ("CPU:r7iz.metal-16xl (SPR)", "x86-SPR", 64 / 96),
    ],
)
def test_a_name_and_how_much_of_a_chip_it_is(shipped: Catalog, name: str, chip: str, units: float):
    found = aliases.chip(shipped, name)
    assert (found.name, found.units) == (chip, pytest.approx(units))


def test_an_unknown_chip_is_said(shipped: Catalog):
    with pytest.raises(NotFoundError):
        aliases.chip(shipped, "CPU:Core i7-12700H")
