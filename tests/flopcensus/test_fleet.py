"""``flopcensus fleet``: every format, exit codes, and the fleet as a census."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from accounting.accounts.levels import Holders
from accounting.census.flat import to_csv
from accounting.census.readers import flat_ledger, fleet
from accounting.reference.facts import load_facts
from bench.fleets.synthetic import Fleet, Planted, make_fleet, record, write
from bench.record import load_record
from tests.cli import as_process, in_process

SOUND = make_fleet("sound", 8, 2, 0, 5)
SICK = replace(SOUND, planted={(2, 0): Planted("slow", 0.2), (5, 1): Planted("wrong", 1.0)})
BAD = {("r00n02", "cuda:0"), ("r00n05", "cuda:1")}


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sick fleet, and files that are none."""
    folder = tmp_path_factory.mktemp("sick")
    write(SICK, folder)
    (folder / "cut.json").write_bytes((folder / "record-r00n00-sound.json").read_bytes()[:700])
    (folder / "binary.json").write_bytes(b"\x93NUMPY\x00\xff")
    (folder / "copy.json").write_bytes((folder / "record-r00n01-sound.json").read_bytes())
    return folder


def saved(fleet: Fleet, folder: Path) -> Path:
    write(fleet, folder)
    return folder


def test_a_sick_fleet_exits_with_1_and_names_the_nodes(sick: Path) -> None:
    done = as_process("fleet", str(sick))
    assert done.returncode == 1
    assert "2 nodes to drain" in done.stdout
    assert re.search(r"r00n02\s+cuda:0\s+slow: ", done.stdout)
    assert re.search(r"r00n05\s+cuda:1\s+wrong: .*wrong output", done.stdout)
    assert "3 files set aside" in done.stdout
    assert "chance 5.0 % at most" in done.stdout


def test_a_sound_fleet_exits_with_0(tmp_path: Path) -> None:
    done = as_process("fleet", str(saved(SOUND, tmp_path)))
    assert done.returncode == 0, done.stdout
    assert "no node to drain" in done.stdout


def test_json_has_the_fields_that_scripts_rely_on(sick: Path) -> None:
    found = json.loads(in_process("fleet", str(sick), "--format", "json").stdout)
    assert {"schema", "nodes", "outliers", "set_aside"} <= set(found)
    assert [one["node"] for one in found["nodes"]] == [f"r00n{node:02d}" for node in range(8)]
    assert {one["node"] for one in found["nodes"] if one["sick"]} == {node for node, _ in BAD}
    assert {(one["node"], one["device"]) for one in found["outliers"]} == BAD
    reasons = {Path(one["file"]).name: one["reason"] for one in found["set_aside"]}
    assert set(reasons) == {"binary.json", "cut.json", "record-r00n01-sound.json"}
    assert reasons["binary.json"] == "binary data"
    assert reasons["cut.json"] == "cut short"
    assert "duplicate" in reasons["record-r00n01-sound.json"]
    assert found["accelerators"] == [
        {"accelerator": "nvidia-h100-sxm", "model": "NVIDIA H100 80GB HBM3", "kind": "cuda", "count": 16}
    ]
    assert found["records"] == 8


def test_csv_and_parquet_hold_a_row_for_each_result_that_is_ok(sick: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(in_process("fleet", str(sick), "--format", "csv").stdout)))
    in_process("fleet", str(sick), "--format", "parquet", "-o", str(tmp_path / "fleet.parquet"))
    table = pq.read_table(tmp_path / "fleet.parquet").to_pylist()
    expected = {
        (one["device"], record(SICK, node)["node"], one["workload"], one["precision"]): one["value"]
        for node in range(8)
        for one in record(SICK, node)["results"]
        if one["status"] == "ok"
    }
    for found in (rows, table):
        assert len(found) == len(expected) == 8 * 2 * 11 - 1
        for row in found:
            key = row["device"], row["node"], row["workload"], row["precision"]
            assert float(row["value"]) == expected[key]
    assert {(row["node"], row["device"]) for row in table if row["sick"]} == BAD


