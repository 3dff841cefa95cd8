"""What a study file may say: one YAML file that reproduces a whole analysis."""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from accounting.accounts.estimate import DEFAULT_LEVELS
from accounting.accounts.levels import Levels, read_levels
from accounting.accounts.over_time.series import FIRST_YEAR
from accounting.capacity.bases import BASES, Basis
from accounting.capacity.stock.projection import HORIZON
from accounting.capacity.valuation import MAX_DRAWS
from accounting.errors import UnknownNameError
from accounting.reference.accelerators import Precision
from accounting.validation import Date, FactModel, Id, Text

# shipped scenarios of whole supply chains
SHIPPED_CUTS = ("us-stops-selling", "nvidia-stops", "tsmc-stops")


def _level(text: str) -> str:
    try:
        return ",".join(read_levels(text))
    except UnknownNameError as error:
        context = {"found": error.name, "suggestion": error.suggestion}
        raise PydanticCustomError("unknown_name", "unknown level", context) from None


class BenchPart(FactModel):
    """How long this machine is measured, in seconds."""

    seconds: float = Field(60.0, ge=5.0, le=86_400.0, description="time to measure for, in seconds")
    seed: int = Field(0, description="seed of the operands and of the order of rounds")


class StudySpec(FactModel):
    """What a study asks."""

    id: Id
    title: Text
    as_of: Date = Field(description="day that the stock is counted at")
    precision: Precision = Field("bf16", description="number format of the operations, dense")
    bases: tuple[Basis, ...] = Field(BASES, min_length=1, description="bases that are shown")
    levels: tuple[Annotated[str, AfterValidator(_level)], ...] = Field(
        (), description="levels, or crossings joined by commas, as in estimate --by"
    )
    census: tuple[Text, ...] = Field(
        (), description="facility files or folders; the shipped census where empty"
    )
    calibration: tuple[Text, ...] = Field((), description="measurements beside the shipped ones")
    clusters: tuple[Text, ...] = Field((), description="cluster files or shipped ids to compare")
    seed: int = Field(0, description="seed of the draws")
    draws: int = Field(10_000, ge=1, le=MAX_DRAWS, description="number of draws of the study's own views")
    bench: BenchPart | None = None
    drivers: bool = Field(
        True, description="work out what drives the spread on each basis; on all but the last in view_draws"
    )
    precisions: tuple[Precision, ...] = Field(
        (), description="precisions that the page can show; the study's own where empty"
    )
    years: tuple[Date, ...] = Field(
        (),
        description="dates that the page can show, a list or FIRST:LAST for the ends of these years; the "
        "study's own where empty. What is planned is shown from the study's date on",
    )
    view_draws: int = Field(
        2_000, ge=100, le=MAX_DRAWS, description="draws of all views but the study's own, draws at most"
    )

    countries: tuple[Text, ...] = Field(
        (), description="countries and groups with a page of their own; those with 0.1 % or more where empty"
    )
    supply_cuts: tuple[Text, ...] | None = Field(
        None, description="scenario files or shipped ids; the shipped supply cuts where left out"
    )
    plan: Text | None = Field(None, description="cluster file or shipped id to plan, for its frontier")
    bridge: tuple[Text, ...] = Field((), description="the file of Epoch AI to walk from, as in bridge --file")
    fleet: Text | None = Field(None, description="folder of records of bench, judged as a fleet")

    @field_validator("years", mode="before")
    @classmethod
    def _years(cls, raw: object) -> object:
        return read_years(raw)

    @field_validator("years")
    @classmethod
    def _in_reach(cls, days: tuple[datetime.date, ...]) -> tuple[datetime.date, ...]:
        for day in days:
            if not FIRST_YEAR <= day.year <= HORIZON.year:
                what = "a date before {first} or after {last}, of which the census says nothing"
                context = {"first": FIRST_YEAR, "last": HORIZON.year, "found": str(day)}
                raise PydanticCustomError("out_of_reach", what, context)
        return tuple(sorted(set(days)))

    def bases_in_order(self) -> tuple[Basis, ...]:
        """Return the bases, each after the one that it is a fraction of."""
        return tuple(basis for basis in BASES if basis in self.bases)

    def cuts_named(self) -> tuple[str, ...]:
        """Return the cuts of supply: those named, or the shipped ones."""
        return SHIPPED_CUTS if self.supply_cuts is None else tuple(self.supply_cuts)

    def level_tuples(self) -> tuple[Levels, ...]:
        """Return the levels as the accounts take them."""
        return tuple(read_levels(text) for text in self.levels) or DEFAULT_LEVELS


def read_years(raw: object) -> object:
    """Turn ``FIRST:LAST`` into the ends of these years; leave a list of dates as it is.

    >>> read_years("2024:2025")
    ['2024-12-31', '2025-12-31']
    """
    if not isinstance(raw, str):
        return raw
    found = re.fullmatch(r"\s*(\d{4})\s*:\s*(\d{4})\s*", raw)
    if found is None or found[1] > found[2]:
        what = "no span of years; write FIRST:LAST, such as 2019:2030, or a list of dates"
        raise PydanticCustomError("years", what, {"found": raw})
    return [f"{year}-12-31" for year in range(int(found[1]), int(found[2]) + 1)]


class StudyFile(FactModel):
    """A study file."""

    study: StudySpec
