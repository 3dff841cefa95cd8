"""What the accounting tests share."""

from __future__ import annotations

import pytest

from accounting.reference.facts import Facts, load_facts


@pytest.fixture(scope="session")
def facts() -> Facts:
    """Return the shipped reference facts."""
    return load_facts()
