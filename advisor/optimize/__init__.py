"""From a portfolio to a plan: one model, growing freedom."""

from .plan import Plan
from .solve import playbook_plans, solve

__all__ = ["Plan", "playbook_plans", "solve"]
