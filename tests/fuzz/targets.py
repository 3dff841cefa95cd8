"""What is fuzzed: each target takes a file of any bytes and must read it or refuse it, and nothing else.

A refusal is an error of ours; any other exception, a count that does not add up, a number that is no number,
or a text that is not the same after a round trip is a failure.
"""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import openpyxl
from pydantic_core import PydanticCustomError

from accounting.census.facilities import load_facilities
from accounting.census.flat import to_csv
from accounting.census.ledger import Ledger
from accounting.census.readers import cloud_regions, epoch_chips, epoch_hardware, flat_ledger, mlperf
from accounting.census.readers.formats import READERS
from accounting.claims.readings import decode
from accounting.dimensions import DIMENSIONS
from accounting.documents import read_document
from accounting.lint.linting import lint
from accounting.quantities import read_uncertain
from accounting.reference.facts import load_facts
from accounting.reference.shipped import configs_root
from bench.errors import FlopcensusError
from flopcensus.exports.text import to_csv as to_long_csv
from flopcensus.exports.text import to_json_document
from tests.fuzz import documents
from tests.fuzz.commands import LINES, command, line_mutant
from tests.fuzz.configs import CONFIGS, WRITTEN, shipped, text_or_tree
from tests.fuzz.mutants import mutant, workbook_mutant

FACTS = load_facts()
TODAY = datetime.date(2026, 11, 22)
Check = Callable[[Path], object]


@dataclass(frozen=True)
class Target:
    """What reads the file, what makes mutants of it, and what these begin from."""

    name: str
    check: Check
    suffix: str = ".csv"
    mutant: Callable[[random.Random, bytes], bytes] = mutant
    shared: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    golden: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    joined: bool = False


def attempt(target: Target, path: Path) -> bool:
    """Return whether the file was read; False where it was refused. Anything else is raised."""
    try:
        target.check(path)
    except FlopcensusError as error:
        assert str(error).strip(), "a refusal without a word"
        return False
    return True


def _ledger(prefix: str, path: Path) -> None:
    ledger = READERS[prefix](path, FACTS)
    _whole(ledger)
    again = path.with_suffix(".again.csv")
    again.write_text(to_csv(ledger), encoding="utf-8", newline="")
    assert flat_ledger.read(again, FACTS).entries == ledger.entries, "not the same after a round trip"


def _whole(ledger: Ledger) -> None:
    if ledger.readout is not None:
        left_out = sum(noted.count for noted in ledger.readout.left_out.values())
        assert ledger.readout.kept + left_out == ledger.readout.rows, "the rows do not add up"
    assert len({entry.id for entry in ledger.entries}) == len(ledger.entries), "an id stands twice"
    for entry in ledger.entries:
        assert math.isclose(sum(owner.share for owner in entry.owners), 1.0, abs_tol=1e-6), "shares"
        numbers = [*entry.values.values()]
        for one in (entry.count, entry.power):
            numbers += [one.low, one.best, one.high] if one else []
        assert all(math.isfinite(number) and number >= 0 for number in numbers), "no number"


def _table(read: Callable[..., object], path: Path) -> None:
    read(path, FACTS)


def _facilities(path: Path) -> None:
    for facility in load_facilities([path], FACTS):
        assert math.isclose(sum(share for _, share in facility.owner_shares()), 1.0, abs_tol=1e-6)


def _lint(path: Path) -> None:
    for finding in lint([str(path)], FACTS, TODAY):
        assert finding.evidence.message
        assert finding.evidence.factor is None or math.isfinite(finding.evidence.factor)


def _claim(path: Path) -> None:
    for line in _text(path).splitlines()[:1]:
        for accelerators in ((), ("nvidia-gh200",)):
            for reading in decode(line, FACTS, accelerators, ()).readings:
                assert reading.ratio is None or math.isfinite(reading.ratio)


def _quantity(path: Path) -> None:
    text = _text(path)
    for dimension in DIMENSIONS:
        try:
            value = read_uncertain(text, dimension)
        except PydanticCustomError:
            continue
        assert value.low <= value.best <= value.high
        assert all(map(math.isfinite, (value.low, value.best, value.high)))


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


_FACILITY = """\
facilities:
  - id: site
    name: Site
    territory: FR
    owners:
      - {organisation: eurohpc-ju, share: 0.5}
      - {organisation: ukri, share: 0.5}
    sector: public
    power: {value: 18 MW, kind: reported, date: 2025-01-01, source: "https://example.org/p"}
    sources:
      - {url: "https://example.org/a", title: A page, date: 2025-01-01}
    deployments:
      - id: one
        accelerator: nvidia-h100-sxm
        count: {value: 100 to 200, kind: reported, date: 2025-01-01, source: "https://example.org/c"}
        in_service: 2025-01
        status: operational
"""
_CLAIMS = (
    "21 AI exaFLOPS",
    "16 EF, 16,000 H100",
    "780,000 PFLOPS (FP16)",
    "about 1.5 exaflops of FP8 sparse",
)
_QUANTITIES = ("400 MW", "15k to 20k", "989.4 TFLOP/s", "43%", "1,234.5", "1e-3 to 2e3 GB/s", "0x1F")
_EPOCH = "epoch/"


