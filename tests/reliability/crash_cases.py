"""Commands to kill, and what their folders must hold before and after."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import FlopcensusError
from bench.fleets.synthetic import make_fleet
from bench.fleets.synthetic import write as write_fleet
from bench.record import Result
from bench.running.journal import read_journal

ROOT = Path(__file__).resolve().parents[2]
FLOPCENSUS = (sys.executable, "-m", "flopcensus")
FAKED = (sys.executable, "-m", "tests.reliability.faked_cli")
Args = Callable[[Path], list[str]]
Contents = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """A command that is killed.

    Attributes:
        name: How it is told apart.
        command: The command that it is counted under.
        args: Its arguments, given the folder it writes to.
        older: Arguments that leave other files of the same names there beforehand.
        measures: Whether it runs ``bench``, whose journal lies there while it lasts.
        resumes: Whether what was cut off can be resumed, rather than run again.
    """

    name: str
    command: str
    args: Args
    older: Args | None = None
    measures: bool = False
    resumes: bool = False
    program: tuple[str, ...] = FLOPCENSUS


def environment(here: Path) -> dict[str, str]:
    """Of the processes: this checkout first, a folder for temporary files, no launcher's variables."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TMPDIR": str(here / "tmp"),
        "SCRIPTED": str(here / "switches"),
    }


def make_inputs(folder: Path) -> None:
    """What the commands read, small: two files of facilities, a study, two nights of six nodes."""
    shipped = ROOT / "configs" / "facilities"
    for name, source in (("now", "central-asia"), ("then", "mexico")):
        (folder / f"{name}.yaml").write_bytes((shipped / f"{source}.yaml").read_bytes())
        study = _STUDY.format(name=name, census=folder / f"{name}.yaml")
        (folder / f"study-{name}.yaml").write_text(study, encoding="utf-8")
        write_fleet(make_fleet(name, 6, bad=1, seed=len(name), devices=2), folder / f"records-{name}")


_STUDY = """\
study:
  id: small
  title: A small census of {name}
  as_of: 2026-06-30
  bases: [peak, delivered]
  levels: [territory, vendor]
  census: [{census}]
  draws: 200
  seed: 1
  drivers: false
  bench:
    seconds: 5
"""


def cases(inputs: Path) -> list[Case]:
    """All of them; ``inputs`` is where `make_inputs` has put what they read."""

    def of(when: str, make: Callable[[str, Path], list[str]]) -> Args:
        return lambda out: make(when, out)

    def pair(name: str, command: str, make: Callable[[str, Path], list[str]], **more: Any) -> Case:
        return Case(name, command, of("now", make), of("then", make), **more)

    def export(kind: str, *options: str) -> Case:
        return pair(
            f"export {kind}{' '.join(options)}",
            "estimate",
            lambda when, out: [
                "export",
                str(inputs / f"{when}.json"),
                "-o",
                str(out / f"x.{kind}"),
                *options,
            ],
        )

    def estimate(when: str, _out: Path) -> list[str]:
        return [*ESTIMATE, str(inputs / f"{when}.yaml")]

    def fleet(*options: str) -> Callable[[str, Path], list[str]]:
        return lambda when, out: [
            "fleet",
            str(inputs / f"records-{when}"),
            *(option.format(out=out) for option in options),
        ]

    def convert(end: str) -> Callable[[str, Path], list[str]]:
        return lambda when, out: [
            *("convert", str(inputs / f"{when}.yaml"), "-o", str(out / f"c.{end}"), "--date", "2026-01-01")
        ]

    def study(*options: str) -> Callable[[str, Path], list[str]]:
        return lambda when, out: ["run", str(inputs / f"study-{when}.yaml"), "-o", str(out), *options]

    def measured(seed: int) -> Args:
        bench = ["bench", "--time-budget", "2", "--workload", "steady", "--workload", "other"]
        return lambda out: [*bench, "--alone", "--seed", str(seed), "--out", str(out)]

    return [
        Case("estimate", "estimate", of("now", estimate)),
        export("csv"),
        export("xlsx"),
        export("parquet"),
        export("csv", "--sdmx"),
        pair("convert to CSV", "convert", convert("csv")),
        pair("convert to YAML", "convert", convert("yaml")),
        pair("fleet page", "fleet", fleet("-o", "{out}/fleet.html")),
        pair("fleet Parquet", "fleet", fleet("--format", "parquet", "-o", "{out}/fleet.parquet")),
        pair("fleet records", "fleet", fleet("--anonymise", "--records-to", "{out}/records")),
        pair("fleet history", "fleet", fleet("--history", "{out}/history")),
        *_single_files(inputs),
        pair("run", "run", study("--without-bench")),
        pair("run with bench", "run", study("--bench-seconds", "5"), measures=True, program=FAKED),
        Case("bench", "bench", measured(1), measured(2), measures=True, resumes=True, program=FAKED),
    ]


