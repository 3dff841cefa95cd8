"""From what the user names as a census (our YAML, a folder, a foreign file) to a ledger."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from accounting.census import epoch_clusters
from accounting.census.facilities import load_facilities
from accounting.census.ledger import Ledger, from_facilities
from accounting.errors import Fault, InputFaults, UnknownNameError
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

Reader = Callable[[Path, Facts], Ledger]

READERS: dict[str, Reader] = {epoch_clusters.PREFIX: epoch_clusters.read_epoch_clusters}
_RECOGNISE: dict[str, Callable[[list[str]], bool]] = {epoch_clusters.PREFIX: epoch_clusters.is_epoch_clusters}
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
    if path.is_dir() or path.suffix.lower() != ".csv":
        return "", path
    return _recognise(path), path


def _recognise(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            columns = next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputFaults([Fault(str(path), 0, 0, "", f"cannot be read as CSV: {error}")]) from None
    for prefix, fits in _RECOGNISE.items():
        if fits(columns):
            return prefix
    known = ", ".join(READERS)
    message = f"the columns are of no file known here; name the format if it is one of them ({known}:PATH)"
    raise InputFaults([Fault(str(path), 1, 1, "", message, ", ".join(columns[:4]))])
