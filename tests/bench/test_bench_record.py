"""The record: a fixed format, read back exactly, and clear about every file that is not one."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.errors import RecordError
from bench.record import DeviceDescription, Record, Result, load_record, parse_record, safe_name

# fmt: off
RESULT_FIELDS = {
    "workload", "device", "precision", "shape", "metric", "unit", "value", "ci95", "sample_count",
    "sample_seconds", "rounds", "settled", "burst", "steady", "clock_mhz", "power_w", "energy_j_per_flop",
    "fraction_of_peak", "backend", "correct", "throttled", "seconds_spent", "status", "reason",
}
# fmt: on


def record(**changes: Any) -> Record:
    data: dict[str, Any] = {
        "schema": "flopcensus/record/1",
        "node": "node-7",
        "created": datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC),
        "flopcensus_version": "0.1.0",
        "mode": "quick",
        "budget_seconds": 60,
        "seed": 1,
        "devices": [DeviceDescription(id="cpu", kind="cpu", name="Some CPU")],
        "environment": {"torch": "2.13.0", "cuda": None},
        "results": [gemm()],
    }
    return Record.model_validate(data | changes)


def gemm(**changes: Any) -> Result:
    data = {"workload": "gemm", "device": "cpu", "precision": "fp32", "metric": "flop_rate", "unit": "FLOP/s"}
    values = {"value": 2e11, "ci95": (1.9e11, 2.1e11), "rounds": (1.9e11, 2e11, 2.1e11), "status": "ok"}
    return Result.model_validate(data | values | changes)


def saved(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "record.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    assert load_record(saved(tmp_path, record().to_json())) == record()


def test_the_fields_that_scripts_rely_on() -> None:
    data = json.loads(record().to_json())
    assert data["schema"] == "flopcensus/record/1"
    assert {"schema", "node", "devices", "environment", "results"} <= set(data)
    assert {"created", "flopcensus_version", "mode", "budget_seconds", "seed"} <= set(data)
    assert {"id", "kind", "name", "accelerator", "peak"} <= set(data["devices"][0])
    assert set(data["results"][0]) >= RESULT_FIELDS
    assert data["created"] == "2026-03-01T12:30:05Z"


def test_what_nothing_could_read_is_null() -> None:
    data = json.loads(record().to_json())["results"][0]
    for name in (
        "burst",
        "steady",
        "clock_mhz",
        "power_w",
        "energy_j_per_flop",
        "fraction_of_peak",
        "correct",
    ):
        assert data[name] is None


@pytest.mark.parametrize("name", ["value", "power_w", "energy_j_per_flop", "clock_mhz", "fraction_of_peak"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_no_quantity_is_zero_negative_or_nan(name: str, value: float) -> None:
    with pytest.raises(ValidationError):
        gemm(**{name: value})


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        record().node = "other"  # type: ignore[misc]


@given(
    median=st.floats(1, 1e18), width=st.floats(0, 0.5), node=st.text(max_size=20), reason=st.text(max_size=20)
)
def test_any_record_survives_the_round_trip(median: float, width: float, node: str, reason: str) -> None:
    ci95 = (median * (1 - width), median * (1 + width))
    before = record(node=node, results=[gemm(value=median, ci95=ci95, reason=reason)])
    assert parse_record(before.to_json(), source="test") == before


NOT_RECORDS: list[tuple[str | bytes, str]] = [
    ("", "empty"),
    ("  \n", "empty"),
    ("{", "cut short"),
    (record().to_json()[:200], "cut short"),
    (record().to_json()[:-2], "cut short"),
    ("node: 7\n", "not JSON"),
    (b"\x00\xff\xfe\x80", "binary"),
    (b"\x93NUMPY\x01\x00v\x00\xd1", "binary"),
    ("[]", "no schema"),
    ("{}", "no schema"),
    ("null", "no schema"),
    ('{"schema": 1}', "schema 1"),
    ('{"schema": "other/1"}', "schema 'other/1'"),
    ('{"schema": "flopcensus/record/2"}', "version 2 is newer than 1; upgrade"),
    ('{"schema": "flopcensus/record/1"}', "node: Field required and 8 more"),
    (record().to_json().replace('"seed": 1', '"seed": NaN'), "holds NaN"),
    (record().to_json().replace("200000000000.0", "-Infinity"), "holds -Infinity"),
    (
        record().to_json().replace("200000000000.0", "1e999"),
        "results.0.value: Input should be a finite number",
    ),
    (record().to_json().replace('"status": "ok"', '"status": "fine"'), "status: Input should be"),
    (record().to_json().replace('"node"', '"host"'), "Field required"),
    (record().to_json().replace('"device": "cpu"', '"device": "gpu"'), "unknown device 'gpu'"),
    ("[" * 100_000, "not a record|cut short"),
    ('{"schema": ' + "9" * 5000 + "}", "not a record"),
]


@pytest.mark.parametrize(("text", "fault"), NOT_RECORDS)
def test_what_is_not_a_record_is_said_on_one_line(tmp_path: Path, text: str | bytes, fault: str) -> None:
    with pytest.raises(RecordError, match=fault) as caught:
        load_record(saved(tmp_path, text))
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "record.json"))
    assert "\n" not in message
    assert len(message) < 400


def test_absent_files_and_folders_are_said(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(RecordError, match="cannot be read"):
            load_record(path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load_record(saved(tmp_path, b"\xef\xbb\xbf" + record().to_json().encode())) == record()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"value": None}, "ok needs value"),
        ({"ci95": None}, "ok needs value"),
        ({"status": "failed"}, "failed needs a reason"),
        ({"value": 5e11}, "outside its interval"),
    ],
)
def test_a_result_that_contradicts_itself_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        gemm(**changes)


@given(text=st.text())
def test_file_names_are_safe_on_every_system(text: str) -> None:
    assert not set(safe_name(text)) & set('/\\:*?"<>| \n\0')
    assert safe_name(text).strip(".")


def test_file_name_says_node_and_time() -> None:
    assert record(node="rack 3/a").file_name == "record-rack-3-a-20260301T123005Z.json"


def test_reading_records_needs_no_measuring_package() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'psutil', 'numpy', 'pandas', 'scipy', 'fcntl', 'resource'):\n"
        "    sys.modules[name] = None\n"
        "import bench.record, bench.errors, bench.files, bench.running.journal, bench.plan, bench.progress\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
