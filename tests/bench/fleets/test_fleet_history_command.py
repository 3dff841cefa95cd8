"""``flopcensus fleet --history``: adding, asking, exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.fleets.synthetic import make_fleet, records, write
from tests.bench.fleets.history_records import nights, tree
from tests.cli import as_process, in_process

SOUND = make_fleet("sound", 6, 2, 0, 5)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of sixty nights in which one node lost 6 %."""
    folder = tmp_path_factory.mktemp("site") / "h"
    rng = np.random.default_rng(4)
    levels = np.exp(rng.normal(0, 0.01, 8) + rng.normal(0, 0.003, (60, 8)))
    levels[45:, 6] *= 0.94
    nights(levels, folder)
    return folder


def test_a_batch_is_added_once_and_the_fleet_is_judged_as_ever(tmp_path: Path) -> None:
    write(SOUND, tmp_path / "tonight")
    arguments = ("fleet", str(tmp_path / "tonight"), "--history", str(tmp_path / "h"))
    first = in_process(*arguments)
    assert first.returncode == 0, first.stderr
    assert "no node to drain" in first.stdout
    assert "6 runs added, 0 replaced by a fuller record, 0 known already" in first.stderr
    before = tree(tmp_path / "h")
    again = in_process(*arguments)
    assert "0 runs added, 0 replaced by a fuller record, 6 known already" in again.stderr
    assert tree(tmp_path / "h") == before


def test_two_files_of_one_run_leave_the_same_in_one_batch_and_in_two(tmp_path: Path) -> None:
    ((name, data),) = records(SOUND, [0])
    document = msgspec.json.decode(data)
    other = document | {"seconds_spent": 1.0}
    fewer = document | {"results": document["results"][:5]}
    for folder, files in {"both": [document, other, fewer], "one": [fewer, other], "two": [document]}.items():
        for number, one in enumerate(files):
            path = tmp_path / folder / f"{number}-{name}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(msgspec.json.encode(one))
    in_process("fleet", str(tmp_path / "both"), "--history", str(tmp_path / "h"))
    for folder in ("one", "two"):
        in_process("fleet", str(tmp_path / folder), "--history", str(tmp_path / "g"))
    assert tree(tmp_path / "g") == tree(tmp_path / "h")


def test_a_node_that_lost_speed_is_named_and_exits_with_1(site: Path) -> None:
    done = as_process("fleet", "--history", str(site))
    assert done.returncode == 1, done.stderr
    assert "1 node has lost speed" in done.stdout
    assert re.search(r"n06 cuda:0\s+gemm bf16\s+2026-04-15\s+[56]\.\d %", done.stdout)
    assert re.search(r"with chance \d+\.\d % at most", done.stdout)


def test_json_and_csv_say_the_same(site: Path, tmp_path: Path) -> None:
    found = json.loads(in_process("fleet", "--history", str(site), "--format", "json").stdout)
    assert found["schema"] == "flopcensus/fleet-history/1"
    assert (found["nights"], found["nodes"]) == (60, 8)
    (one,) = found["regressed"]
    assert (one["node"], one["since"], one["metric"], one["unit"]) == (
        "n06",
        "2026-04-15",
        "gemm bf16",
        "FLOP/s",
    )
    assert one["lost_ci95"][0] <= 0.06 <= one["lost_ci95"][1]
    in_process("fleet", "--history", str(site), "--format", "csv", "-o", str(tmp_path / "x.csv"))
    (row,) = csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text(encoding="utf-8")))
    assert (row["node"], row["since"], float(row["lost"])) == ("n06", "2026-04-15", one["lost"])


def test_the_question_may_be_narrowed(site: Path) -> None:
    def code(*more: str) -> int:
        return in_process("fleet", "--history", str(site), *more).returncode

    assert code("--node", "n06", "--metric", "gemm") == 1
    assert code("--node", "n01") == 0
    assert code("--since", "2026-04-16") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--node", "n6"], "unknown node .*did you mean n0"),
        (["--metric", "gem"], "unknown workload .*did you mean gemm"),
        (["--since", "2031-01-01"], "nothing since 2031-01-01"),
        (["--since", "soon"], "does not match the format"),
        (["--false-alarms", "2"], "between 0 and 1"),
        (["--format", "openmetrics"], "answers as table, json or csv"),
        (["--anonymise"], "give DIR"),
    ],
)
def test_bad_questions_are_one_line_and_exit_with_2(site: Path, arguments: list[str], words: str) -> None:
    done = in_process("fleet", "--history", str(site), *arguments)
    assert done.returncode == 2
    assert re.search(words, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give DIR"),
        (["DIR", "--since", "2026-01-01"], "asks a history: leave out DIR"),
        (["DIR", "--history", "h", "--anonymise"], "holds the names"),
        (["--history", "nowhere"], "no history"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    write(replace(SOUND, nodes=1), tmp_path / "DIR")
    done = in_process("fleet", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "h").exists()


def test_compacting_says_what_is_there(site: Path) -> None:
    done = in_process("fleet", "--history", str(site), "--compact")
    assert done.returncode == 0
    assert re.search(r"60 files of [\d.]+ kB; 0 files less", done.stderr)


def test_a_hostile_name_cannot_drive_the_terminal(tmp_path: Path) -> None:
    from datetime import timedelta

    from bench.fleets.history.batch import Batch
    from bench.fleets.history.dataset import History
    from tests.bench.fleets.history_records import START, content, record

    made = Batch()
    for night in range(30):
        for node in ("\x1b[2J[bold]x", "a", "b"):
            factor = 0.8 if night >= 20 and node.startswith("\x1b") else 1.0
            one = record(node, START + timedelta(days=night), [[factor * (1 + 0.001 * (night % 3))]])
            made.add(one, content(one))
    History.at(tmp_path / "h").merge(made)
    done = in_process("fleet", "--history", str(tmp_path / "h"))
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "\\x1b[2J[bold]x" in done.stdout


def test_a_damaged_file_is_named_when_asked(site: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(site, tmp_path / "h")
    file = next((tmp_path / "h").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:200])
    done = in_process("fleet", "--history", str(tmp_path / "h"))
    assert done.returncode == 2, done.stderr
    assert file.name in done.stderr
