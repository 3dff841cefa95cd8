"""Bad input: one line per fault with file, line, column, what was found and the nearest valid name.

Each case is given to the command as a user would, and must end with exit code 2, no traceback, and no
output file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.cli import Outcome, as_process, in_process

GOOD = """\
facilities:
  - id: test-site
    name: Test Site
    territory: FR
    owners:
      - {organisation: eurohpc-ju}
    sector: public
    power: {value: 18 MW, kind: reported, date: 2025-01-01, source: "https://example.org/p"}
    sources:
      - {url: "https://example.org/a", title: A page, date: 2025-01-01}
    deployments:
      - id: test-deployment
        accelerator: nvidia-h100-sxm
        count: {value: 100, kind: reported, date: 2025-01-01, source: "https://example.org/c"}
        in_service: 2025-01
        status: operational
"""


@dataclass(frozen=True)
class Case:
    """A replacement in the good file, and the lines it must be answered with (in part)."""

    name: str
    old: str
    new: str
    expected: tuple[str, ...]


CASES = [
    Case(
        "unknown accelerator",
        "nvidia-h100-sxm",
        "nvidia-h100-smx",
        (
            "census.yaml:13:22: facilities[0].deployments[0].accelerator: unknown accelerator "
            "(found 'nvidia-h100-smx'); did you mean nvidia-h100-sxm?",
        ),
    ),
    Case(
        "unknown country",
        "territory: FR",
        "territory: Frence",
        ("census.yaml:4:16: facilities[0].territory: unknown country (found 'Frence'); did you mean France?",),
    ),
    Case(
        "unknown organisation",
        "eurohpc-ju",
        "eurohpc-uj",
        ("census.yaml:6:24: facilities[0].owners[0].organisation: unknown organisation (found 'eurohpc-uj')",),
    ),
    Case(
        "negative count",
        "value: 100",
        "value: -100",
        ("census.yaml:14:24: facilities[0].deployments[0].count.value: a count must be at least 0 (found -100)",),
    ),
    Case("NaN count", "value: 100", "value: .nan", ("census.yaml:14:24:", "a count must be a finite number")),
    Case("infinite count", "value: 100", "value: .inf", ("census.yaml:14:24:", "a count must be a finite number")),
    Case(
        "retired before in service",
        "in_service: 2025-01",
        "in_service: 2025-01\n        retired: 2024-06-30",
        (
            "census.yaml:16:18: facilities[0].deployments[0].retired: retired before it came into service "
            "(2025-01-01) (found '2024-06-30')",
        ),
    ),
    Case(
        "unit of the wrong kind",
        "18 MW",
        "10 kWh",
        (
            "census.yaml:8:20: facilities[0].power.value: 'kWh' is a unit of energy, but a power belongs here; "
            "write for example '400 MW' (found '10 kWh')",
        ),
    ),
    Case(
        "unknown key",
        "    sector: public",
        "    sektor: public",
        ("census.yaml:7:5: facilities[0].sektor: unknown key (found 'sektor'); did you mean sector?", "'sector' is missing"),
    ),
    Case("wrong choice", "sector: public", "sector: pubic", ("census.yaml:7:13:", "did you mean public?")),
    Case("no such day", "in_service: 2025-01", "in_service: 2025-02-30", ("census.yaml:15:21:", "not a date")),
    Case("no source", ', source: "https://example.org/c"', "", ("census.yaml:14:16:", "the required key 'source' is missing")),
    Case("shares", "{organisation: eurohpc-ju}", "{organisation: eurohpc-ju, share: 0.4}", ("census.yaml:6:7:", "must add to 1 (found '0.4')")),
    Case("broken YAML", "    territory: FR", "    territory: [FR", ("census.yaml:5:11: broken YAML",)),
    Case("duplicate key", "    sector: public", "    sector: public\n    sector: mixed", ("census.yaml:8:5:", "duplicate key")),
    Case("tag that runs code", "Test Site", "!!python/object/apply:os.system [touch pwned]", ("census.yaml:3:11: YAML tags are not accepted",)),
    Case("alias", "name: Test Site", "name: &x Test Site", ("census.yaml:3:11: anchors are not accepted",)),
    Case("nesting", "name: Test Site", "name: " + "[" * 3000 + "]" * 3000, ("census.yaml:3:", "nested deeper than 64 levels")),
]  # fmt: skip

WHOLE_FILES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "census.yaml: the file is empty"),
    ("binary", bytes(range(128, 256)) * 4, "census.yaml:1:1: not UTF-8 text"),
    ("zeros", b"\x00" * 64, "census.yaml:1:1: a character that YAML forbids (found U+0000)"),
    ("a list", b"- 1\n", "census.yaml:1:1: a YAML mapping is expected"),
    ("wrong top", b"facility: []\n", "census.yaml:1:1: facility: unknown key (found 'facility'); did you mean facilities?"),
    (
        "alias bomb",
        b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nfacilities: [*b,*b,*b,*b]\n",
        "census.yaml:1:4: anchors are not accepted",
    ),
]  # fmt: skip

Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return partial(in_process, cwd=tmp_path)


@pytest.fixture(params=["a process", "this process"])
def run_either_way(tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    return partial(as_process if request.param == "a process" else in_process, cwd=tmp_path)


def assert_refused(result: Outcome, folder: Path, *files: str) -> list[str]:
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    lines = result.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    return [line.removeprefix("error: ") for line in lines]


def test_the_good_file_is_good(tmp_path: Path, run_either_way: Run) -> None:
    (tmp_path / "census.yaml").write_text(GOOD, encoding="utf-8")
    result = run_either_way("estimate", "census.yaml", "--as-of", "2026-01-01", "--draws", "50")
    assert result.returncode == 0, result.stderr
    assert "Test Site" not in result.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_fault_names_its_place_and_mend(tmp_path: Path, run: Run, case: Case) -> None:
    assert case.old in GOOD
    (tmp_path / "census.yaml").write_text(GOOD.replace(case.old, case.new, 1), encoding="utf-8")
    lines = assert_refused(run("estimate", "census.yaml", "--as-of", "2026-01-01"), tmp_path, "census.yaml")
    text = "\n".join(lines)
    assert all(part in text for part in case.expected), text


@pytest.mark.parametrize(
    ("name", "content", "expected"), WHOLE_FILES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_files_that_are_no_census(tmp_path: Path, run: Run, name: str, content: bytes, expected: str) -> None:
    (tmp_path / "census.yaml").write_bytes(content)
    lines = assert_refused(run("estimate", "census.yaml"), tmp_path, "census.yaml")
    assert any(line.startswith(expected) for line in lines), (name, lines)


def test_all_faults_of_all_files_come_at_once(tmp_path: Path, run_either_way: Run) -> None:
    text = GOOD.replace("nvidia-h100-sxm", "nope").replace("territory: FR", "territory: XX")
    (tmp_path / "census").mkdir()
    (tmp_path / "census" / "a.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "census" / "b.yaml").write_text(GOOD.replace("18 MW", "18"), encoding="utf-8")
    lines = assert_refused(run_either_way("estimate", "census"), tmp_path, "census")
    assert len(lines) == 3
    assert [("a.yaml" in line, "b.yaml" in line) for line in lines] == [
        (True, False),
        (True, False),
        (False, True),
    ]


def test_one_id_in_two_files(tmp_path: Path, run: Run) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    lines = assert_refused(run("estimate", "a.yaml", "b.yaml"), tmp_path, "a.yaml", "b.yaml")
    assert lines == [
        "b.yaml:2:9: facilities[0].id: duplicate facility id; it stands already in a.yaml:2 (found 'test-site')",
        "b.yaml:12:13: facilities[0].deployments[0].id: duplicate deployment id; it stands already in "
        "a.yaml:12 (found 'test-deployment')",
    ]


CLUSTER = """\
cluster:
  id: mine
  name: Mine
  hypothetical: true
  territory: BR
  owner: mcti-brazil
  operator: lncc
  pue: {value: 0.9, kind: assumed, source: "https://example.org", date: 2025-01-01}
  host_overhead: {value: 1.4 to 1.8, kind: derived, source: "https://example.org", date: 2025-01-01}
  deployments:
    - {id: a, accelerator: nvidia-b200-sxm, count: 8}
