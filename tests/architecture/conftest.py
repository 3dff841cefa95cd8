"""The code as text and as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

PACKAGES = ("bench", "accounting", "kernels", "flopcensus")


@pytest.fixture(scope="session")
def trees(repository: Path) -> Mapping[str, ast.Module]:
    """Every module that is shipped, parsed, by its path from the checkout."""
    paths = [path for package in PACKAGES for path in sorted((repository / package).rglob("*.py"))]
    assert len(paths) > 40
    return {
        path.relative_to(repository).as_posix(): ast.parse(path.read_text(encoding="utf-8"), str(path))
        for path in paths
    }
