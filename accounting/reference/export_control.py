"""Export arithmetic: total processing performance, performance density, and the class that dated rules give.

TPP is dense TOPS × bit length of the inputs of the multiplication, the highest over precisions; performance
density is TPP ÷ mm² of logic dies (technical notes to ECCN 3A090, 88 FR 73458). Not legal advice.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.errors import InputFaults
from accounting.reference.accelerators import Accelerator, Precision
from accounting.validation import Date, FactModel, Id, Text, Url, load

# of the inputs; TF32 has a sign, 8 bits of exponent and 10 of mantissa (NVIDIA A100 architecture, 2020)
BIT_LENGTH: Mapping[Precision, int] = {
    "fp64": 64,
    "fp32": 32,
    "tf32": 19,
    "bf16": 16,
    "fp8": 8,
    "int8": 8,
    "fp4": 4,
}
NOT_LEGAL_ADVICE = "Not legal advice."
_NUMBERS = ("tpp", "performance_density", "interconnect_gb_per_s", "memory_bandwidth_gb_per_s")
_PLAIN = {
    "performance_density": "die area",
    "interconnect_gb_per_s": "link bandwidth",
    "memory_bandwidth_gb_per_s": "memory bandwidth",
    "high_bandwidth_memory": "type of memory",
}


class Bounds(FactModel):
    """From ``at_least`` (included) to ``below`` (excluded)."""

    at_least: float | None = Field(None, description="lowest value included")
    below: float | None = Field(None, description="lowest value no longer included")

    @model_validator(mode="after")
    def _some_bound(self) -> Bounds:
        if self.at_least is None and self.below is None:
            raise PydanticCustomError("bounds", "give 'at_least', 'below' or both", {"at": "at_least"})
        return self

    def hold(self, value: float) -> bool:
        """Whether ``value`` lies within."""
        high_enough = self.at_least is None or value >= self.at_least
        return high_enough and (self.below is None or value < self.below)


class ClassUnder(FactModel):
    """The class that another rule gives."""

    rule: Id = Field(description="id of the other rule")
    classes: tuple[Text, ...] = Field(min_length=1, description="any of these classes")


class Conditions(FactModel):
    """Conditions that hold together."""

    tpp: Bounds | None = None
    performance_density: Bounds | None = None
    interconnect_gb_per_s: Bounds | None = None
    memory_bandwidth_gb_per_s: Bounds | None = None
    data_center: bool | None = Field(None, description="whether it is designed or marketed for data centres")
    high_bandwidth_memory: bool | None = Field(None, description="whether its memory is of the HBM kind")
    class_under: ClassUnder | None = None


class ExportClass(FactModel):
    """A class of a rule and what it means; any of the lists of conditions suffices."""

    name: Text = Field(alias="class", description="what the rule calls it")
    means: Text = Field(description="what the class entails")
    any_of: tuple[Conditions, ...] = Field(min_length=1)


class ExportRule(FactModel):
    """A rule, when it is in force (``until`` is its last day), and where it is written."""

    id: Id
    name: Text
    since: Date = Field(description="first day in force")
    until: Date | None = Field(None, description="last day in force; it lasts where left out")
    destinations: Text = Field(description="whom it reaches, in words")
    citation: Text = Field(description="where it was published")
    source: Url
    date: Date
    country_cap_tpp: float | None = Field(
        None, description="TPP that one country may receive in all under its cap"
    )
    low_volume_tpp_per_year: float | None = Field(
        None, description="TPP that one consignee may receive a year without counting towards the cap"
    )
    classes: tuple[ExportClass, ...] = Field(min_length=1)
    otherwise: Text = Field(description="the class of what no condition holds of")
    note: Text | None = None

    def in_force(self, day: datetime.date) -> bool:
        """Whether the rule stood on ``day``."""
        return self.since <= day and (self.until is None or day <= self.until)


class ExportRuleFile(FactModel):
    """The file ``configs/export_rules.yaml``."""

    rules: tuple[ExportRule, ...]


def load_export_rules(path: Path) -> tuple[ExportRule, ...]:
    """Read the rules in their order; a rule may refer to earlier ones only. Raises InputFaults."""
    document, content = load(path, ExportRuleFile)
    faults, known = [], set[str]()
    for place, rule in enumerate(content.rules):
        asked = [c.class_under.rule for item in rule.classes for c in item.any_of if c.class_under]
        faults += [
            document.fault(
                ("rules", place, "id"), "refers to a rule that does not stand above it", found=name
            )
            for name in asked
            if name not in known
        ]
        known.add(rule.id)
    if faults:
        raise InputFaults(faults)
    return content.rules


@dataclass(frozen=True)
class Performance:
    """What the rules ask of an accelerator; None where its entry does not say.

    ``tpp_precision`` is the precision that gives the highest TPP.
    """

    tpp: float
    tpp_precision: str
    performance_density: float | None
    interconnect_gb_per_s: float | None
    memory_bandwidth_gb_per_s: float | None
    data_center: bool
    high_bandwidth_memory: bool | None


def performance(accelerator: Accelerator) -> Performance:
    """Return TPP (TOPS × bits), performance density (TPP ÷ mm²) and the bandwidths (GB/s).

    >>> from accounting.reference.facts import load_facts
    >>> round(performance(load_facts().accelerators["nvidia-a100-sxm-80gb"]).tpp)
    4992
    """
    products = {name: rate / 1e12 * BIT_LENGTH[name] for name, rate in accelerator.peak.items()}
    # of precisions with the same product the narrowest, as in the rules' own example of a data sheet
    best = max(products, key=lambda name: (round(products[name]), -BIT_LENGTH[name]))
    area, memory = accelerator.die_area, accelerator.memory_type
    return Performance(
        tpp=products[best],
        tpp_precision=best,
        performance_density=products[best] / area if area else None,
        interconnect_gb_per_s=_giga(accelerator.interconnect_bandwidth),
        memory_bandwidth_gb_per_s=_giga(accelerator.memory_bandwidth),
        data_center=accelerator.data_center,
        high_bandwidth_memory="hbm" in memory.casefold() if memory else None,
    )


def _giga(value: float | None) -> float | None:
    return value / 1e9 if value is not None else None


@dataclass(frozen=True)
class Verdict:
    """The classes that a rule may give; several where ``missing`` says what the entry does not state.

    ``units_under_cap`` is how many of the accelerator a capped country could have had in all, and
    ``units_of_low_volume`` how many one consignee a year.
    """

    rule: ExportRule
    classes: tuple[str, ...]
    means: tuple[str, ...]
    missing: tuple[str, ...]
    units_under_cap: float | None = None
    units_of_low_volume: float | None = None

    @property
    def text(self) -> str:
        """The class, or the classes with what decides between them."""
        if len(self.classes) == 1:
            return self.classes[0]
        return f"{' or '.join(self.classes)} (depends on {', '.join(self.missing)}, not known)"


def classify(found: Performance, rules: Sequence[ExportRule]) -> tuple[Verdict, ...]:
    """Return the verdict of each rule, in their order."""
    verdicts: dict[str, Verdict] = {}
    for rule in rules:
        verdicts[rule.id] = _verdict(rule, found, verdicts)
    return tuple(verdicts.values())


def _verdict(rule: ExportRule, found: Performance, earlier: Mapping[str, Verdict]) -> Verdict:
    classes: list[str] = []
    means: list[str] = []
    missing: list[str] = []
    for item in rule.classes:
        holds, lacking = _any_of(item.any_of, found, earlier)
        if holds is False:
            continue
        classes.append(item.name)
        means.append(item.means)
        if holds:
            break
        missing += lacking
    else:
        classes.append(rule.otherwise)
        means.append("")
    counted = classes[0] != rule.otherwise
    cap, low = rule.country_cap_tpp, rule.low_volume_tpp_per_year
    return Verdict(
        rule,
        tuple(dict.fromkeys(classes)),
        tuple(means),
        tuple(dict.fromkeys(missing)),
        cap / found.tpp if cap and counted else None,
        low / found.tpp if low and counted else None,
    )


def _any_of(
    options: Sequence[Conditions], found: Performance, earlier: Mapping[str, Verdict]
) -> tuple[bool | None, list[str]]:
    """Return whether any option holds (None: not known), and what would decide."""
    results = [_all(option, found, earlier) for option in options]
    if any(holds for holds, _ in results):
        return True, []
    lacking = [name for holds, names in results if holds is None for name in names]
    return (None, lacking) if lacking else (False, [])


def _all(
    option: Conditions, found: Performance, earlier: Mapping[str, Verdict]
) -> tuple[bool | None, list[str]]:
    lacking: list[str] = []
    for name in type(option).model_fields:
        wanted: Any = getattr(option, name)
        if wanted is None:
            continue
        if name == "class_under":
            under = earlier[wanted.rule]
            holds = _one_of(under.classes, wanted.classes)
            names = list(under.missing)
        else:
            value: Any = getattr(found, name)
            names = [_PLAIN.get(name, name)]
            holds = None if value is None else (wanted.hold(value) if name in _NUMBERS else value == wanted)
        if holds is False:
            return False, []
        if holds is None:
            lacking += names
    return (None, lacking) if lacking else (True, [])


def _one_of(classes: Sequence[str], wanted: Sequence[str]) -> bool | None:
    inside = [name in wanted for name in classes]
    return all(inside) if all(inside) or not any(inside) else None
