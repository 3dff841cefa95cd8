"""What the tests of measuring processes share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.spawning import switched


@pytest.fixture
def switches(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of switches for scripted measuring processes."""
    with switched(tmp_path / "switches") as folder:
        yield folder
