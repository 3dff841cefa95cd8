"""Where each row of an account comes from: how many facilities, which deployments, and digests of both.

Two releases of the same account can then be compared without the censuses they were made from: equal digests
of the entries mean the same deployments, equal digests of the facts the same figures about them. Digests are
SHA-256 of sorted JSON, cut to 16 hexadecimal digits (64 bits).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

from accounting.accounts.estimate import FLOW, Request, chosen_entries
from accounting.accounts.levels import Holders, Levels
from accounting.capacity.calibration import Calibration
from accounting.capacity.used import shipped_occupancy
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.reference.facts import Facts

_DIGITS = 16
# words about an entry that no value depends on
_WORDS = ("facility_name", "source", "users")


@dataclass(frozen=True)
class Origin:
    """What stands behind one row: numbers of facilities and deployments, and their digests."""

    facilities: int
    deployments: int
    entries_digest: str
    facts_digest: str

    def to_plain(self) -> dict[str, Any]:
        """Return the fields of a document."""
        return asdict(self)


@dataclass(frozen=True)
class Origins:
    """The valued entries of an estimate by level and code, and what method valued them.

    ``method`` holds the settings of the estimate but its basis; ``digests`` one digest an entry.
    """

    rows: Mapping[Levels, Mapping[tuple[str, ...], tuple[Entry, ...]]]
    entries: tuple[Entry, ...]
    digests: Mapping[str, str]
    method: Mapping[str, Any]

    def of(self, levels: Levels, *keys: tuple[str, ...]) -> Origin:
        """Return what stands behind a row, or behind several together, as in a group of nations."""
        table = self.rows[levels]
        return self._origin({entry.id: entry for key in keys for entry in table.get(key, ())}.values())

    @property
    def total(self) -> Origin:
        """What stands behind the total."""
        return self._origin(self.entries)

    def _origin(self, entries: Iterable[Entry]) -> Origin:
        chosen = list(entries)
        ids = sorted(entry.id for entry in chosen)
        facilities = len({entry.facility for entry in chosen})
        return Origin(facilities, len(ids), digest(ids), digest([self.digests[i] for i in ids]))


def trace(ledger: Ledger, request: Request, facts: Facts, calibration: Calibration) -> Origins:
    """Return where the rows of :func:`accounting.accounts.estimate.estimate`'s answer come from.

    Takes the same arguments; an entry that cannot be valued stands behind no row.
    """
    entries = tuple(_valued(ledger, request, facts, calibration))
    holders = Holders(facts, request.joint)
    rows = {levels: _behind(entries, levels, holders) for levels in request.levels}
    catalogue = _Catalogue(facts)
    digests = {entry.id: digest(_own_facts(entry) | {"catalogue": catalogue.of(entry)}) for entry in entries}
    return Origins(rows, entries, digests, _method(request, facts, calibration))


def _behind(
    entries: Iterable[Entry], levels: Levels, holders: Holders
) -> dict[tuple[str, ...], tuple[Entry, ...]]:
    """Return the entries that stand behind each row of a level, each once."""
    found: dict[tuple[str, ...], dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        for key, weight in holders.codes(entry, levels):
            if weight > 0:
                found[key][entry.id] = entry
    return {key: tuple(held.values()) for key, held in found.items()}


def _valued(ledger: Ledger, request: Request, facts: Facts, calibration: Calibration) -> Iterable[Entry]:
    valuer = Valuer(facts, calibration, request.precision, request.bases, request.seed, 1, ledger.valued_by)
    for entry in chosen_entries(ledger, request, facts)[0]:
        if not isinstance(valuer.term(entry), Skipped):
            yield entry


def _own_facts(entry: Entry) -> dict[str, Any]:
    return {f.name: getattr(entry, f.name) for f in fields(entry) if f.name not in _WORDS}


@dataclass
class _Catalogue:
    """The catalogue's figures of accelerators as plain data, each made once: the same chip stands in many."""

    facts: Facts
    made: dict[str | None, dict[str, Any] | None] = field(default_factory=dict)

    def of(self, entry: Entry) -> dict[str, Any] | None:
        if entry.accelerator not in self.made:
            known = self.facts.accelerators.get(entry.accelerator or "")
            self.made[entry.accelerator] = known.model_dump(mode="json") if known else None
        return self.made[entry.accelerator]


def _method(request: Request, facts: Facts, calibration: Calibration) -> dict[str, Any]:
    """Return the settings that decide what the same deployments come to; what measures them by digest."""
    chosen = request.selection
    measured = [m.model_dump(mode="json") for m in calibration.measurements]
    flow = {}
    if request.unit == FLOW:
        flow["occupancy"] = digest([one.model_dump(mode="json") for one in shipped_occupancy(facts)])
    return flow | {
        "precision": request.precision,
        "unit": request.unit,
        "recipe": request.recipe,
        "seed": request.seed,
        "draws": request.draws,
        "joint": request.joint,
        "status": sorted(chosen.statuses),
        "since": chosen.since.isoformat() if chosen.since else None,
        "standard_only": chosen.standard_only,
        "drop_superseded": chosen.drop_superseded,
        "drop_duplicates": chosen.drop_duplicates,
        "known_only": chosen.known_only,
        "countries": sorted(request.countries),
        "calibration": digest([*measured, calibration.scaling]),
    }


def digest(content: object) -> str:
    """Return 16 hexadecimal digits that tell plain data apart.

    >>> digest(["a", "b"]) == digest(["a", "b"]), len(digest([]))
    (True, 16)
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=_plain)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGITS]


def _plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