"""


def test_pue_below_one(tmp_path: Path, run_either_way: Run) -> None:
    (tmp_path / "mine.yaml").write_text(CLUSTER, encoding="utf-8")
    lines = assert_refused(run_either_way("compare", "mine.yaml", "hedged"), tmp_path, "mine.yaml")
    assert lines == ["mine.yaml:8:16: cluster.pue.value: a pue must be at least 1 (found 0.9)"]


def test_csv_with_missing_columns(tmp_path: Path, run_either_way: Run) -> None:
    (tmp_path / "c.csv").write_text(
        "Name,Status,Countri,16-bit OP/s\nA,Existing,France,1\n", encoding="utf-8"
    )
    lines = assert_refused(run_either_way("estimate", "epoch-clusters:c.csv"), tmp_path, "c.csv")
    assert "c.csv:1:1: the column 'Country' is missing; did you mean Countri?" in lines
    assert len(lines) == 12


def test_csv_of_no_known_kind(tmp_path: Path, run: Run) -> None:
    (tmp_path / "c.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    lines = assert_refused(run("estimate", "c.csv"), tmp_path, "c.csv")
    assert lines[0].startswith("c.csv:1:1: the columns are of no file known here")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x80" * 10])
def test_csv_that_is_none(tmp_path: Path, run: Run, content: bytes) -> None:
    (tmp_path / "c.csv").write_bytes(content)
    assert len(assert_refused(run("estimate", "epoch-clusters:c.csv"), tmp_path, "c.csv")) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["estimate", "nothing-here.yaml"], "nothing-here.yaml: no such file or folder"),
        (["estimate", "top501:x.csv"], "unknown census format (found 'top501')"),
        (["estimate", "--by", "teritory"], "unknown level (found 'teritory'); did you mean territory?"),
        (["estimate", "--basis", "peek"], "unknown basis (found 'peek'); did you mean peak?"),
        (["estimate", "--country", "Frence"], "unknown country (found 'Frence'); did you mean France?"),
        (["estimate", "--group", "EEU"], "unknown group (found 'EEU'); did you mean EU?"),
        (
            ["estimate", "--status", "operatonal"],
            "unknown status (found 'operatonal'); did you mean operational?",
        ),
        (["estimate", "--precision", "bf61"], "(found 'bf61'); did you mean bf16?"),
        (
            ["estimate", "--recipe", "epoch-2052"],
            "unknown recipe (found 'epoch-2052'); did you mean epoch-2025?",
        ),
        (["estimate", "--as-of", "yesterday"], "--as-of: not a date; write YYYY-MM-DD"),
        (["estimate", "--draws", "0"], "draws must lie between 1 and 1000000 (found 0)"),
        (["estimate", "--calibration", "none.yaml"], "none.yaml: cannot be read"),
        (
            ["estimate", "--precision", "int8", "--basis", "delivered", "--unit", "h100e"],
            "no H100e constant for int8",
        ),
        (["compare", "all-nvidea"], "(found 'all-nvidea'); did you mean all-nvidia?"),
        (["run", "wold"], "(found 'wold'); did you mean world?"),
    ],
)
def test_wrong_arguments(tmp_path: Path, run: Run, arguments: list[str], expected: str) -> None:
    lines = assert_refused(run(*arguments), tmp_path)
    assert len(lines) == 1
    assert expected in lines[0]


def test_a_study_with_faults_writes_nothing(tmp_path: Path, run_either_way: Run) -> None:
    (tmp_path / "s.yaml").write_text(
        "study:\n  id: s\n  title: S\n  as_of: 2026-01-01\n  levels: [teritory]\n  basis: [peak]\n",
        encoding="utf-8",
    )
    lines = assert_refused(run_either_way("run", "s.yaml"), tmp_path, "s.yaml")
    assert lines == [
        "s.yaml:5:12: study.levels[0]: unknown level (found 'teritory'); did you mean territory?",
        "s.yaml:6:3: study.basis: unknown key (found 'basis'); did you mean bases?",
    ]


@pytest.mark.parametrize("arguments", [["estimat"], ["estimate", "--bassis", "peak"], []])
def test_a_mistyped_command_ends_with_two(tmp_path: Path, run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
