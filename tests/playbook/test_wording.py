from __future__ import annotations

import pytest

from advisor.format import count
from advisor.playbook import wording


@pytest.mark.parametrize(
    ("n", "total", "text"),
    [
        (1, 1, "The one workload"),
        (2, 2, "Both workloads"),
        (3, 3, "All three workloads"),
        (1, 9, "One of nine workloads"),
        (40, 300, "40 of 300 workloads"),
    ],
)
def test_of_all(n: int, total: int, text: str) -> None:
    assert wording.of_all(n, total, "workload") == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcdef"), "a, b, c and 3 more"),
    ],
)
def test_listing(names: list[str], text: str) -> None:
    assert wording.listing(names) == text


def test_things_and_numbers() -> None:
    assert wording.things(0, "workload") == "no workloads"
    assert wording.things(1, "workload") == "one workload"
    assert wording.number(1_234_567) == "1.23M"
    assert count(4.0) == "4"


def test_inside_a_sentence() -> None:
    assert wording.inner("Paged KV cache") == "paged KV cache"
    assert wording.inner("KV cache") == "KV cache"
    assert wording.span(0.05, 0.2) == "5–20%"
    assert wording.hourly(27.447) == "$27.45"
    assert wording.hourly(0.145) == "$0.145"
