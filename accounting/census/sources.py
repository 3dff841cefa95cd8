"""From what the user names as a census (our YAML, a folder, a foreign file) to a ledger."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from accounting.census.crosswalk import OURS, crosswalk_of, join
from accounting.census.facilities import load_facilities, shipped_facilities
from accounting.census.ledger import Ledger, from_facilities
from accounting.census.readers import (
    cloud_regions,
    epoch_chips,
    epoch_clusters,
    epoch_data_centers,
    epoch_hardware,
    flat_ledger,
    fleet,
    mlperf,
    mlperf_power,
    top500,
)
from accounting.census.readers.tables import open_table
from accounting.census.snapshot import snapshot_of
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
    fleet.PREFIX: fleet.read,
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
SHIPPED_WORD = "shipped"


def load_census(sources: Sequence[str], facts: Facts) -> Ledger:
    """Read a census into a ledger.

    Args:
        sources: YAML files or folders of facilities, foreign files (``epoch-clusters:PATH``, or a path whose
            columns are recognised), and ``shipped`` for the shipped census, which also serves where empty.
            Of several lists, the first that has a site is believed about it.
        facts: the reference facts that names are resolved with.

    Raises:
        InputFaults: every fault of the files.
        InputError: the same list twice.
        UnknownNameError: an unknown prefix.
    """
    return _with_changes(_read(sources, facts), facts)


def _with_changes(ledger: Ledger, facts: Facts) -> Ledger:
    """Say in the ledger's warnings what an overlay changed, facilities included."""
    if facts.overlay is None:
        return ledger
    stated = [
        f"facilities/{row['id']}"
        for document in facts.overlay.documents
        for row in document.data.get("facilities", ())
    ]
    files = ", ".join(document.file for document in facts.overlay.documents)
    listed = "; ".join([*map(str, facts.changes), *stated]) or "nothing"
    return replace(ledger, warnings=(*ledger.warnings, f"overlay {files}: {listed}"))


def _read(sources: Sequence[str], facts: Facts) -> Ledger:
    if not sources:
        return _shipped(facts)
    found = [_locate(source) for source in sources if source != SHIPPED_WORD]
    lists = list(_foreign(found, facts))
    if paths := [path for prefix, path in found if not prefix]:
        own = from_facilities(", ".join(map(str, paths)), load_facilities(paths, facts), facts)
        lists.insert(_first_own(found), (OURS, own))
    if SHIPPED_WORD in sources:
        if paths:
            message = (
                "facilities of your own beside the shipped census: copy what you need, or use an overlay"
            )
            raise InputError(message)
        lists.insert(list(sources).index(SHIPPED_WORD), (OURS, _shipped(facts)))
    if len(lists) == 1:
        return lists[0][1]
    today = datetime.datetime.now().date()
    lists = [(source, replace(ledger, snapshot=snapshot_of(ledger, today))) for source, ledger in lists]
    own_entries = [entry for source, ledger in lists if source == OURS for entry in ledger.entries]
    ties = crosswalk_of([*_shipped(facts).entries, *own_entries], configs_root() / "crosswalk.yaml")
    return join(lists, ties)


def _foreign(found: Sequence[tuple[str, Path]], facts: Facts) -> Iterator[tuple[str, Ledger]]:
    seen: dict[str, Path] = {}
    for prefix, path in found:
        if not prefix:
            continue
        if prefix in seen:
            raise InputError(
                f"two lists of the format {prefix} ({seen[prefix]} and {path}): vintages of one list state "
                "the same sites; give one of them"
            )
        seen[prefix] = path
        yield prefix, READERS[prefix](path, facts)


def _first_own(found: Sequence[tuple[str, Path]]) -> int:
    """Return how many foreign lists stand before the first file of ours."""
    return next(place for place, (prefix, _) in enumerate(found) if not prefix)


def _shipped(facts: Facts) -> Ledger:
    facilities = shipped_facilities(facts)
    warning = (
        f"the {SHIPPED} holds {len(facilities)} large facilities, not all there are: totals are lower "
        "bounds, and shares are shares of these facilities. It sees more in the United States, where sites "
        "are inferred from power and images, than in China, where most are not public"
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
