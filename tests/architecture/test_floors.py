"""A floor imports only from floors below it: the contracts hold, and they would notice if they did not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGES = ("bench", "accounting", "kernels", "flopcensus")
FLOORS = ["flopcensus", "accounting", "bench", "kernels"]

# a line that must not be, the file it is put into, and words of the contract that forbids it
BREACHES = {
    "kernels takes from bench": ("kernels/gemm.py", "import bench.record", "A floor imports only"),
    "bench takes from accounting": ("bench/plan.py", "import accounting.quantities", "A floor imports only"),
    "accounting takes the face": (
        "accounting/quantities.py",
        "import flopcensus.cli",
        "A floor imports only",
    ),
    "accounting takes torch": ("accounting/quantities.py", "import torch", "Accounting takes the record"),
    "accounting measures": (
        "accounting/quantities.py",
        "import bench.session",
        "Accounting takes the record",
    ),
    "kernels knows time": ("kernels/memory.py", "import time", "Kernels know nothing"),
    "a room of kernels knows time": ("kernels/products/matrices.py", "import time", "Kernels know nothing"),
    "kernels knows files": ("kernels/memory.py", "from pathlib import Path", "Kernels know nothing"),
    "bench takes pandas": ("bench/statistics.py", "import pandas", "Bench imports neither"),
    "bench takes scipy": ("bench/statistics.py", "from scipy import stats", "Bench imports neither"),
}

Lint = Callable[[Path], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def lint(repository: Path, plain_environment: dict[str, str]) -> Lint:
    """Run import-linter on the packages of a folder."""

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        config = repository / "pyproject.toml"
        # the checkout off the path: its kernels/ would join the folder's to one namespace package
        script = (
            "import os, sys; "
            f"sys.path[:] = [path for path in sys.path if os.path.realpath(path) != {str(repository)!r}]; "
            "sys.path.insert(0, '.'); from importlinter.cli import lint_imports; "
            f"sys.exit(lint_imports({str(config)!r}, no_cache=True))"
        )
        return subprocess.run(
            [sys.executable, "-c", script],
            cwd=folder,
            env=plain_environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


def test_the_contracts_hold(lint: Lint, repository: Path) -> None:
    result = lint(repository)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_the_floors_are_those_of_the_design(repository: Path) -> None:
    config = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"]: one for one in config["tool"]["importlinter"]["contracts"]}
    assert contracts["floors"]["layers"] == FLOORS
    assert not any("ignore_imports" in one for one in contracts.values())


def test_accounting_may_take_the_record_and_the_errors_of_bench_and_nothing_else(repository: Path) -> None:
    config = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"]: one for one in config["tool"]["importlinter"]["contracts"]}
    entries = (path for path in (repository / "bench").iterdir() if path.suffix == ".py" or path.is_dir())
    modules = {f"bench.{path.stem}" for path in entries if not path.name.startswith("__")}
    forbidden = set(contracts["accounting-reads-records-only"]["forbidden_modules"])
    assert modules - forbidden == {"bench.record", "bench.figures", "bench.errors"}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_noticed(breach: str, lint: Lint, repository: Path, tmp_path: Path) -> None:
    name, line, contract = BREACHES[breach]
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(repository / package, tmp_path / package, ignore=ignored)
    changed = tmp_path / name
    changed.write_text(f"{changed.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [text for text in result.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(text.startswith(contract) for text in broken), result.stdout
