"""A small share of the fuzz campaigns (``benchmarks/fuzz.py``), and every input that ever failed in one."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.configs import SCHEMAS
from tests.fuzz.schemas import documents
from tests.fuzz.targets import TARGETS, attempt, seeds

CASES = sorted((Path(__file__).parent / "cases").glob("*/*"))
SHARE = 25
DOCUMENTS = 15


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
    outcomes = []
    for place, seed in enumerate(found):
        path = tmp_path / f"seed-{place}{target.suffix}"
        path.write_bytes(seed)
        outcomes.append(attempt(target, path))
    # mutants of what is refused itself would try little: some seeds are refused on purpose, never most
    assert sum(outcomes) > len(outcomes) / 2


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


@pytest.mark.parametrize("name", SCHEMAS)
def test_documents_of_a_schema_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    path = tmp_path / f"document{target.suffix}"

    @settings(
        max_examples=DOCUMENTS,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(documents(SCHEMAS[name]))
    def read(document: object) -> None:
        path.write_text(json.dumps(document), encoding="utf-8")
        attempt(target, path)

    read()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_what_once_failed_is_read_or_refused(case: Path, tmp_path: Path) -> None:
    target = TARGETS[case.parent.name]
    path = tmp_path / f"case{target.suffix}"
    path.write_bytes(case.read_bytes())
    attempt(target, path)
