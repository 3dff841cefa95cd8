"""The shipped facts of chip sales: totals, and which accelerators the names in tables of sales stand for."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from accounting.census.readers.chip_totals import ChipRow, ControlTotals, Percentiles
from accounting.census.readers.reading import Readout
from accounting.quantities import Count
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, FactModel, Kind, Text, load


class SoldChip(FactModel):
    """A chip as tables of sales name it, and the accelerators of ours that it stands for."""

    name: Text
    designer: OrganisationId = Field(description="who designed it")
    sold_as: tuple[Text, ...] = Field(
        description="names that tables of sales, and sources of facilities, give it"
    )
    accelerators: tuple[AcceleratorId, ...] = Field(
        description="forms of it in the catalogue; none where the catalogue has none"
    )


class SoldTotal(FactModel):
    """Chips sold from a day until another, of one model or of all of a designer; H100e are of 8-bit peak."""

    designer: OrganisationId = Field(description="whose chips were sold")
    chip: Text | None = Field(
        None, description="name of one of 'chips'; all of the designer's where left out"
    )
    first_day: Date = Field(alias="from", description="first day of the period")
    until: Date = Field(description="last day of the period")
    units: Count = Field(description="chips sold")
    h100e: Count = Field(description="the same in H100 equivalents, by 8-bit peak")
    kind: Kind
    source: Text
    date: Date
    note: Text | None = None


class SalesFile(FactModel):
    """The file ``configs/sales.yaml``."""

    chips: tuple[SoldChip, ...]
    totals: tuple[SoldTotal, ...] = ()


def shipped_totals(facts: Facts, path: Path | None = None) -> ControlTotals:
    """Return the control totals that are shipped as facts: by designer and model, without owners."""
    found = path or configs_root() / "sales.yaml"
    _, content = load(found, SalesFile, facts.names)
    rows = tuple(_row(total, line) for line, total in enumerate(content.totals, 1))
    return ControlTotals(rows, Readout(len(rows), len(rows)))


def _row(total: SoldTotal, line: int) -> ChipRow:
    units, h100e = (Percentiles(value.low, value.best, value.high) for value in (total.units, total.h100e))
    return ChipRow(
        file=total.source,
        line=line,
        designer=total.designer,
        designer_name=total.designer,
        chip=None,
        chip_name=total.chip,
        owner=None,
        owner_name=None,
        start=total.first_day,
        end=total.until,
        cumulative=True,
        incomplete=False,
        modified=total.date,
        units=units,
        h100e=h100e,
    )


def load_sold_chips(facts: Facts, path: Path | None = None) -> tuple[SoldChip, ...]:
    """Read which accelerators the names in tables of sales stand for. Raises InputFaults."""
    _, content = load(path or configs_root() / "sales.yaml", SalesFile, facts.names)
    return content.chips
