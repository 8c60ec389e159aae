"""The playbook: eight steps and build-or-buy, each one module exporting ``STEP``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from advisor.optimize.levers import STEP_LEVER

from .base import Action, Claim, Report, Step, View

__all__ = ["Action", "Claim", "Report", "Step", "View", "steps"]


@lru_cache(maxsize=1)
def steps() -> dict[str, Step]:
    """All steps by key, in playbook order.

    Steps are found by scanning this package, so that adding one is adding its module.
    """
    found: dict[str, Step] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        step = getattr(module, "STEP", None)
        if step is not None:
            found[step.key] = step
    order = list(STEP_LEVER)
    return dict(sorted(found.items(), key=lambda kv: order.index(kv[0])))
