from __future__ import annotations

import pytest

from advisor.catalog import Catalog


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    return Catalog.load()
