"""What the accounting tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounting.reference.facts import Facts, load_facts

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of public data sets that lies beside the checkout; it is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("the shared data folder does not lie beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def facts() -> Facts:
    """Return the shipped reference facts."""
    return load_facts()
