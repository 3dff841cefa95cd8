"""What a supply cut rests on: ``configs/planning/supply_cut.yaml``, any of it replaced by the user."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from accounting.documents import Document, read_document
from accounting.errors import UnknownNameError
from accounting.quantities import Fraction, Ratio, Uncertain
from accounting.reference.shipped import configs_root
from accounting.validation import Fact, FactModel, Kind, validate

_FILE = Path("planning") / "supply_cut.yaml"
OVERRIDDEN = "set by the user"


class GrowthFacts(FactModel):
    """How growth fades to ``long_run`` (a factor a year): halfway on the log in ``half_life_years``."""

    long_run: Fact[Ratio] = Field(description="growth that trends fade to, as a factor a year")
    half_life_years: Fact[Ratio] = Field(
        description="years until the logarithm of the factor is halfway there"
    )


class ServiceFacts(FactModel):
    """What happens to hardware that its makers no longer service."""

    failures: Fact[Fraction] = Field(
        description="share of accelerators a year that fail so that another is needed"
    )
    worsening: Fact[Ratio] = Field(description="failures without the maker's service ÷ failures with it")
    mended_locally: Fact[Fraction] = Field(description="share of failures that are mended without the maker")
    spares: Fact[Fraction] = Field(description="accelerators held in reserve ÷ those in service")


class LicenceFacts(FactModel):
    """What part of the capacity stops on the day that licences, or clouds, are withdrawn."""

    vendor: Fact[Fraction] = Field(description="share of capacity that runs under a licence which is checked")
    provider: Fact[Fraction] = Field(description="share of capacity of a provider that it can switch off")


class Substitutes(FactModel):
    """What is lost comes back with probability ``share``, ``delay_years`` later on average.

    What comes then has the part ``capacity`` of what was lost.
    """

    share: Fact[Fraction] = Field(description="share of what is lost that is ever replaced")
    delay_years: Fact[Ratio] = Field(description="mean years until it is")
    capacity: Fact[Fraction] = Field(description="capacity of the replacement ÷ that of what was lost")


class ByScope(FactModel):
    """Substitutes for what a whole nation supplies, and for what one firm does."""

    nation: Substitutes
    firm: Substitutes


class AllSubstitutes(FactModel):
    """Substitutes by the place where supply is cut."""

    vendor: ByScope
    foundry: ByScope
    memory: ByScope
    packaging: ByScope
    provider: ByScope


class SupplyCutFacts(FactModel):
    """The file ``configs/planning/supply_cut.yaml``."""

    growth: GrowthFacts
    service: ServiceFacts
    licence: LicenceFacts
    substitutes: AllSubstitutes


@dataclass(frozen=True)
class Parameter:
    """One parameter: its value, its unit, how it is known, and who says so."""

    name: str
    value: Uncertain
    unit: str
    kind: Kind
    source: str
    note: str | None = None


# by the last part of a name
_UNITS = {
    "long_run": "times a year",
    "half_life_years": "years",
    "failures": "of accelerators a year",
    "worsening": "times",
    "mended_locally": "of failures",
    "spares": "of the stock",
    "vendor": "of capacity",
    "provider": "of capacity",
    "share": "of what is lost",
    "delay_years": "years",
    "capacity": "of what it replaces",
}


@dataclass(frozen=True)
class CutParameters:
    """All parameters by dotted name, such as ``service.spares`` or ``substitutes.vendor.nation.share``."""

    by_name: Mapping[str, Parameter]
    file: str = field(default="", compare=False)

    def __getitem__(self, name: str) -> Parameter:
        """Return one parameter."""
        return self.by_name[name]


def load_cut_parameters(
    path: Path | None = None, replaced: Mapping[str, object] | None = None
) -> CutParameters:
    """Read the parameters of a file (the shipped one where left out), some of their values replaced.

    A replaced value is written as in the file ("10% to 30%", 0.5, or {low, best, high}), is ``assumed``, and
    its source is the user.

    Raises:
        InputFaults: every fault of the file, or of what replaces its values.
        UnknownNameError: no parameter has the name of a value to replace.
    """
    document = read_document(path or configs_root() / _FILE)
    facts = validate(document, SupplyCutFacts)
    names = dict(_walk("", facts))
    replaced = replaced or {}
    for name in replaced:
        if name not in names:
            raise UnknownNameError("parameter of a supply cut", name, names)
    if replaced:
        facts = validate(_replaced(document, replaced), SupplyCutFacts)
        names = dict(_walk("", facts))
    found = {name: _parameter(name, fact, name in replaced) for name, fact in names.items()}
    return CutParameters(found, document.file)


def _replaced(document: Document, values: Mapping[str, object]) -> Document:
    data: Any = copy.deepcopy(document.data)
    for name, value in values.items():
        here = data
        for part in name.split("."):
            here = here[part]
        here["value"] = value
    return Document(file=document.file, data=data, text=document.text)


def _walk(prefix: str, model: FactModel) -> Iterator[tuple[str, Fact[Uncertain]]]:
    for key in type(model).model_fields:
        value = getattr(model, key)
        name = f"{prefix}{key}"
        if isinstance(value, Fact):
            yield name, value
        elif isinstance(value, FactModel):
            yield from _walk(f"{name}.", value)


def _parameter(name: str, fact: Fact[Uncertain], replaced: bool) -> Parameter:
    unit = _UNITS[name.rpartition(".")[2]]
    if replaced:
        return Parameter(name, fact.value, unit, "assumed", OVERRIDDEN)
    return Parameter(name, fact.value, unit, fact.kind, fact.source, fact.note)
