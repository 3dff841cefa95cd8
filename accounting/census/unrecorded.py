"""Accelerators that no census sees: smuggled, hidden or sold without a trace. Ranges, and off by default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from accounting.census.ledger import Entry, Ledger, Owner
from accounting.quantities import Count
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, CountryCode, NationCode
from accounting.validation import Date, Fact, FactModel, Id, OtherValue, Text, load_all, yaml_files


class Unrecorded(FactModel):
    """An estimate of accelerators in a territory that are not in any list of facilities.

    They are never part of a facility; ``accelerator`` is the model, or the one that stands for a mix.
    """

    id: Id
    name: Text
    territory: CountryCode = Field(description="country that they stand in")
    provider: NationCode | None = Field(None, description="who controls them, where a source says so")
    accelerator: AcceleratorId = Field(description="the model, or the one that stands for a mix")
    count: Fact[Count] = Field(description="accelerators")
    in_service: Date = Field(description="day from which they are counted")
    others: tuple[OtherValue, ...] = ()
    note: Text | None = None


class UnrecordedFile(FactModel):
    """A file of ``configs/unrecorded/``."""

    unrecorded: tuple[Unrecorded, ...]


def with_unrecorded(ledger: Ledger, found: Iterable[Unrecorded], facts: Facts) -> Ledger:
    """Return the ledger with estimates of what no list sees, each an entry of its own; a warning says so."""
    chosen = tuple(found)
    if not chosen:
        return ledger
    words = ", ".join(
        f"{one.id} ({one.count.value.low:,.0f} to {one.count.value.high:,.0f})" for one in chosen
    )
    warning = f"accelerators that no list records are counted: {words}; estimates of one thing overlap"
    entries = tuple(_entry(one, facts) for one in chosen)
    return replace(ledger, entries=(*ledger.entries, *entries), warnings=(*ledger.warnings, warning))


def _entry(one: Unrecorded, facts: Facts) -> Entry:
    vendor = facts.accelerators[one.accelerator].designer
    return Entry(
        id=f"unrecorded:{one.id}",
        facility=f"unrecorded:{one.id}",
        facility_name=one.name,
        territory=one.territory,
        owners=(Owner(None, one.provider, 1.0),),
        operator=None,
        sector=None,
        accelerator=one.accelerator,
        vendor=vendor,
        vendor_nation=facts.nation_of(vendor),
        count=one.count.value,
        in_service=one.in_service,
        retired=None,
        status="operational",
        kind=one.count.kind,
        source=one.count.source,
    )


def load_unrecorded(folder: Path, facts: Facts) -> tuple[Unrecorded, ...]:
    """Read the estimates of a folder. Raises InputFaults."""
    files = load_all(yaml_files(folder), UnrecordedFile, facts.names)
    return tuple(one for _, content in files for one in content.unrecorded)
