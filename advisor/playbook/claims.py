"""The guide's claims, judged on the portfolio at hand.

A judge is a function of the view that returns a verdict and one sentence of figures; it is found
by the claim's id. A claim without a judge shows what the catalog knows in general.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from .base import Claim, Verdict, View

Judged = tuple[Verdict, str] | None
Judge = Callable[[View], Judged]
JUDGES: dict[str, Judge] = {}

GENERAL: dict[str, Verdict] = {
    "holds": "holds",
    "conditional": "holds_if",
    "inconsistent": "holds_if",
    "wrong": "does_not_hold",
    "outdated": "does_not_hold",
    "unverified": "open",
}


def judge(claim_id: str) -> Callable[[Judge], Judge]:
    """Register a judge for a claim of the catalog."""

    def register(function: Judge) -> Judge:
        JUDGES[claim_id] = function
        return function

    return register


def claims_for(view: View, step: str) -> list[Claim]:
    """The step's claims in catalog order, judged."""
    importlib.import_module(__package__).steps()  # judges register themselves when imported
    out = []
    for claim_id in view.catalog.names("claims"):
        row = view.catalog.lookup("claims", claim_id)
        if step not in row["steps"]:
            continue
        found = JUDGES[row["claim_id"]](view) if row["claim_id"] in JUDGES else None
        known = row["right_figure"] or row["evidence"] or ""
        verdict, here = found if found else (GENERAL[row["verdict"]], str(known))
        out.append(
            Claim(row["claim_id"], row["claim"], verdict, here, row["source"], found is not None)
        )
    return out
