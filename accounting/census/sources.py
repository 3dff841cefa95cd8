"""From what the user names as a census (our YAML, a folder, a foreign file) to a ledger."""

from __future__ import annotations

import datetime
import types
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from accounting.census.crosswalk import OURS, crosswalk_of, join
from accounting.census.facilities import load_facilities, shipped_facilities
from accounting.census.ledger import Ledger, from_facilities
from accounting.census.snapshot import snapshot_of
from accounting.documents import is_there
from accounting.errors import Fault, InputFaults, UnknownNameError
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

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
            named = " ".join(f"--overlay {path}" for path in paths)
            raise InputError(
                f"facilities of your own beside the shipped census: lay them over it with {named} in "
                "place of naming both"
            )
        lists.insert(list(sources).index(SHIPPED_WORD), (OURS, _shipped(facts)))
    if len(lists) == 1:
        return lists[0][1]
    today = datetime.datetime.now().date()
    lists = [(source, replace(ledger, snapshot=snapshot_of(ledger, today))) for source, ledger in lists]
    own_entries = [entry for source, ledger in lists if source == OURS for entry in ledger.entries]
    ties = crosswalk_of([*_shipped(facts).entries, *own_entries], configs_root() / "crosswalk.yaml")
    return join(lists, ties, facts)


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
        yield prefix, _formats().READERS[prefix](path, facts)


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
    if colon and not is_there(Path(source)) and len(prefix) > 1:
        readers = _formats().READERS
        if prefix not in readers:
            raise UnknownNameError("census format", prefix, readers)
        return prefix, Path(rest)
    path = Path(source)
    if not is_there(path):
        raise InputFaults([Fault(source, 0, 0, "", "no such file or folder")])
    if path.is_dir() or path.suffix.lower() not in _TABLE_SUFFIXES:
        return "", path
    return _formats().recognise(path), path


def _formats() -> types.ModuleType:
    # nine readers take as long to load as the shipped census to read, which needs none of them
    from accounting.census.readers import formats  # noqa: PLC0415

    return formats
