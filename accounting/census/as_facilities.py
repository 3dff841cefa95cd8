"""From a ledger to facilities as our own YAML states them, and from facilities to that YAML.

Our YAML asks for more than foreign files give, and has no mark for duplicates. What cannot be a facility of
ours is left out, each row with its reason, and nothing is made up to let it in. The one thing derived is the
sector where the source is silent: that of a company is private, that of a government public.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from accounting.census.facilities import SECTOR_OF_KIND, Facility
from accounting.census.ledger import FURTHER, Entry, Ledger, Owner
from accounting.dimensions import DIMENSIONS
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN, WITHHELD

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_URL = re.compile(r"https?://\S+")
# one fact about a facility that all its deployments must agree on
_SHARED = (
    "facility_name",
    "territory",
    "owners",
    "operator",
    "sector",
    "users",
    "same_as",
    "part_of",
    "access",
    "used_by",
)
# beyond it the digits of a float stand for more than they say
_MOST_WHOLE = 1e15
DERIVED_SECTOR = "The source states no sector: it is that of the owners' kind."
NOT_STANDARD = "The source leaves it out of its own analysis."


@dataclass(frozen=True)
class LeftOut:
    """A row, or the further chips of one, that cannot be a facility of ours."""

    id: str
    name: str
    reason: str


@dataclass(frozen=True)
class Facilities:
    """What became of a ledger: the facilities, and what was left out."""

    facilities: tuple[Facility, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def deployments(self) -> int:
        """How many deployments the facilities hold."""
        return sum(len(facility.deployments) for facility in self.facilities)


def to_facilities(ledger: Ledger, facts: Facts, looked_at: datetime.date) -> Facilities:
    """Turn a ledger into facilities.

    Args:
        ledger: any ledger.
        facts: the facts that names are checked with.
        looked_at: the date that sources are cited with, since a ledger holds none for them. Rows that a later
            phase has superseded by then are left out.

    Returns:
        The facilities in the order of their first rows; further chips are deployments of their own.
    """
    left_out: list[LeftOut] = []
    grouped: dict[str, list[Entry]] = {}
    running = {e.id for e in ledger.entries if _runs(e, looked_at)}
    for entry in ledger.entries:
        first = grouped.get(entry.facility, [entry])[0]
        if reason := _reason(entry, first, running, facts):
            left_out.append(LeftOut(entry.id, entry.facility_name, reason))
        else:
            grouped.setdefault(entry.facility, []).append(entry)
    facilities = []
    for entries in grouped.values():
        made = _facility(entries, ledger, facts, looked_at, left_out)
        if made is not None:
            facilities.append(made)
    return Facilities(tuple(facilities), tuple(left_out))


def _runs(entry: Entry, day: datetime.date) -> bool:
    return entry.status == "operational" and entry.in_service is not None and entry.in_service <= day


# the first that applies is the reason; each tells what our YAML cannot do without
_REASONS: Mapping[str, Callable[[Entry], bool]] = {
    "a possible duplicate, which our YAML cannot mark": lambda e: e.duplicate,
    "no known country": lambda e: e.territory is None,
    "no known owner": lambda e: not e.owners or any(o.organisation is None for o in e.owners),
    "no known accelerator": lambda e: not (e.accelerator or e.vendor or e.power or e.cost),
    "no count": lambda e: e.count is None and e.power is None and e.cost is None,
    "a designer whose name is withheld": lambda e: e.accelerator is None and e.vendor == WITHHELD,
    "no known status": lambda e: e.status == UNKNOWN,
    "no name": lambda e: not e.facility_name.strip(),
    "its source is no web address": lambda e: not _URL.fullmatch(e.source),
    "its id is not of lower-case words joined by '-'": lambda e: (
        not (_ID.fullmatch(e.id) and _ID.fullmatch(e.facility))
    ),
    "retired before it came into service": lambda e: bool(
        e.retired and e.in_service and e.retired < e.in_service
    ),
}


def _reason(entry: Entry, first: Entry, running: set[str], facts: Facts) -> str | None:
    for reason, applies in _REASONS.items():
        if applies(entry):
            return reason
    if entry.superseded_by in running:
        return "superseded by a later phase in operation, which our YAML cannot mark"
    if _sector(entry, facts) is None:
        return "no sector, and its owners do not show one"
    for name in _SHARED:
        if getattr(entry, name) != getattr(first, name):
            return f"another {name.replace('facility_', '')} than an earlier row of its facility"
    return None


def _sector(entry: Entry, facts: Facts) -> str | None:
    if entry.sector:
        return entry.sector
    found = {SECTOR_OF_KIND.get(facts.organisations[str(o.organisation)].kind) for o in entry.owners}
    if None in found:
        return None
    return found.pop() if len(found) == 1 else "mixed"


def _facility(
    entries: list[Entry], ledger: Ledger, facts: Facts, looked_at: datetime.date, left_out: list[LeftOut]
) -> Facility | None:
    first = entries[0]
    urls = dict.fromkeys(entry.source for entry in entries)
    made: dict[str, Any] = {
        "id": first.facility,
        "name": first.facility_name,
        "territory": first.territory,
        "owners": _holdings(first.owners),
        "operator": first.operator,
        "sector": _sector(first, facts),
        "users": first.users,
        "access": _holdings(first.access),
        "used_by": _holdings(first.used_by),
        "same_as": first.same_as,
        "part_of": first.part_of,
        "note": None if first.sector else DERIVED_SECTOR,
        "sources": [{"url": url, "title": f"Cited by {ledger.name}", "date": looked_at} for url in urls],
        "deployments": [d for entry in entries for d in _deployments(entry, looked_at, left_out)],
    }
    try:
        return Facility.model_validate(made, context=facts.names)
    except ValidationError as error:
        reason = f"not valid as a facility: {error.errors()[0]['msg']}"
        left_out.extend(LeftOut(entry.id, entry.facility_name, reason) for entry in entries)
        return None


def _holdings(holders: tuple[Owner, ...]) -> list[dict[str, Any]]:
    sole = len(holders) == 1 and holders[0].share == 1.0
    return [{"organisation": o.organisation, **({} if sole else {"share": o.share})} for o in holders]


def _deployments(entry: Entry, looked_at: datetime.date, left_out: list[LeftOut]) -> Iterator[dict[str, Any]]:
    for place, chips in enumerate(entry.chips):
        name = f"{entry.id}-{FURTHER}-{place}" if place else entry.id
        if place and (chips.accelerator is None or chips.count is None):
            left_out.append(LeftOut(name, entry.facility_name, "further chips of unknown model or count"))
            continue
        known = {"kind": entry.kind, "source": entry.source, "date": looked_at}
        power, cost = (None, None) if place else (entry.power, entry.cost)
        yield {
            "id": name,
            "accelerator": chips.accelerator,
            "vendor": None if chips.accelerator else entry.vendor,
            "count": {"value": chips.count, **known} if chips.count else None,
            "power": {"value": power, **known} if power else None,
            "power_of": entry.power_of if power else None,
            "cost": {"value": cost, **known} if cost else None,
            "cost_of": entry.cost_of if cost else None,
            "in_service": entry.in_service,
            "retired": entry.retired,
            "status": entry.status,
            "note": _note(entry),
        }


def _note(entry: Entry) -> str | None:
    notes = [] if entry.standard else [NOT_STANDARD]
    if entry.superseded_by:
        notes.append(f"Superseded by {entry.superseded_by} once that is in operation.")
    return " ".join(notes) or None


def to_yaml(facilities: Iterable[Facility]) -> str:
    """Return facilities as a YAML file of ours; read again, it gives the same facilities."""
    rows = {"facilities": [_with_units(facility) for facility in facilities]}
    return str(yaml.dump(rows, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf")))


def _with_units(facility: Facility) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(facility)
    if facility.power:
        plain["power"]["value"] = _written(facility.power.value, "power")
    for row, deployment in zip(plain.get("deployments", ()), facility.deployments, strict=True):
        if deployment.power:
            row["power"]["value"] = _written(deployment.power.value, "power")
        if deployment.cost:
            row["cost"]["value"] = _written(deployment.cost.value, "money")
    return plain


def _plain(value: Any) -> Any:
    """Return a model as plain data, what is not stated left out."""
    if isinstance(value, BaseModel):
        pairs = ((name, getattr(value, name)) for name in type(value).model_fields)
        return {
            name: _plain(found) for name, found in pairs if found is not None and found not in ((), False)
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _written(value: Uncertain, dimension: str) -> Any:
    unit = DIMENSIONS[dimension].base_unit
    plain = value.to_plain()
    if isinstance(plain, dict):
        return {name: f"{_whole(part)!r} {unit}" for name, part in plain.items()}
    return f"{_whole(plain)!r} {unit}"


def _whole(value: float) -> float:
    """Return a whole number without its decimal point, as people write it; it is read as the same float."""
    return int(value) if value.is_integer() and abs(value) < _MOST_WHOLE else value


class _Dumper(yaml.SafeDumper):
    """Writes text in quotes wherever a reader of YAML 1.2 or 1.1 might take it for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_SAFE = re.compile(r"[a-z]+(?:[-_][a-z0-9]+)*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    plain = _SAFE.fullmatch(text) and text not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _uncertain(dumper: yaml.SafeDumper, value: Uncertain) -> yaml.Node:
    plain = value.to_plain()
    if isinstance(plain, dict):
        return dumper.represent_data({name: _whole(part) for name, part in plain.items()})
    return dumper.represent_data(_whole(plain))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Uncertain, _uncertain)
