"""What the documents have in common: quantiles, shares, rows of accounts, values that may be ranges."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from accounting.capacity.bases import Basis
from accounting.validation import Kind


class Document(BaseModel):
    """Base of all documents and their parts: nothing is in them that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def says(text: str, alias: str | None = None) -> Any:
    """Return a field that is always there."""
    return Field(alias=alias, description=text)


def maybe(text: str) -> Any:
    """Return a field that may be null, or away."""
    return Field(None, description=text)


Day: TypeAlias = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Precision: TypeAlias = Literal["fp64", "fp32", "tf32", "bf16", "fp8", "int8", "fp4"]
# null: free of the dimension, or not of one kind
Known: TypeAlias = Kind
Skipped: TypeAlias = dict[str, int]


class Quantiles(Document):
    """A figure with its uncertainty, in the unit of the place it stands at."""

    p5: float = says("5th percentile")
    p50: float = says("median")
    p95: float = says("95th percentile")
    mean: float = says("mean; only means add up")


class Share(Document):
    """A share of a total, as a fraction."""

    share: float = says("share of the mean, 0 to 1")
    p5: float = says("5th percentile, draw by draw")
    p95: float = says("95th percentile, draw by draw")


class Range(Document):
    """A value that is not exactly known."""

    low: float = says("5th percentile")
    best: float = says("median")
    high: float = says("95th percentile")


Value: TypeAlias = float | Range


class Row(Quantiles):
    """A row of an account, in the unit of the estimate."""

    code: str = says("ISO 3166 alpha-2 or unknown for nations, EU for its bodies, an id otherwise")
    name: str = says("name for people")
    codes: dict[str, str] | None = maybe("of a crossing: the code at each of its levels")
    nation: str | None = maybe("nation of the organisation in the row, ISO 3166 alpha-2")
    share: float = says("mean ÷ mean of the total")
    share_p5: float = says("5th percentile of the share, draw by draw")
    share_p95: float = says("95th percentile of the share, draw by draw")
    facilities: int | None = maybe("facilities behind the row")
    deployments: int | None = maybe("deployments behind the row")
    entries_digest: str | None = maybe("tells apart which deployments stand behind the row")
    facts_digest: str | None = maybe("tells apart the facts about them")


class Concentration(Document):
    """How few hold how much of a level."""

    hhi: float = says("Herfindahl-Hirschman index, 0 to 10,000")
    effective_number: float = says("10,000 ÷ HHI: as many equal holders would be as concentrated")


class ConcentrationDrawn(Document):
    """How few hold how much of a level, draw by draw; what is unknown makes a range of it."""

    holders: int = says("holders; all the unknown are one more")
    unknown: Quantiles = says("share of unknown holders, 0 to 1")
    hhi: Quantiles = says("Herfindahl-Hirschman index, 0 to 10,000, the unknown as one holder")
    hhi_low: Quantiles = says("HHI if the unknown were infinitely many holders")
    hhi_high: Quantiles = says("HHI if the unknown were all the largest holder's")
    effective_number: Quantiles = says("10,000 ÷ HHI")
    top: dict[str, Quantiles] = says("share of the largest 1, 3 and 5 known holders, 0 to 1")
    top_high: dict[str, Quantiles] = says("the same with all that is unknown added")


class Assumption(Document):
    """A parameter that figures rest on."""

    name: str = says("name of the parameter")
    value: Value = says("its value, exact or low, best and high, in its unit")
    unit: str = says("unit of the value; blank where it has none")
    kind: str = says("how it is known")
    source: str = says("where a reader can look it up")
    default: bool = says("whether it is a default, not stated in the file")


class BasisQuantiles(Quantiles):
    """A figure on one basis, and how it is known."""

    kind: Known = says("how the weakest factor is known")


__all__ = [
    "Assumption",
    "Basis",
    "BasisQuantiles",
    "Concentration",
    "ConcentrationDrawn",
    "Day",
    "Document",
    "Known",
    "Precision",
    "Quantiles",
    "Range",
    "Row",
    "Share",
    "Skipped",
    "Value",
    "maybe",
    "says",
]
