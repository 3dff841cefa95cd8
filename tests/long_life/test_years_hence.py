"""Deprecations warn by a class of ours; a record of ten years hence passes through every command."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from bench.errors import FlopcensusDeprecationWarning, deprecated
from bench.fleets.decoding import decode
from bench.record import load_record
from flopcensus.cli import invoke

GOLDEN = Path(__file__).parent / "golden" / "0.1"
CHIP = "Zorblax QX-9000 Photonic 96TB"
CHIPS = 1_000_000
NODES = 4


def use_something_old() -> None:
    """Stand for a function that goes away."""
    deprecated("--old", "write --new", "2.0")


def test_a_deprecation_is_of_our_class_points_to_its_user_and_names_the_version() -> None:
    with pytest.warns(FlopcensusDeprecationWarning, match="--old is .* version 2.0; write --new") as seen:
        use_something_old()
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", FlopcensusDeprecationWarning)
        with pytest.raises(FlopcensusDeprecationWarning):
            use_something_old()


def of_2036(node: int, *, known: bool = False) -> dict[str, Any]:
    """Return a record with a device that nobody has heard of, in precisions that have no name yet."""
    record: dict[str, Any] = json.loads((GOLDEN / "record.json").read_text(encoding="utf-8"))
    (cpu,) = record["devices"]
    cpu |= {
        "id": "cuda:0",
        "kind": "cuda",
        "name": CHIP,
        "accelerator": "nvidia-h100-sxm" if known else None,
        "peak": {} if known else {"fp2": 9e21, "posit4": 4e21, "bf16": 1e20},
        "memory_bytes": 96 * 10**12,
        "units": 10**7,
        "uuid": f"GPU-{node}",
        "driver": "2036.11.1",
        "architecture": "qx9",
        "power_limit_w": 250_000.0,
    }
    record |= {"node": f"n{node:07d}", "created": "2036-11-23T05:06:32+00:00", "seed": node}
    record |= {"flopcensus_version": "9.4.2", "scores": []}
    record["environment"] |= {"torch": "11.2.0", "cuda": "31.0", "python": "3.21.1"}
    ok = next(result for result in record["results"] if result["status"] == "ok")
    record["results"] = [grown(ok, "bf16"), grown(ok, "fp2"), grown(ok, "posit4")]
    return record


def grown(result: dict[str, Any], precision: str) -> dict[str, Any]:
    """Return a result a million times as fast, in another precision, on the new device."""
    factor = 1e6
    changed = {
        "device": "cuda:0",
        "precision": precision,
        "value": result["value"] * factor,
        "ci95": [end * factor for end in result["ci95"]],
        "rounds": [value * factor for value in result["rounds"]],
    }
    gone = {"search", "roofline", "strata", "fraction_of_peak", "flop_per_s", "round_details"}
    return {key: value for key, value in result.items() if key not in gone} | changed


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder with the records of some nodes."""
    folder = tmp_path / "records"
    folder.mkdir()
    for node in range(NODES):
        (folder / f"record-{node}.json").write_text(json.dumps(of_2036(node)), encoding="utf-8")
    return folder


def test_the_record_is_read_by_both_readers(records: Path) -> None:
    for path in records.iterdir():
        assert load_record(path).devices[0].name == CHIP
        assert len(decode(path.read_bytes()).results) == 3


def test_its_fleet_is_judged(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["fleet", str(records), "--format", "json"]) in {0, 1}
    found = json.loads(capsys.readouterr().out)
    assert (len(found["nodes"]), found["set_aside"]) == (NODES, [])
    assert invoke(["fleet", str(records)]) in {0, 1}
    assert CHIP in capsys.readouterr().out


def test_calibrating_with_it_says_that_the_catalogue_lacks_it(
    records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["calibrate", str(records / "record-0.json")]) == 2
    said = capsys.readouterr().err
    assert CHIP in said
    assert "it can be reported, but not calibrate an estimate" in said


def test_a_million_of_a_chip_of_the_users_own_are_estimated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = {"url": "https://example.org/a", "title": "A page", "date": "2036-01-01"}
    gone = {"aliases", "sparse_peak", "accumulate", "other_values"}
    chip = {key: value for key, value in shipped_row().items() if key not in gone} | {
        "id": "zorblax-qx9000",
        "name": CHIP,
        "peak": {"bf16": "100 EFLOP/s"},
        "memory": "96 TB",
        "tdp": "250 kW",
        "die_area": "90000 mm2",
    }
    fact = {"kind": "reported", "date": "2036-01-01", "source": "https://example.org/c"}
    site = {
        "id": "site-2036",
        "name": "A site of 2036",
        "territory": "FI",
        "owners": [{"organisation": "csc"}],
        "sector": "public",
        "sources": [source],
        "deployments": [
            {
                "id": "all",
                "accelerator": "zorblax-qx9000",
                "count": {"value": CHIPS, **fact},
                "in_service": "2036-01",
                "status": "operational",
            }
        ],
    }
    overlay, census = tmp_path / "overlay.yaml", tmp_path / "site.yaml"
    overlay.write_text(json.dumps({"accelerators": [chip]}), encoding="utf-8")
    census.write_text(json.dumps({"facilities": [site]}), encoding="utf-8")
    line = ["estimate", str(census), "--overlay", str(overlay), "--as-of", "2036-11-23", "--draws", "50"]
    assert invoke([*line, "--format", "json"]) == 0
    said = capsys.readouterr()
    peak = json.loads(said.out)["estimates"][0]["total"]
    assert peak["p50"] == pytest.approx(CHIPS * 100e18)
    assert invoke(line) == 0
    assert "1.00e+26" in (shown := capsys.readouterr().out) or "100,000 ZFLOP/s" in shown


def shipped_row() -> dict[str, Any]:
    """Return a shipped accelerator as plain data, to be changed into one of the future."""
    from accounting.documents import read_document
    from accounting.reference.shipped import configs_root

    rows = [
        row
        for path in sorted((configs_root() / "accelerators").glob("nvidia*.yaml"))
        for row in read_document(path).data["accelerators"]
    ]
    return dict(next(row for row in rows if row["id"] == "nvidia-h100-sxm"))