SAMPLE = re.compile(r"^([a-z_:][a-z0-9_:]*)(\{(.*)\})? (-?[0-9.e+-]+)$")
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def families(text: str) -> Iterator[tuple[str, list[str]]]:
    """An own strict reading of OpenMetrics 1.0 text: each family's name and samples."""
    lines = text.split("\n")
    assert lines[-1] == ""
    assert lines[-2] == "# EOF"
    seen: set[str] = set()
    name, described = "", Counter[str]()
    samples: list[str] = []
    for line in lines[:-2]:
        if line.startswith("# "):
            _, what, family, *rest = line.split(" ")
            assert what in ("TYPE", "UNIT", "HELP")
            if family != name:
                if name:
                    yield name, samples
                # a family stands together, once
                assert family not in seen
                seen.add(family)
                name, samples, described = family, [], Counter()
            described[what] += 1
            assert described[what] == 1
            assert not samples
            if what == "UNIT":
                assert name.endswith("_" + rest[0])
            if what == "TYPE":
                assert rest == ["gauge"]
        else:
            match = SAMPLE.match(line)
            assert match, line
            assert match[1] == name
            labels = match[3] or ""
            assert "".join(one[0] for one in LABEL.finditer(labels)) == labels
            assert len({one[1] for one in LABEL.finditer(labels)}) == len(LABEL.findall(labels))
            float(match[4])
            samples.append(line)
    yield name, samples


def test_openmetrics_text_is_valid_and_says_which_node_is_sick(sick: Path) -> None:
    found = dict(families(in_process("fleet", str(sick), "--format", "openmetrics").stdout))
    for samples in found.values():
        assert samples
        assert len({one.rpartition(" ")[0] for one in samples}) == len(samples)
    assert [one for one in found["flopcensus_node_sick"] if one.endswith(" 1")] == [
        'flopcensus_node_sick{node="r00n02"} 1',
        'flopcensus_node_sick{node="r00n05"} 1',
    ]
    assert len(found["flopcensus_arithmetic_flops_per_second"]) == 8 * 2 * 6 - 1
    assert found["flopcensus_files_set_aside"] == ["flopcensus_files_set_aside 3"]


def test_labels_are_escaped(tmp_path: Path) -> None:
    document = record(SOUND, 0) | {"node": 'a"b\\c\nd'}
    (tmp_path / "r.json").write_text(json.dumps(document), encoding="utf-8")
    text = in_process("fleet", str(tmp_path), "--format", "openmetrics").stdout
    assert 'node="a\\"b\\\\c\\nd"' in text
    assert list(families(text))


def test_nothing_of_the_names_is_left_with_anonymise(sick: Path, tmp_path: Path) -> None:
    for output in ("json", "csv", "openmetrics", "table"):
        told = in_process("fleet", str(sick), "--format", output, "--anonymise").stdout
        assert "r00n" not in told
        assert sick.name not in told
    in_process("fleet", str(sick), "--anonymise", "--records-to", str(tmp_path / "public"))
    files = sorted((tmp_path / "public").iterdir())
    assert len(files) == 8
    for file in files:
        assert "r00n" not in file.name + file.read_text(encoding="utf-8")
        assert load_record(file).environment["anonymised"]
    again = json.loads(in_process("fleet", str(tmp_path / "public"), "--format", "json").stdout)
    plain = json.loads(in_process("fleet", str(sick), "--format", "json", "--anonymise").stdout)
    assert [(one["node"], one["device"], one["kind"]) for one in again["outliers"]] == [
        (one["node"], one["device"], one["kind"]) for one in plain["outliers"]
    ]


def test_records_that_cannot_be_compared_are_refused_and_judged_apart_with_force(tmp_path: Path) -> None:
    saved(SOUND, tmp_path)
    document = record(SOUND, 9) | {"environment": {"torch": "2.6.0", "cuda": "13.0"}}
    (tmp_path / "other.json").write_text(json.dumps(document), encoding="utf-8")
    refused = as_process("fleet", str(tmp_path))
    assert refused.returncode == 2
    assert "torch" in refused.stderr
    assert "--force" in refused.stderr
    forced = in_process("fleet", str(tmp_path), "--force", "--format", "json")
    assert [one["devices"] for one in json.loads(forced.stdout)["groups"]] == [16, 2]


