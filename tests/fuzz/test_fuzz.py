"""A small share of the fuzz campaigns (``benchmarks/fuzz.py``), and every input that ever failed in one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, attempt, seeds

CASES = sorted((Path(__file__).parent / "cases").glob("*/*"))
SHARE = 60


@pytest.fixture(scope="module")
def data(repository: Path) -> Path | None:
    """The public data sets, where they lie beside the checkout."""
    folder = repository.parent / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str, data: Path | None, tmp_path: Path) -> None:
    target = TARGETS[name]
    found = seeds(target, data)
    if not found:
        pytest.skip("the folder of public data sets does not lie beside this checkout")
    for place, seed in enumerate(found):
        path = tmp_path / f"seed-{place}{target.suffix}"
        path.write_bytes(seed)
        attempt(target, path)


@pytest.mark.parametrize("name", TARGETS)
def test_mutants_are_read_or_refused(name: str, data: Path | None, tmp_path: Path) -> None:
    target = TARGETS[name]
    found = seeds(target, data)
    if not found:
        pytest.skip("the folder of public data sets does not lie beside this checkout")
    chance = random.Random(f"share of {name}")
    path = tmp_path / f"mutant{target.suffix}"
    for _ in range(SHARE):
        path.write_bytes(target.mutant(chance, chance.choice(found)))
        attempt(target, path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_what_once_failed_is_read_or_refused(case: Path, tmp_path: Path) -> None:
    target = TARGETS[case.parent.name]
    path = tmp_path / f"case{target.suffix}"
    path.write_bytes(case.read_bytes())
    attempt(target, path)
