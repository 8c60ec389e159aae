from __future__ import annotations

import pytest

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from advisor.optimize.plan import Plan
from advisor.optimize.setting import Setting
from advisor.portfolio import load_portfolio, sample_path
from tests.optimize.given import one_cloud, setting


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="session")
def small(shipped: Catalog) -> Catalog:
    """The shipped catalog with a handful of one cloud's machines."""
    return one_cloud(shipped)


@pytest.fixture(scope="session")
def sample(shipped: Catalog) -> Setting:
    """The sample portfolio, with whatever earlier tests have already worked out."""
    return Setting(load_portfolio(sample_path(), shipped), shipped)


@pytest.fixture(scope="session")
def plans(sample: Setting) -> dict[str, Plan]:
    """The sample's plan after each step."""
    return playbook_plans(sample)


@pytest.fixture(scope="session")
def three(small: Catalog) -> Setting:
    """A chat, a ticket classifier and an image tagger on machines too large for them."""
    return setting(small)