def test_a_baseline_of_the_same_fleet_shows_no_shift(sick: Path, tmp_path: Path) -> None:
    done = in_process("fleet", str(saved(SOUND, tmp_path)), "--baseline", str(tmp_path), "--format", "json")
    assert done.returncode == 0
    shifts = json.loads(done.stdout)["shifts"]
    assert len(shifts) == 11
    assert all(one["ratio"] == 1.0 and not one["slower"] for one in shifts)


BAD_CALLS = [
    (["--format", "parquet"], "name a file with -o"),
    (["--records-to", "x"], "give --anonymise too"),
    (["--false-alarms", "2"], "between 0 and 1"),
    (["-o", "x"], "a table is for the terminal"),
]


@pytest.mark.parametrize(("options", "words"), BAD_CALLS)
def test_calls_that_make_no_sense_are_refused(sick: Path, options: list[str], words: str) -> None:
    done = in_process("fleet", str(sick), *options)
    assert done.returncode == 2
    assert words in done.stderr


def test_folders_without_a_record_are_refused(tmp_path: Path) -> None:
    assert in_process("fleet", str(tmp_path / "absent")).returncode == 2
    assert "holds no" in in_process("fleet", str(tmp_path)).stderr
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    done = in_process("fleet", str(tmp_path))
    assert done.returncode == 2
    assert "no schema" in done.stderr


def test_a_fleet_is_a_census_whose_chips_were_counted(sick: Path) -> None:
    done = in_process("estimate", f"fleet:{sick}", "--basis", "peak", "--draws", "200", "--format", "json")
    assert done.returncode == 0, done.stderr
    estimate = json.loads(done.stdout)["estimates"][0]
    # 16 H100 SXM at 989.4 TFLOP/s dense bf16 (NVIDIA's data sheet)
    assert estimate["total"]["p50"] == pytest.approx(16 * 989.4e12, rel=0.001)
    assert estimate["provenance"] == {"measured": 1.0}
    assert "territory and owner not known" in done.stderr


def test_a_fleet_that_nobody_is_said_to_own_is_of_an_unknown_owner(sick: Path, tmp_path: Path) -> None:
    facts = load_facts()
    ledger = fleet.read(sick, facts)
    for level in ("owner", "provider"):
        assert list(Holders(facts).codes(ledger.entries[0], (level,))) == [(("unknown",), 1.0)]
    path = tmp_path / "fleet.csv"
    path.write_text(to_csv(ledger), encoding="utf-8")
    assert flat_ledger.read(path, facts).entries == ledger.entries


def test_where_a_fleet_stands_and_whose_it_is_is_said_beside_it(tmp_path: Path) -> None:
    saved(SOUND, tmp_path)
    (tmp_path / "fleet.yaml").write_text("id: ours\nterritory: FI\nowner: csc\n", encoding="utf-8")
    # records of the same devices at another time count once; the second list is of another node
    later = record(SOUND, 0) | {"created": "2026-09-01T00:00:00Z"}
    (tmp_path / "later.json").write_text(json.dumps(later), encoding="utf-8")
    done = in_process(
        "estimate",
        f"fleet:{tmp_path}",
        "--basis",
        "peak",
        "--by",
        "territory",
        "--draws",
        "200",
        "--format",
        "json",
    )
    assert done.returncode == 0, done.stderr
    estimate = json.loads(done.stdout)["estimates"][0]
    assert estimate["total"]["p50"] == pytest.approx(16 * 989.4e12, rel=0.001)
    assert [one["code"] for one in estimate["accounts"]["territory"]] == ["FI"]


@pytest.mark.parametrize(
    ("text", "words"), [("owner: nobody-known\n", "nobody-known"), ("colour: red\n", "colour")]
)
def test_faults_of_what_stands_beside_a_fleet_are_said(tmp_path: Path, text: str, words: str) -> None:
    saved(replace(SOUND, nodes=1), tmp_path)
    (tmp_path / "fleet.yaml").write_text(text, encoding="utf-8")
    done = in_process("estimate", f"fleet:{tmp_path}")
    assert done.returncode == 2
    assert "fleet.yaml" in done.stderr
    assert words in done.stderr
