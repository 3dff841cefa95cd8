"""Other files as targets: records, journals, results, exports, tables of countries, folders of records."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

from accounting.census.readers import fleet, mlperf_power
from accounting.census.readers.formats import READERS
from accounting.reference.countries import load_countries
from accounting.reference.country_figures import load_country_figures
from bench.errors import FlopcensusError, RecordError
from bench.fleets.anonymising import anonymised
from bench.fleets.decoding import FleetRecord, Unusable, decode
from bench.record import load_record
from bench.running.journal import read_journal
from bench.running.resume import read_progress
from flopcensus.exports.text import from_csv, from_json_document
from flopcensus.report.document import load_results
from tests.fuzz.configs import FACTS

GOLDEN = Path(__file__).parents[1] / "long_life" / "golden" / "0.1"
JOIN = b"\x1e\n"
_CENTERS = ("data_centers.csv", "data_center_chip_quantities.csv", "data_center_timelines.csv")
_ABOUT = b'{"id": "ours", "name": "Ours", "territory": "FI", "owner": "ukri", "sector": "public"}'


def of_a_device(data: bytes, name: str = "cuda") -> bytes:
    """Return a record as that of a GPU which the catalogue knows."""
    text = data.decode().replace('"cpu"', f'"{name}:0"')
    record = json.loads(text)
    for device in record["devices"]:
        device.update(kind=name, accelerator="nvidia-h100-sxm", name="NVIDIA H100 80GB HBM3", uuid="GPU-0")
    return json.dumps(record, indent=1).encode()


def record(path: Path) -> None:
    """Read a record; what `load_record` takes, the decoder of fleets takes, and its names can be removed."""
    try:
        found = load_record(path)
    except RecordError:
        try:
            decode(path.read_bytes())
        except Unusable as error:
            assert str(error).strip()
        raise
    fleet_record = decode(path.read_bytes())
    assert isinstance(fleet_record, FleetRecord)
    assert fleet_record.node == found.node
    assert len(fleet_record.results) == len(found.results)
    plain = anonymised(json.loads(found.to_json()), {found.node: "node-1"})
    assert plain["node"] == "node-1"


def packed(path: Path) -> None:
    """Decode bytes that say they are gzip."""
    try:
        decode(path.read_bytes())
    except Unusable as error:
        raise RecordError(str(error)) from error


def journal(path: Path) -> None:
    """Read a journal in both ways."""
    refused = None
    for read in (read_journal, read_progress):
        try:
            read(path)
        except FlopcensusError as error:
            refused = error
    if refused is not None:
        raise refused


def folder_of_records(path: Path) -> None:
    """Read a folder with this record, or this ``fleet.yaml``, beside a good one."""
    folder = path.parent / "fleet"
    folder.mkdir(exist_ok=True)
    data = path.read_bytes()
    is_about = data[:9].strip().startswith(_ABOUT[:5]) or b"territory" in data
    (folder / "good.json").write_bytes(of_a_device((GOLDEN / "record.json").read_bytes()))
    (folder / "fleet.yaml").write_bytes(data if is_about else _ABOUT)
    (folder / "other.json").write_bytes(b"{}" if is_about else data)
    (folder / "other.json.gz").write_bytes(gzip.compress(data, 1)[: max(len(data) // 2, 10)])
    ledger = fleet.read(folder, FACTS)
    assert ledger.entries
    for entry in ledger.entries:
        assert entry.count is not None
        assert math.isfinite(entry.count.best)


def data_centers(path: Path) -> None:
    """Read the three files that Epoch's data centres are told in, joined in one input."""
    folder = path.parent / "centers"
    folder.mkdir(exist_ok=True)
    parts = path.read_bytes().split(JOIN)
    for place, name in enumerate(_CENTERS):
        (folder / name).write_bytes(parts[place] if place < len(parts) else b"")
    READERS["epoch-data-centers"](folder, FACTS)


def exported(path: Path) -> None:
    """Read an export of ours back."""
    text = path.read_bytes().decode("utf-8", "replace")
    # both take any text, and one of them must take what is ours
    refused = []
    for read in (from_csv, from_json_document):
        try:
            read(text)
        except FlopcensusError as error:
            refused.append(error)
    if len(refused) == 2:
        raise refused[0]


def results(path: Path) -> None:
    """Read a results document."""
    load_results(path)


def countries(path: Path) -> None:
    """Read the table of countries."""
    load_countries(path)


def country_figures(path: Path) -> None:
    """Read the figures of countries."""
    load_country_figures(path, FACTS.countries)


def node_powers(path: Path) -> None:
    """Read MLPerf's node powers."""
    mlperf_power.read(path)
