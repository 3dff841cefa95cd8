"""What leaves the program: no formula that a spreadsheet runs, no sequence that drives a terminal."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
import yaml

from flopcensus.cli import invoke
from flopcensus.output import escape_cell, to_csv, to_json, visible

GOLDEN = Path(__file__).parents[1] / "long_life" / "golden" / "0.1"
FORMULAS = ("=1+1", "+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", '=HYPERLINK("http://x")')
RUNS = re.compile(r"[=+\-@＝＋－＠\t\r\n]")
# colours, a title, a screen cleared, a link, the one-byte introducer, text turned round, a bell, a return
SEQUENCES = (
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x1b]8;;http://x\x1b\\",
    "\x9b31m",
    "\u202eabc",
    "\x07",
    "a\rb",
)
DRIVES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def census(folder: Path, name: str) -> Path:
    """Write facilities that bear a name."""
    data = yaml.safe_load((GOLDEN / "facilities.yaml").read_text(encoding="utf-8"))
    for facility in data["facilities"]:
        facility["name"] = name
        facility["sources"][0]["title"] = name
    path = folder / "named.yaml"
    path.write_text(json.dumps(data, default=str), encoding="utf-8")
    return path


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_csv_begins_as_a_formula(text: str) -> None:
    (line,) = list(csv.reader(io.StringIO(to_csv(["a"], [{"a": text}]))))[1:]
    assert not RUNS.match(line[0])
    assert visible(text) in line[0]


def test_numbers_stay_numbers() -> None:
    assert escape_cell(-1.5) == -1.5


@pytest.mark.parametrize("text", FORMULAS)
def test_no_file_that_is_written_runs_a_formula(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = census(tmp_path, text)
    assert invoke(["convert", str(path), "-o", str(tmp_path / "flat.csv")]) == 0
    assert invoke(["estimate", str(path), "--by", "facility", "--draws", "10", "--format", "csv"]) == 0
    said = capsys.readouterr().out
    assert invoke(["lint", str(path), "--format", "csv"]) in {0, 1}
    tables = [
        said,
        capsys.readouterr().out,
        *(p.read_text(encoding="utf-8") for p in tmp_path.rglob("*.csv")),
    ]
    cells = [cell for table in tables for row in csv.reader(io.StringIO(table, newline="")) for cell in row]
    assert len(cells) > 50
    assert [
        cell for cell in cells if RUNS.match(cell) and not re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", cell)
    ] == []


def test_a_workbook_holds_text_and_no_formula(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, document, out = census(tmp_path, "=1+1"), tmp_path / "estimate.json", tmp_path / "table.xlsx"
    assert invoke(["estimate", str(path), "--by", "facility", "--draws", "10", "--format", "json"]) == 0
    said = capsys.readouterr().out
    # an estimate names a facility by its id; a document from elsewhere may name it anyhow
    named = re.sub(r'"name": "one-site"', '"name": "=1+1"', said)
    assert named != said
    document.write_text(named, encoding="utf-8")
    assert invoke(["export", str(document), "-o", str(out)]) == 0
    cells = [cell for sheet in openpyxl.load_workbook(out) for row in sheet.iter_rows() for cell in row]
    assert any(cell.value in {"'=1+1", "=1+1"} for cell in cells)
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}


@pytest.mark.parametrize("text", SEQUENCES)
def test_json_holds_no_raw_control_and_says_the_same(text: str) -> None:
    written = to_json({"a": text})
    assert not DRIVES.search(written)
    assert json.loads(written) == {"a": text}


@pytest.mark.parametrize("text", SEQUENCES)
def test_no_sequence_reaches_the_terminal(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = census(tmp_path, text)
    broken = tmp_path / "broken.yaml"
    broken.write_text(json.dumps({"facilities": [{text: text}], text: text}), encoding="utf-8")
    lines = [
        ["estimate", str(path), "--by", "facility", "--draws", "10"],
        ["estimate", str(path), "--by", "facility", "--draws", "10", "--format", "csv"],
        ["estimate", str(broken)],
        ["estimate", f"nothing{text}"],
        ["estimate", "--country", text],
        ["decode", f"21 exaFLOPS {text}"],
        ["lint", str(path)],
        [text],
    ]
    for line in lines:
        assert invoke(line) in {0, 1, 2}
        said = capsys.readouterr()
        assert not DRIVES.search(said.out + said.err), line


WITHOUT_A_NETWORK = """
import socket, sys

def refused(*_args, **_kw):
    raise AssertionError("a connection was tried")

for name in ("connect", "connect_ex", "sendto", "bind"):
    setattr(socket.socket, name, refused)
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refused
import flopcensus.cli
golden, out = sys.argv[1:]
lines = [
    ["estimate", golden + "/facilities.yaml", "--draws", "20"],
    ["run", golden + "/study.yaml", "--without-bench", "-o", out],
    ["report", out + "/results.json", "-o", out + "/again.html"],
    "training-run --flop 1e24 --accelerator nvidia-h100-sxm --count 16384 --draws 20".split(),
    ["decode", "21 AI exaFLOPS"],
    ["catalogue", "accelerators"],
]
for line in lines:
    if flopcensus.cli.invoke(line) not in (0, 1):
        sys.exit(" ".join(line))
"""


def test_no_command_reaches_for_a_network(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_A_NETWORK, str(GOLDEN), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=[\"']?(?:https?:)?//", page)