def _single_files(inputs: Path) -> Iterator[Case]:
    """Commands that write one file each."""

    def page(when: str) -> Args:
        return lambda out: ["report", str(inputs / f"{when}.json"), "-o", str(out / "page.html")]

    def calibration(when: str) -> Args:
        def args(out: Path) -> list[str]:
            records = sorted(str(path) for path in (inputs / f"records-{when}").glob("*.json*"))
            return ["calibrate", *records, "-o", str(out / "mine.yaml")]

        return args

    def planned(power: str) -> Args:
        asked = ["plan", "hedged", "--power", power, "--budget", "2 B$", "--draws", "200"]
        return lambda out: [*asked, "-o", str(out / "best.yaml")]

    yield Case("report", "report", page("now"), page("then"))
    yield Case("calibrate", "calibrate", calibration("now"), calibration("then"))
    yield Case("plan", "plan", planned("50 MW"), planned("20 MW"))


ESTIMATE = (*("estimate", "--as-of", "2026-06-30", "--draws", "200", "--basis", "peak"), "--format", "json")


def is_part(path: Path) -> bool:
    """Whether a file was being written when its writer was killed."""
    return path.name.startswith(".") and path.name.endswith(".part")


def contents(out: Path) -> tuple[Contents, list[str]]:
    """What a folder holds but for parts and journals, by name, without times; and what is wrong with it."""
    held: Contents = {}
    faults = []
    for path in sorted(path for path in out.rglob("*") if path.is_file() and not is_part(path)):
        name = str(path.relative_to(out))
        try:
            if path.name.startswith("journal-"):
                read_journal(path)
                continue
            name, content = _normal(name, path.read_bytes())
        except (ValueError, OSError, KeyError, TypeError, FlopcensusError) as error:
            faults.append(f"{name}: not whole: {type(error).__name__}: {error}"[:300])
            continue
        held[name] = tuple(sorted([*held.get(name, ()), content], key=repr))
    return held, faults


def _normal(name: str, data: bytes) -> tuple[str, Any]:
    """Name and content without times, checked to be whole."""
    path = Path(name)
    if path.name.startswith("record-") and path.parent.name in ("", "bench"):
        return str(path.parent / "record"), _of_record(json.loads(data))
    if path.name == "results.json":
        document = json.loads(data)
        record = document.pop("record", None)
        return name, (json.dumps(document, sort_keys=True), record and _of_record(record))
    if path.suffix == ".html":
        if not (data.startswith(b"<!") and data.rstrip().endswith(b"</html>")):
            raise ValueError("the page does not end")
        # what was measured stands in it with times
        return name, "a page" if path.name == "report.html" else data
    if path.suffix == ".parquet" and path.parent.name.startswith("date="):
        # files of a history are named by what they hold, and any number of them hold it together
        return str(path.parent), _parquet(data)
    if path.suffix == ".xlsx":
        return name, _workbook(data)
    if path.suffix == ".json":
        json.loads(data)
    elif path.suffix == ".csv":
        _csv(data)
    elif path.suffix == ".parquet":
        _parquet(data)
    return name, data


def _csv(data: bytes) -> None:
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"))))
    if not data.endswith(b"\n") or len({len(row) for row in rows}) > 1:
        raise ValueError("the table is cut off")


def _workbook(data: bytes) -> str:
    """Its parts but for the one that says when it was made."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        if broken := parts.testzip():
            raise ValueError(f"{broken} is broken")
        return repr({name: parts.read(name) for name in parts.namelist() if name != "docProps/core.xml"})


def _parquet(data: bytes) -> str:
    import pyarrow.parquet

    return str(pyarrow.parquet.read_table(io.BytesIO(data)).to_pydict())


def _of_record(document: Mapping[str, Any]) -> str:
    """What is the same in every run of the scripted devices."""
    kept = ("workload", "device", "precision", "status", "value", "shape", "correct", "repeatable", "unit")
    results = [{key: one[key] for key in kept} for one in document["results"]]
    fields = {key: document[key] for key in ("schema", "node", "mode", "seed", "interrupted")}
    devices = [(one["id"], one["name"]) for one in document["devices"]]
    results.sort(key=lambda one: (one["workload"], one["precision"]))
    return json.dumps([fields, devices, results], sort_keys=True)


def finished(out: Path) -> Counter[str]:
    """Results that journals and records hold, each as the figures that were measured.

    A record takes over what its journal holds, so that what stands in both counts once.
    """
    found: Counter[str] = Counter()
    for path in out.rglob("journal-*.jsonl"):
        found |= Counter(_figures(line["result"]) for line in read_journal(path) if line["kind"] == "result")
    for path in out.rglob("record-*.json"):
        found |= Counter(_figures(one) for one in json.loads(path.read_bytes())["results"])
    return found


def _figures(result: Mapping[str, Any]) -> str:
    one = Result.model_validate(result)
    figures = (one.value, one.ci95, one.rounds, one.sample_count, one.status)
    return repr((one.workload, one.device, one.precision, *figures))


def announced(stderr: bytes) -> set[str]:
    """Workloads that a run had called done."""
    lines: Iterable[str] = stderr.decode("utf-8", "replace").splitlines()
    return {line.split()[0] for line in lines if ": done " in line}
