"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine may pause for longer than any deadline.
settings.register_profile("unhurried", settings.get_profile("default"), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def plain_environment() -> dict[str, str]:
    """Environment for a subprocess that must see neither this process's paths nor its Python options."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture(scope="session")
def shared(repository: Path) -> Path:
    """The folder of public data sets that lies beside the checkout; it is not part of the project."""
    folder = repository.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of public data sets does not lie beside this checkout")
    return folder