def _of(prefix: str, *files: str) -> Target:
    return Target(prefix, partial(_ledger, prefix), shared=files)


_DATA_CENTERS = (
    f"{_EPOCH}data_centers_2026-07-18.csv",
    f"{_EPOCH}data_center_chip_quantities_2026-07-18.csv",
    f"{_EPOCH}data_center_timelines_2026-07-18.csv",
)
_DOCUMENTS = (
    Target("record", documents.record, ".json", text_or_tree, golden=("record.json",)),
    Target("record-packed", documents.packed, ".json.gz", mutant, golden=("record.json",)),
    Target("journal", documents.journal, ".jsonl", text_or_tree, golden=("journal.jsonl",)),
    Target("results", documents.results, ".json", text_or_tree, golden=("results.json",)),
    Target("fleet", documents.folder_of_records, ".json", text_or_tree, golden=("record.json", "fleet.yaml")),
    Target("exported", documents.exported, ".csv", written=(to_long_csv([]), to_json_document([]))),
    Target("countries", documents.countries, ".csv", configs=("countries.csv",)),
    Target("country-figures", documents.country_figures, ".csv", configs=("country_figures.csv",)),
    Target("node-powers", documents.node_powers, ".csv", shared=("mlperf/mlperf_node_power.csv",)),
    Target("data-centers", documents.data_centers, ".csv", joined=True, shared=_DATA_CENTERS),
    Target("command", command, ".txt", line_mutant, written=LINES),
)
_CONFIGS = tuple(
    Target(name, check, ".yaml", text_or_tree, written=WRITTEN.get(name, ()), configs=files)
    for name, check, _, files in CONFIGS
)

TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        *_DOCUMENTS,
        *_CONFIGS,
        _of(
            "epoch-clusters",
            f"{_EPOCH}gpu_clusters_2026-04-24.csv",
            f"{_EPOCH}ai_supercomputers_2025-06-07.csv",
        ),
        _of("top500", "top500/TOP500_202506.csv"),
        Target(
            "workbook",
            partial(_ledger, "epoch-clusters"),
            ".xlsx",
            workbook_mutant,
            shared=(f"{_EPOCH}gpu_clusters_2026-04-24.csv",),
        ),
        Target("ledger", partial(_ledger, "ledger"), golden=("ledger.csv",)),
        Target(
            "cloud-regions",
            partial(_table, cloud_regions.read),
            shared=("cloud/cloud_regions_2026-01-21.csv",),
        ),
        Target(
            "epoch-chips",
            partial(_table, epoch_chips.read),
            shared=(f"{_EPOCH}ai_chip_sales_excerpt_2026-09-30.csv",),
        ),
        Target(
            "epoch-hardware",
            partial(_table, epoch_hardware.read),
            shared=(f"{_EPOCH}ml_hardware_2026-04-22.csv",),
        ),
        Target("mlperf", partial(_table, mlperf.read), shared=("mlperf/mlperf_summary.csv",)),
        Target("facilities", _facilities, ".yaml", written=(_FACILITY,)),
        Target("lint", _lint, shared=(f"{_EPOCH}gpu_clusters_2026-04-24.csv",)),
        Target("claim", _claim, ".txt", written=_CLAIMS),
        Target("quantity", _quantity, ".txt", written=_QUANTITIES),
    )
}


def seeds(target: Target, data: Path | None, rows: int = 12) -> list[bytes]:
    """Return the files that mutants begin from: those written here, and the heads of the real ones."""
    found = [text.encode() for text in target.written]
    found += [_golden(target, name) for name in target.golden]
    for name in target.configs:
        found += shipped(name) if name.endswith(".yaml") else [_head(configs_root() / name, rows)]
    if target.joined and data is not None:
        return [documents.JOIN.join(_head(data / name, rows) for name in target.shared)]
    for name in target.shared if data is not None else ():
        head = _head(data / name, rows)  # type: ignore[operator]  # not None here
        found.append(_workbook(head) if target.suffix == ".xlsx" else head)
    return found


def _golden(target: Target, name: str) -> bytes:
    content = (documents.GOLDEN / name).read_bytes()
    if name.endswith(".yaml"):
        return json.dumps(read_document(documents.GOLDEN / name).data, indent=1).encode()
    return gzip.compress(content, mtime=0) if target.suffix.endswith(".gz") else content


def _head(path: Path, rows: int) -> bytes:
    """Return the first rows of a table, none cut within a quoted cell."""
    head, whole = b"", 0
    for line in path.read_bytes().splitlines(keepends=True):
        head += line
        whole += head.count(b'"') % 2 == 0
        if whole > rows:
            break
    return head


def _workbook(table: bytes) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in csv.reader(io.StringIO(table.decode("utf-8-sig"), newline="")):
        sheet.append([cell or None for cell in row])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
