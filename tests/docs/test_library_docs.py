"""The example scripts run, and docs/library.md shows what the library answers."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import flopcensus.library

pytestmark = pytest.mark.system

EXAMPLES = ("node", "nation", "mix")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name: str, repository: Path, tmp_path: Path) -> None:
    script = repository / "docs" / "examples" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert script.read_text(encoding="utf-8").startswith("# %% [markdown]")


def test_these_are_all_examples(repository: Path) -> None:
    assert {path.stem for path in (repository / "docs" / "examples").glob("*.py")} == set(EXAMPLES)


def test_the_page_shows_what_the_library_answers(repository: Path) -> None:
    found = doctest.testfile(str(repository / "docs" / "library.md"), module_relative=False, encoding="utf-8")
    assert found.attempted > 10
    assert not found.failed


def test_examples_in_docstrings_hold() -> None:
    names = [one.name for one in pkgutil.iter_modules(flopcensus.library.__path__, "flopcensus.library.")]
    results = [doctest.testmod(importlib.import_module(name)) for name in names]
    assert sum(one.attempted for one in results) > 5
    assert not sum(one.failed for one in results)
