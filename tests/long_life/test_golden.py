"""What version 0.1 wrote or read is still read, and means the same: records, journals, results and configs.

A later version adds a folder beside ``golden/0.1``; files of a folder never change.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import load_calibration
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.planning.clusters import load_cluster
from accounting.planning.scenarios.access_files import load_access
from accounting.planning.scenarios.supply_cut_files import load_supply_cut
from accounting.planning.training.assumptions import load_assumptions, load_site
from accounting.reference.facts import load_facts
from bench.errors import FlopcensusError
from bench.fleets.decoding import Unusable, decode
from bench.record import load_record, parse_record
from bench.running.journal import read_journal
from bench.running.resume import read_progress
from flopcensus.cli import invoke
from flopcensus.report.document import check_results, load_results
from flopcensus.studies.study import load_study

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
DAY = date(2026, 6, 30)


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest) -> Path:
    """The files of a version."""
    return GOLDEN / str(request.param)


def test_records_load_and_mean_the_same(golden: Path) -> None:
    raw = json.loads((golden / "record.json").read_text(encoding="utf-8"))
    record = load_record(golden / "record.json")
    now = json.loads(record.to_json())
    assert {k: now[k] for k in raw if k not in {"devices", "results"}} == {
        k: v for k, v in raw.items() if k not in {"devices", "results"}
    }
    # later versions may say more of a result, and nothing else
    for result, was in zip(now["results"], raw["results"], strict=True):
        assert result | was == result
    assert [result.value for result in record.results] == [result["value"] for result in raw["results"]]
    assert decode((golden / "record.json").read_bytes()).node == record.node


def test_journals_resume(golden: Path) -> None:
    lines = read_journal(golden / "journal.jsonl")
    progressed = read_progress(golden / "journal.jsonl")
    results = {line["trial"] for line in lines if line["kind"] == "result"}
    assert results
    assert set(progressed.results) == results
    assert progressed.plan.workloads == ("gemm", "memory_triad")


def test_results_make_a_page(golden: Path, tmp_path: Path) -> None:
    assert load_results(golden / "results.json")["study"]["id"] == "golden"
    page = tmp_path / "report.html"
    assert invoke(["report", str(golden / "results.json"), "-o", str(page)]) == 0
    assert "A study of version 0.1" in page.read_text(encoding="utf-8")


def test_configs_load(golden: Path) -> None:
    facts = load_facts(overlays=[golden / "overlay.yaml"])
    assert facts.accelerators["nvidia-h100-sxm"].tdp == 650
    assert load_cluster(golden / "cluster.yaml", facts).id == "a-cluster"
    assert load_supply_cut(str(golden / "supply-cut.yaml"), facts).from_firms == ("nvidia",)
    assert load_access(str(golden / "access.yaml"), facts, DAY)[0].hypothetical
    assert load_assumptions(golden / "assumptions.yaml")
    assert set(load_site(golden / "assumptions.yaml")) == {"pue"}
    study = load_study(str(golden / "study.yaml"))
    assert (study.spec.seed, study.spec.draws, len(study.ledger.entries)) == (7, 300, 3)


def test_a_flat_table_and_its_yaml_are_one_census(golden: Path) -> None:
    facts = load_facts()
    calibration = load_calibration(facts, [golden / "calibration.yaml"])
    request = Request(Selection(DAY), ("peak", "delivered"), draws=200)
    totals = [
        [one.accounts.total for one in estimate(load_census([str(path)], facts), request, facts, calibration)]
        for path in (golden / "facilities.yaml", golden / "ledger.csv")
    ]
    assert totals[0] == totals[1]


def test_a_fleet_of_records_is_a_census(golden: Path, tmp_path: Path) -> None:
    record = json.loads((golden / "record.json").read_text(encoding="utf-8"))
    for device in record["devices"]:
        device |= {"kind": "cuda", "accelerator": "nvidia-h100-sxm", "uuid": "GPU-1"}
    (tmp_path / "one.json").write_text(json.dumps(record), encoding="utf-8")
    shutil.copy(golden / "fleet.yaml", tmp_path)
    (entry,) = load_census([f"fleet:{tmp_path}"], load_facts()).entries
    assert (entry.facility, entry.territory, entry.accelerator) == ("our-cluster", "FI", "nvidia-h100-sxm")


NEWER: dict[str, Callable[[str], object]] = {
    "record.json": lambda text: parse_record(text, source="x.json"),
    "results.json": lambda text: check_results(json.loads(text)),
}


@pytest.mark.parametrize("name", NEWER)
def test_a_newer_version_says_that_it_is(name: str) -> None:
    data: dict[str, Any] = json.loads((GOLDEN / VERSIONS[-1] / name).read_text(encoding="utf-8"))
    kind, version = re.fullmatch(r"flopcensus/(\w+)/(\d+)", data["schema"]).groups()  # type: ignore[union-attr]
    data |= {"schema": f"flopcensus/{kind}/{int(version) + 1}", "unheard": 1}
    newer = rf"version {int(version) + 1} is newer than {version}; upgrade flopcensus"
    with pytest.raises(FlopcensusError, match=newer):
        NEWER[name](json.dumps(data))
    if kind == "record":
        with pytest.raises(Unusable, match=newer):
            decode(json.dumps(data).encode())
