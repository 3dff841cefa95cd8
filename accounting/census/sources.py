"""From what the user names as a census (our YAML, a folder, a foreign file) to a ledger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from accounting.census.facilities import load_facilities
from accounting.census.ledger import Ledger, from_facilities
from accounting.census.readers import (
    cloud_regions,
    epoch_chips,
    epoch_clusters,
    epoch_data_centers,
    epoch_hardware,
    flat_ledger,
    mlperf,
    mlperf_power,
    top500,
)
from accounting.census.readers.tables import open_table
from accounting.errors import Fault, InputFaults, UnknownNameError
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

Reader = Callable[[Path, Facts], Ledger]

Recognise = Callable[[Collection[str]], bool]

READERS: dict[str, Reader] = {
    epoch_clusters.PREFIX: epoch_clusters.read,
    epoch_data_centers.PREFIX: epoch_data_centers.read,
    top500.PREFIX: top500.read,
    flat_ledger.PREFIX: flat_ledger.read,
}
_RECOGNISE: dict[str, Recognise] = {
    epoch_clusters.PREFIX: epoch_clusters.recognises,
    epoch_data_centers.PREFIX: epoch_data_centers.recognises,
    top500.PREFIX: top500.recognises,
    flat_ledger.PREFIX: flat_ledger.recognises,
}
# known here, but of chips, sales, results or regions: nothing to take a census of
_NO_CENSUS: dict[str, Recognise] = {
    epoch_chips.PREFIX: epoch_chips.recognises,
    epoch_hardware.PREFIX: epoch_hardware.recognises,
    mlperf.PREFIX: mlperf.recognises,
    mlperf_power.PREFIX: mlperf_power.recognises,
    cloud_regions.PREFIX: cloud_regions.recognises,
}
_TABLE_SUFFIXES = {".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls"}
SHIPPED = "shipped census"


def load_census(sources: Sequence[str], facts: Facts) -> Ledger:
    """Read a census into a ledger.

    Args:
        sources: YAML files or folders of facilities, or one foreign file (``epoch-clusters:PATH``, or a
            path whose columns are recognised). The shipped census where empty.
        facts: the reference facts that names are resolved with.

    Raises:
        InputFaults: every fault of the files.
        InputError: a foreign file beside other sources: the same site may stand in both, and would be
            counted twice.
        UnknownNameError: an unknown prefix.
    """
    if not sources:
        return _shipped(facts)
    found = [_locate(source) for source in sources]
    foreign = [(prefix, path) for prefix, path in found if prefix]
    if foreign and len(found) > 1:
        raise InputError(
            f"{len(found)} sources given, of which {foreign[0][1]} is a foreign file: the same site may "
            "stand in both and be counted twice; estimate them one at a time"
        )
    if foreign:
        prefix, path = foreign[0]
        return READERS[prefix](path, facts)
    paths = [path for _, path in found]
    return from_facilities(", ".join(map(str, paths)), load_facilities(paths, facts), facts)


def _shipped(facts: Facts) -> Ledger:
    facilities = load_facilities([configs_root() / "facilities"], facts)
    warning = (
        f"the {SHIPPED} holds {len(facilities)} large facilities, not all there are: totals are lower "
        "bounds, and shares are shares of these facilities"
    )
    return replace(from_facilities(SHIPPED, facilities, facts), warnings=(warning,))


def _locate(source: str) -> tuple[str, Path]:
    """Return the reader's prefix (empty for our own YAML) and the path."""
    prefix, colon, rest = source.partition(":")
    if colon and not Path(source).exists() and len(prefix) > 1:
        if prefix not in READERS:
            raise UnknownNameError("census format", prefix, READERS)
        return prefix, Path(rest)
    path = Path(source)
    if not path.exists():
        raise InputFaults([Fault(source, 0, 0, "", "no such file or folder")])
    if path.is_dir() or path.suffix.lower() not in _TABLE_SUFFIXES:
        return "", path
    return _recognise(path), path


def _recognise(path: Path) -> str:
    columns = open_table(path).columns
    for prefix, fits in _RECOGNISE.items():
        if fits(columns):
            return prefix
    for prefix, fits in _NO_CENSUS.items():
        if fits(columns):
            message = f"a file of the format {prefix} states no deployments; a census is expected"
            raise InputFaults([Fault(str(path), 1, 1, "", message)])
    known = ", ".join(READERS)
    message = f"the columns are of no file known here; name the format if it is one of them ({known}:PATH)"
    raise InputFaults([Fault(str(path), 1, 1, "", message, ", ".join(columns[:4]))])
