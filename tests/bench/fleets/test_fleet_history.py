"""The dataset of nightly runs: the same whatever came first, whole whoever was killed, plain to others."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import InputError, MissingExtraError
from bench.fleets.decoding import FleetRecord, decode
from bench.fleets.history.asking import Asked, Wanted
from bench.fleets.history.batch import Batch
from bench.fleets.history.dataset import History
from bench.fleets.history.schema import COLUMNS, NOTE
from bench.fleets.synthetic import make_fleet
from bench.fleets.synthetic import record as synthetic_record
from bench.fleets.synthetic import records as synthetic_records
from tests.bench.fleets.history_records import START, batch, content, record, tree

PLAIN = {pa.string(), pa.float64(), pa.int32(), pa.bool_(), pa.timestamp("us", tz="UTC")}


def plain_rows(folder: Path) -> list[dict[str, Any]]:
    """What pyarrow reads, without a word of ours."""
    rows: list[dict[str, Any]] = ds.dataset(folder, partitioning="hive").to_table().to_pylist()
    return rows


def best(records: Sequence[FleetRecord]) -> dict[tuple[str, datetime, int], FleetRecord]:
    """Of each run the record that counts, by the rule as it is stated."""
    found: dict[tuple[str, datetime, int], FleetRecord] = {}
    for one in records:
        key = (one.node, one.created, one.seed)
        held = found.get(key)
        if held is None or (-len(one.results), content(one)) < (-len(held.results), content(held)):
            found[key] = one
    return found


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[FleetRecord], list[list[FleetRecord]]]:
    """Records of a few nodes and nights, some runs in part, and batches in which all arrive, some twice."""
    made = []
    for node in range(draw(st.integers(1, 3))):
        for night in range(draw(st.integers(1, 3))):
            created = START + timedelta(days=night, hours=draw(st.sampled_from([0, 21, 22])))
            for _ in range(draw(st.integers(1, 2))):
                devices, works = draw(st.integers(1, 2)), draw(st.integers(1, 2))
                value = st.none() | st.floats(0.5, 2)
                made.append(
                    record(f"n{node}", created, [[draw(value) for _ in range(works)] for _ in range(devices)])
                )
    again = draw(st.lists(st.sampled_from(made), max_size=4))
    order = draw(st.permutations([*made, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=3)))
    ends = [0, *cuts, len(order)]
    return made, [order[a:b] for a, b in itertools.pairwise(ends)]


@settings(max_examples=40)
@given(arrivals())
def test_order_repetition_and_parts_leave_the_same_files(
    found: tuple[list[FleetRecord], list[list[FleetRecord]]],
) -> None:
    made, batches = found
    with tempfile.TemporaryDirectory() as folder:
        clean, other = Path(folder) / "clean", Path(folder) / "other"
        History.at(clean).merge(batch(made))
        for one in batches:
            History.at(other).merge(batch(one))
        assert tree(other) == tree(clean)
        rows = plain_rows(other)
    expected = Counter(
        (
            one.node,
            one.created,
            one.created.date().isoformat(),
            r.workload,
            r.device,
            r.value,
            r.status,
            r.reason,
        )
        for one in best(made).values()
        for r in one.results
    )
    keys = ("node", "created", "date", "workload", "device", "value", "status", "reason")
    assert Counter(tuple(row[key] for key in keys) for row in rows) == expected


def test_what_became_of_a_batch_is_counted(tmp_path: Path) -> None:
    part, whole, other = (
        record("a", START, [[1.0]]),
        record("a", START, [[1.0, 1.0]]),
        record("b", START, [[1.0]]),
    )
    first = History.at(tmp_path / "g")
    assert vars(first.merge(batch([part]))) == {"new": 1, "better": 0, "known": 0}
    assert vars(first.merge(batch([whole, other]))) == {"new": 1, "better": 1, "known": 0}
    assert vars(first.merge(batch([part, other]))) == {"new": 0, "better": 0, "known": 2}


def test_rows_hold_what_the_records_say(tmp_path: Path) -> None:
    fleet = make_fleet("f", 2, 2, 1, 3)
    made = Batch()
    for name, data in synthetic_records(fleet):
        made.add(decode(data), name)
    History.at(tmp_path / "h").merge(made)
    rows = plain_rows(tmp_path / "h")
    expected = {}
    for node in range(2):
        document = json.loads(json.dumps(synthetic_record(fleet, node)))
        for place, one in enumerate(document["results"]):
            expected[document["node"], place] = one
    assert len(rows) == len(expected)
    for row in rows:
        one = expected[row["node"], row["ordinal"]]
        for name in ("workload", "device", "precision", "metric", "unit", "status", "reason", "value"):
            assert row[name] == one[name], name
        for name in ("clock_mhz", "power_w", "temperature_c", "correct", "throttled"):
            assert row[name] == one[name], name
        assert [row["ci95_low"], row["ci95_high"]] == (one["ci95"] or [None, None])
        shape = " ".join(f"{key}={size}" for key, size in one["shape"].items())
        assert row["shape"] == (shape or None)
        assert row["date"] == "2026-03-01"
        assert row["model"] == "NVIDIA H100 80GB HBM3"


def test_types_are_plain_and_nothing_of_arrow_or_pandas_is_in_a_file(tmp_path: Path) -> None:
    History.at(tmp_path / "h").merge(batch([record("a", START, [[1.0, None]])]))
    (file,) = (tmp_path / "h").rglob("*.parquet")
    schema = pq.ParquetFile(file).schema_arrow
    assert set(schema.types) <= PLAIN
    assert schema.names == [one.name for one in COLUMNS]
    assert pq.read_metadata(file).metadata is None
    note = json.loads((tmp_path / "h" / NOTE).read_text(encoding="utf-8"))
    assert {one["name"] for one in note["columns"]} == set(schema.names)


def test_duckdb_reads_it_as_it_stands(tmp_path: Path) -> None:
    days = [START, START + timedelta(days=1)]
    History.at(tmp_path / "h").merge(batch([record("a", day, [[1.0, 2.0]]) for day in days]))
    query = "SELECT date, count(*), sum(value) FROM read_parquet(?, hive_partitioning = true) GROUP BY 1"
    query += " ORDER BY 1"
    found = duckdb.execute(query, [f"{tmp_path}/h/*/*.parquet"]).fetchall()
    assert found == [(day.date(), 2, 7e14 + 2 * 3e12) for day in days]


def test_the_date_is_that_of_utc(tmp_path: Path) -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    history = History.at(tmp_path / "h")
    history.merge(batch([record("a", late, [[1.0]])]))
    assert list(history.files()) == [date(2026, 3, 2)]
    # the same run, told in another zone
    same = record("a", late.astimezone(timezone(timedelta(hours=5))), [[1.0]])
    assert vars(history.merge(batch([same])))["new"] == 0


def test_several_results_of_one_workload_are_told_apart_also_when_one_failed(tmp_path: Path) -> None:
    import msgspec

    ok = record("a", START, [[1.0]]).results[0]
    results = [
        msgspec.structs.replace(ok, shape={"batch": 1}),
        msgspec.structs.replace(ok, shape={"batch": 8}, status="failed", value=None, ci95=None, reason="x"),
    ]
    one = msgspec.structs.replace(record("a", START, [[1.0]]), results=results)
    History.at(tmp_path / "h").merge(batch([one]))
    assert [row["size"] for row in plain_rows(tmp_path / "h")] == ["batch=1", "batch=8"]


def test_a_series_can_be_asked_for_by_the_name_that_is_shown(tmp_path: Path) -> None:
    import msgspec

    one = record("a", START, [[1.0, 1.0]])
    rungs = [msgspec.structs.replace(one.results[0], shape={"batch": size}) for size in (1, 8)]
    history = History.at(tmp_path / "h")
    history.merge(batch([msgspec.structs.replace(one, results=[*rungs, one.results[1]])]))
    for shown in ("gemm batch=8 bf16", "memory_copy fp32"):
        found = Asked(history, Wanted(metric=shown)).nights().series
        assert [series.name for series in found] == [shown]


WRITER = """
import sys
from pathlib import Path
from datetime import timedelta
from bench.fleets.history.dataset import History
from tests.bench.fleets.history_records import START, batch, record
folder, which, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
history = History.at(folder)
print("begun", flush=True)
for number in range(count):
    history.merge(batch([record(f"w{which}n{number}", START + timedelta(days=number % 2), [[1.0, 2.0]])]))
