"""National programmes: what a government or an alliance has announced, onboarded or aims at, and by when."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.quantities import Count, Fraction, Power, Uncertain, read_uncertain
from accounting.reference.accelerators import Precision
from accounting.reference.facts import Facts
from accounting.reference.named import load_named
from accounting.reference.names import AcceleratorId, NationCode
from accounting.validation import Date, FactModel, Id, Kind, OtherValue, Text, Url

State = Literal["target", "announced", "funded", "contracted", "onboarded", "in_use"]

# whose capacity an aim is of
Counted = Literal["all", "public"]


class Rate(FactModel):
    """A capacity as a programme states it, read: dense or sparse, and in which precision."""

    claim: Text = Field(description="as printed, such as '420 AI exaFLOPS'")
    value: Text = Field(description="the rate with its unit, such as '420 EFLOP/s'")
    precision: Precision = Field(description="number format that the rate is read in")
    sparse: bool = Field(False, description="whether the rate is read as counting structured sparsity")
    kind: Kind = Field("assumed", description="'reported' where the programme states precision and sparsity")
    why: Text = Field(description="what the reading rests on")

    @model_validator(mode="after")
    def _a_rate(self) -> Rate:
        read_uncertain(self.value, "rate")
        return self

    @property
    def flop_per_s(self) -> Uncertain:
        """The rate in FLOP/s, dense or sparse as stated."""
        return read_uncertain(self.value, "rate")


class Aim(FactModel):
    """One figure of a programme: how many accelerators, what rate, power or number of sites, by when."""

    id: Id
    state: State = Field(description="how far it has come")
    by: Date = Field(description="the day it is aimed at; for what exists, the day it was so")
    rate: Rate | None = None
    accelerators: Count | None = Field(None, description="how many accelerators")
    accelerator: AcceleratorId | None = Field(None, description="model of the accelerators")
    power: Power | None = Field(None, description="power of the sites")
    sites: Count | None = Field(None, description="how many sites")
    utilisation: Fraction | None = Field(None, description="share of the time in use")
    counts: Counted | None = Field(None, description="where it differs from the programme's")
    source: Url
    date: Date
    kind: Kind = "reported"
    others: tuple[OtherValue, ...] = ()
    note: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Aim:
        said = (self.rate, self.accelerators, self.power, self.sites, self.utilisation)
        if all(value is None for value in said):
            message = (
                "an aim needs a rate, a number of accelerators, a power, a number of sites or a utilisation"
            )
            raise PydanticCustomError("empty", message, {"at": "id", "found": self.id})
        return self


class Programme(FactModel):
    """A programme of a nation (``EU`` for the Union)."""

    id: Id
    name: Text
    aliases: tuple[Text, ...] = Field((), description="other names that are taken")
    nation: NationCode = Field(description="whose programme it is, EU for the Union")
    counts: Counted = Field("all", description="public: its aims are of the public sector's capacity alone")
    note: Text | None = None
    aims: tuple[Aim, ...] = Field(min_length=1)


class ProgrammeFile(FactModel):
    """A file of ``configs/programmes/``."""

    programmes: tuple[Programme, ...]


def load_programmes(folder: Path, facts: Facts) -> dict[str, Programme]:
    """Read the programmes of a folder by id. Raises InputFaults."""
    model: type[BaseModel] = ProgrammeFile
    return load_named(folder, model, "programmes", facts.names, Programme)[0]
