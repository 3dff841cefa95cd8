"""Accelerators that no census sees: smuggled, hidden or sold without a trace. Ranges, and off by default."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

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
    territory: CountryCode
    provider: NationCode | None = Field(None, description="who controls them, where a source says so")
    accelerator: AcceleratorId
    count: Fact[Count]
    in_service: Date
    others: tuple[OtherValue, ...] = ()
    note: Text | None = None


class UnrecordedFile(FactModel):
    """A file of ``configs/unrecorded/``."""

    unrecorded: tuple[Unrecorded, ...]


def load_unrecorded(folder: Path, facts: Facts) -> tuple[Unrecorded, ...]:
    """Read the estimates of a folder. Raises InputFaults."""
    files = load_all(yaml_files(folder), UnrecordedFile, facts.names)
    return tuple(one for _, content in files for one in content.unrecorded)