print("done", flush=True)
"""


def writer(folder: Path, which: int, count: int, repository: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(which), str(count)],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def written(which: int, count: int) -> list[FleetRecord]:
    return [
        record(f"w{which}n{number}", START + timedelta(days=number % 2), [[1.0, 2.0]])
        for number in range(count)
    ]


def test_writers_at_once_leave_what_one_would(tmp_path: Path, repository: Path) -> None:
    writers = [writer(tmp_path / "h", which, 12, repository) for which in range(3)]
    assert [(one.communicate(timeout=300), one.returncode)[1] for one in writers] == [0, 0, 0]
    History.at(tmp_path / "clean").merge(batch([one for which in range(3) for one in written(which, 12)]))
    # no file is left over, and none was lost
    assert tree(tmp_path / "h") == tree(tmp_path / "clean")


@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
def test_writers_that_are_killed_midway_lose_nothing_that_was_there(tmp_path: Path, repository: Path) -> None:
    before = written(9, 6)
    History.at(tmp_path / "h").merge(batch(before))
    clock = random.Random(4)
    running = [writer(tmp_path / "h", which, 10_000, repository) for which in range(3)]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "begun\n"
        time.sleep(clock.uniform(0.02, 0.2))
        one.send_signal(signal.SIGKILL)
        one.communicate(timeout=300)
    history = History(tmp_path / "h")
    for path in (tmp_path / "h").rglob("*.parquet"):
        pq.read_table(path, partitioning=None)
    held = {row["node"] for when in history.files() for row in history.table(when).to_pylist()}
    assert {one.node for one in before} <= held
    # all of what the killed ones had to say is said again: then the dataset is as if nobody had been killed
    rest = [one for which in range(3) for one in written(which, 300)]
    assert held <= {one.node for one in [*before, *rest]}
    history.merge(batch(rest))
    history.merge(batch(before))
    for path in (tmp_path / "h").rglob(".*.part"):
        os.utime(path, (0, 0))
    history.compact()
    History.at(tmp_path / "clean").merge(batch([*before, *rest]))
    assert tree(tmp_path / "h") == tree(tmp_path / "clean")


def test_a_writer_killed_before_it_tidied_up_leaves_files_that_are_joined(tmp_path: Path) -> None:
    part, whole = record("a", START, [[1.0]]), record("a", START, [[3.0, 1.0]])
    others = [record("b", START, [[1.0]]), record("c", START, [[2.0]])]
    for name, some in {"x": [part, others[0]], "y": [whole, others[0]], "z": [others[1]]}.items():
        History.at(tmp_path / name).merge(batch(some))
    history = History.at(tmp_path / "h")
    for name in "xyz":
        for file in (tmp_path / name).rglob("*.parquet"):
            target = tmp_path / "h" / file.relative_to(tmp_path / name)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    assert len(history.files()[START.date()]) == 3
    rows = history.table(START.date()).to_pylist()
    assert sorted((row["node"], row["value"]) for row in rows) == [
        ("a", 3e12), ("a", 3 * 7e14), ("b", 7e14), ("c", 2 * 7e14),
    ]  # fmt: skip
    assert history.compact() == 2
    History.at(tmp_path / "clean").merge(batch([whole, *others]))
    assert tree(tmp_path / "h") == tree(tmp_path / "clean")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    history = History.at(tmp_path / "h")
    history.merge(batch([record("a", START, [[1.0]])]))
    (file,) = (tmp_path / "h").rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InputError, match=rf"{file.name}.*cannot be read"):
        history.merge(batch([record("b", START, [[1.0]])]))
    # nothing was deleted or written beside it
    assert list((tmp_path / "h").rglob("*.parquet")) == [file]


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="neither a history nor an empty folder"):
        History.at(tmp_path)
    with pytest.raises(InputError, match="begin one with"):
        History(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_newer_history_and_a_foreign_note_are_refused(tmp_path: Path) -> None:
    for text, words in (
        ('{"schema": "flopcensus/history/2"}', "upgrade"),
        ("[]", "not that"),
        ("{", "cannot"),
    ):
        (tmp_path / NOTE).write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=words):
            History(tmp_path)


@pytest.mark.parametrize("name", ["pyarrow", "duckdb"])
def test_a_missing_package_is_named_with_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench import extras

    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"needs {name}.*flopcensus\[fleet\]"):
        getattr(extras, f"require_{name}")()


def test_a_record_without_results_is_counted_and_adds_nothing(tmp_path: Path) -> None:
    made = batch([record("a", START, [])])
    assert made.empty == 1
    assert vars(History.at(tmp_path / "h").merge(made)) == {"new": 0, "better": 0, "known": 0}
