"""From a portfolio to a plan: one model, growing freedom. `docs/optimizer.md` has the maths."""

from .alternatives import alternatives, steady
from .attribution import attribute
from .explain import explain
from .plan import Plan
from .scenarios import evaluate
from .solve import playbook_plans, solve
from .uncertainty import uncertainty

__all__ = [
    "Plan",
    "alternatives",
    "attribute",
    "evaluate",
    "explain",
    "playbook_plans",
    "solve",
    "steady",
    "uncertainty",
]
