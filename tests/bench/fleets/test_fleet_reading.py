"""Records read by the thousand: bench.record's are taken, what it refuses is set aside, nothing is lost."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import InputError, RecordError
from bench.fleets.decoding import Unusable, decode
from bench.fleets.reading import Reading, record_files, stream
from bench.fleets.synthetic import make_fleet, record
from bench.record import Record, parse_record

FLEET = make_fleet("reading", 8, 2, 3, 11)


def text(node: int = 0, **changes: Any) -> str:
    return json.dumps(record(FLEET, node) | changes)


def with_result(**changes: Any) -> str:
    document = record(FLEET, 0)
    document["results"][0] |= changes
    return json.dumps(document)


def test_synthetic_records_are_records() -> None:
    for node in range(FLEET.nodes):
        parse_record(text(node), source="synthetic")


def test_what_is_decoded_is_what_the_record_says() -> None:
    whole = parse_record(text(), source="test")
    read = decode(text().encode())
    assert (read.node, read.created, read.seed) == (whole.node, whole.created, whole.seed)
    assert [one.uuid for one in read.devices] == [one.uuid for one in whole.devices]
    for ours, theirs in zip(read.results, whole.results, strict=True):
        assert (ours.value, ours.ci95, tuple(ours.rounds)) == (theirs.value, theirs.ci95, theirs.rounds)
        assert (ours.workload, ours.status, ours.correct) == (theirs.workload, theirs.status, theirs.correct)


FAULTY = [
    ("", "empty"),
    ("  \n", "empty"),
    ("{", "cut short"),
    (text()[:2000], "cut short"),
    ("node: 7\n", "not JSON"),
    ("[]", "no object"),
    ("{}", "no schema"),
    ("null", "no object"),
    ('{"schema": 1}', "schema 1"),
    ('{"schema": "other/1"}', "schema 'other/1'"),
    (text(schema="flopcensus/record/2"), "version 2 is newer than 1; upgrade"),
    ('{"schema": "flopcensus/record/2", "node": 7}', "newer than 1; upgrade"),
    ('{"schema": "flopcensus/record/1"}', "missing required field"),
    (text(seed=float("nan")), "not JSON"),
    (text(created="2026-03-01T00:00:00"), "created"),
    (text().replace('"node": "r00n00"', '"node": 7'), "node"),
    (with_result(value=0), "value"),
    (with_result(value=-1), "value"),
    (with_result(rounds=[1.0, 0.0]), "rounds"),
    (with_result(status="fine"), "status"),
    (with_result(value=None), "status ok needs value"),
    (with_result(ci95=None), "status ok needs value"),
    (with_result(status="failed"), "needs a reason"),
    (with_result(value=1.0), "outside its interval"),
    (with_result(device="gpu"), "unknown device 'gpu'"),
    ("[" * 100_000, "no object|cut short|not JSON"),
]


@pytest.mark.parametrize(("faulty", "reason"), FAULTY)
def test_what_bench_record_refuses_is_set_aside_with_a_reason(faulty: str, reason: str) -> None:
    with pytest.raises(RecordError):
        parse_record(faulty, source="test")
    with pytest.raises(Unusable, match=reason) as caught:
        decode(faulty.encode())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("data", [b"\x00\xff\xfe\x80", b"\x93NUMPY\x01\x00v\x00\xd1", bytes(range(256)) * 4])
def test_binary_files_are_said_to_be_binary(data: bytes) -> None:
    with pytest.raises(Unusable, match="binary"):
        decode(data)


def test_gzip_and_a_byte_order_mark_are_read() -> None:
    plain = text().encode()
    assert decode(gzip.compress(plain)) == decode(plain) == decode(b"\xef\xbb\xbf" + plain)
    with pytest.raises(Unusable, match="cut short"):
        decode(gzip.compress(plain)[:-20])
    with pytest.raises(Unusable, match="not gzip"):
        decode(b"\x1f\x8b" + b"nothing of the kind")


def test_gzip_in_several_members_is_read_whole() -> None:
    """As bgzip writes it, and as two files joined by cat are (RFC 1952, section 2.2)."""
    plain = text().encode()
    members = b"".join(gzip.compress(plain[start : start + 5000]) for start in range(0, len(plain), 5000))
    assert decode(members) == decode(plain)
    assert decode(members + b"\0" * 512) == decode(plain)
    with pytest.raises(Unusable, match="cut short"):
        decode(members[:-20])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_record_cut_or_changed_anywhere_is_read_or_set_aside(data: st.DataObject) -> None:
    whole = bytearray(text().encode())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole[place] = data.draw(st.integers(0, 255))
    else:
        del whole[place:]
    try:
        decode(bytes(whole))
    except Unusable as reason:
        assert str(reason)


def test_an_old_record_without_later_fields_loads() -> None:
    old = {
        "schema": "flopcensus/record/1",
        "node": "old",
        "created": "2025-01-01T00:00:00Z",
        "flopcensus_version": "0.0.1",
        "mode": "quick",
        "budget_seconds": 60,
        "seed": 1,
        "devices": [{"id": "cpu", "kind": "cpu", "name": "Some CPU"}],
        "environment": {},
        "results": [],
    }
    assert Record.model_validate(old).node == decode(json.dumps(old).encode()).node == "old"


def test_rounds_that_were_disturbed_do_not_count() -> None:
    document = record(FLEET, 0)
    details = document["results"][0]["round_details"]
    details[2]["disturbed"] = "other processes took CPU time"
    rounds = document["results"][0]["rounds"]
    for separators in ((",", ":"), (", ", ": "), (",", "  :\n ")):
        read = decode(json.dumps(document, separators=separators).encode())
        assert read.results[0].calm_rounds == rounds[:2] + rounds[3:]
        assert read.results[1].calm_rounds == document["results"][1]["rounds"]


def written(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read_all(files: list[str]) -> tuple[set[str], Reading]:
    reading = Reading()
    taken = {one.place: one.record.node for one in stream(files, reading)}
    return {node for place, node in taken.items() if place not in reading.withdrawn}, reading


def test_folders_are_read_whole_and_each_file_is_taken_or_set_aside(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {
            "a.json": text(0).encode(),
            "deep/er/b.json": text(1).encode(),
            "c.json.gz": gzip.compress(text(2).encode()),
            "copy.json": text(0).encode(),
            "copy.json.gz": gzip.compress(text(1).encode()),
            "cut.json": text(3).encode()[:500],
            "notes.txt": b"not looked at",
            ".hidden.json": b"not looked at",
        },
    )
    files = record_files(folder)
    nodes, reading = read_all(files)
    assert nodes == {"r00n00", "r00n01", "r00n02"}
    assert {Path(one.file).name for one in reading.set_aside} == {"copy.json", "b.json", "cut.json"}
    assert reading.files == reading.records + len(reading.set_aside) == 6


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(6)))
def test_which_file_of_a_run_counts_does_not_depend_on_their_order(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    part = record(FLEET, 0)
    part["results"] = part["results"][:3]
    other = record(FLEET, 0) | {"budget_seconds": 299.0}
    contents = [json.dumps(one) for one in (part, record(FLEET, 0), other)]
    contents += [contents[1], text(1), "{"]
    folder = tmp_path_factory.mktemp("order")
    files = []
    for place, number in enumerate(order):
        (folder / f"{place}.json").write_text(contents[number], encoding="utf-8")
        files.append(str(folder / f"{place}.json"))
    reading = Reading()
    taken = {one.place: one for one in stream(files, reading)}
    left = sorted(one.record.budget_seconds for place, one in taken.items() if place not in reading.withdrawn)
    # of the two whole files of one run the one whose hash sorts first
    assert left == _expected()
    assert len(reading.set_aside) == 4


def _expected() -> list[float]:
    whole, other = (json.dumps(record(FLEET, 0) | {"budget_seconds": one}) for one in (300.0, 299.0))
    first = min((hashlib.blake2b(one.encode(), digest_size=16).hexdigest(), one) for one in (whole, other))[1]
    return [299.0, 300.0] if first == other else [300.0, 300.0]


def test_a_folder_that_is_none_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        record_files(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no"):
        record_files(tmp_path)


def test_a_file_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    _, reading = read_all([str(tmp_path / "gone.json")])
    assert "cannot be read" in reading.set_aside[0].reason


def test_a_file_that_is_gone_when_a_second_of_its_run_comes_ends_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path, {"a.json": text(0).encode(), "b.json": text(0, budget_seconds=299).encode()})
    reading, nodes = Reading(), []
    for one in stream(record_files(folder), reading):
        nodes.append(one.record.node)
        (folder / "a.json").unlink()
    assert nodes == ["r00n00"]
    assert [(Path(one.file).name, "a.json" in one.reason) for one in reading.set_aside] == [("b.json", True)]


@pytest.mark.parametrize("created", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_start_beyond_the_calendar_in_utc_is_set_aside(created: str) -> None:
    with pytest.raises(Unusable, match="lies beyond the calendar in UTC"):
        decode(text(created=created).encode())


def test_the_start_of_a_run_is_a_moment_not_its_spelling() -> None:
    one = decode(text(created="2026-03-01T06:00:00Z").encode())
    two = decode(text(created="2026-03-01T07:00:00+01:00").encode())
    assert one.run == two.run
    assert one.created == datetime(2026, 3, 1, 6, tzinfo=UTC)
