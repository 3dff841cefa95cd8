"""Export rules on clusters and countries: whom a rule reaches, what it asks, and how much of a cap is used.

The class of a chip is :mod:`accounting.reference.export_control`'s; whom a rule reaches stands in
``configs/planning/export_reach.yaml``. Only accelerators designed in the United States are judged: others
are reached, if at all, by the foreign direct product rules, which ask who made them with what. A country's
use of a cap is Σ count × TPP of what is counted ÷ the cap (supplement 5 to part 740 of the Export
Administration Regulations, 90 FR 4544, with TPP aggregated over items). Not legal advice.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from accounting.census.ledger import Entry
from accounting.reference.export_control import ExportRule, Verdict, classify, load_export_rules, performance
from accounting.reference.facts import Facts
from accounting.reference.names import CountryCode
from accounting.reference.shipped import configs_root
from accounting.validation import Date, FactModel, Id, Kind, Text, Url, load

RULES_OF = "US"


class Seat(FactModel):
    """Seats of owners that a rule follows anywhere."""

    groups: tuple[Text, ...] = Field((), description="codes of groups of countries")
    countries: tuple[CountryCode, ...] = Field((), description="countries")


class Reach(FactModel):
    """Whom a rule reaches: destinations, and owners by their seat; ``refused`` ones get no part of a cap."""

    rule: Id = Field(description="id of a rule of configs/export_rules.yaml")
    everywhere: bool = Field(False, description="whether it reaches all destinations but those exempt")
    groups: tuple[Text, ...] = Field(
        (), description="codes of groups of countries that it reaches as destinations"
    )
    countries: tuple[CountryCode, ...] = Field((), description="countries that it reaches as destinations")
    exempt_groups: tuple[Text, ...] = Field(
        (), alias="except", description="codes of groups of countries that it does not reach"
    )
    exempt_countries: tuple[CountryCode, ...] = Field(
        (), alias="except_countries", description="countries that it does not reach"
    )
    seat: Seat | None = None
    capped: bool = Field(False, description="whether the share of a country's cap is free of a licence")
    refused: tuple[Text, ...] = Field(
        (), description="codes of groups of countries that get no part of a cap"
    )
    refused_countries: tuple[CountryCode, ...] = Field((), description="countries that get no part of a cap")
    kind: Kind
    source: Url
    date: Date
    note: Text | None = None


class ReachFile(FactModel):
    """The file ``configs/planning/export_reach.yaml``."""

    reach: tuple[Reach, ...]


@dataclass(frozen=True)
class ExportRules:
    """The rules in their order, and whom each reaches."""

    rules: tuple[ExportRule, ...]
    reach: Mapping[str, Reach]


@dataclass(frozen=True)
class BatchRule:
    """What one rule makes of one batch: its class, and whether a licence was needed at this destination.

    ``licence`` is None where what is public does not decide. ``why_not`` says why it was not judged.
    """

    accelerator: str
    count: float
    tpp: float
    text: str
    licence: bool | None
    refused: bool
    why_not: str = ""


@dataclass(frozen=True)
class RuleFinding:
    """What one rule makes of a whole cluster or country.

    ``tpp_stopped`` is the TPP that needs a licence there, ``cap_used`` its share of the country's cap (None
    where the rule has none, or the destination is not capped).
    """

    rule: ExportRule
    in_force: bool
    reached: bool
    batches: tuple[BatchRule, ...]
    tpp: float
    tpp_stopped: float
    cap_used: float | None

    @property
    def text(self) -> str:
        """One line for people."""
        if not self.reached:
            return "destination not reached"
        found = dict.fromkeys(
            f"{b.text}{', refused' if b.refused else ''}" if not b.why_not else b.why_not
            for b in self.batches
        )
        cap = f"; {100 * self.cap_used:.1f} % of the country's cap" if self.cap_used is not None else ""
        return ", ".join(found) + cap


def load_rules(root: Path | None = None) -> ExportRules:
    """Read the rules and whom they reach. Raises InputFaults."""
    folder = root or configs_root()
    _, content = load(folder / "planning" / "export_reach.yaml", ReachFile)
    return ExportRules(
        load_export_rules(folder / "export_rules.yaml"), {row.rule: row for row in content.reach}
    )


def reaches(
    reach: Reach, destination: str, owner_nation: str | None, day: datetime.date, facts: Facts
) -> bool:
    """Whether a rule reaches a destination, or an owner by its seat, on ``day``."""
    if reach.seat and owner_nation in _members(reach.seat.groups, reach.seat.countries, day, facts):
        return True
    if destination in _members(reach.exempt_groups, reach.exempt_countries, day, facts):
        return False
    return reach.everywhere or destination in _members(reach.groups, reach.countries, day, facts)


def judge(
    entries: Iterable[Entry], destination: str, day: datetime.date, facts: Facts, known: ExportRules
) -> tuple[RuleFinding, ...]:
    """Return what each rule makes of entries bound for a destination, those not in force as "would have".

    A rule that was not in force on ``day`` is read on its own nearest day, so that its groups are those of
    its time.

    Args:
        entries: batches with accelerator and count; others are left out.
        destination: alpha-2 code of the territory.
        day: the day of the shipment.
        facts: accelerators, organisations and groups.
        known: from :func:`load_rules`.
    """
    batches = [entry for entry in entries if entry.accelerator and entry.count]
    return tuple(_finding(rule, batches, destination, day, facts, known) for rule in known.rules)


def _finding(
    rule: ExportRule,
    batches: Sequence[Entry],
    destination: str,
    day: datetime.date,
    facts: Facts,
    known: ExportRules,
) -> RuleFinding:
    reach = known.reach.get(rule.id)
    at = max(rule.since, min(day, rule.until or day))
    within = [e for e in batches if reach is not None and _reached(reach, e, destination, at, facts)]
    refused = reach is not None and destination in _members(reach.refused, reach.refused_countries, at, facts)
    rows = tuple(_batch(rule, entry, refused, facts, known) for entry in within)
    stopped = sum(row.count * row.tpp for row in rows if row.licence)
    cap = rule.country_cap_tpp if reach is not None and reach.capped and rows and not refused else None
    return RuleFinding(
        rule,
        rule.in_force(day),
        bool(rows),
        rows,
        sum(
            e.count.best * performance(facts.accelerators[str(e.accelerator)]).tpp for e in batches if e.count
        ),
        stopped,
        stopped / cap if cap else None,
    )


def _reached(reach: Reach, entry: Entry, destination: str, day: datetime.date, facts: Facts) -> bool:
    nations = {owner.nation for owner in entry.owners} or {None}
    return any(reaches(reach, destination, nation, day, facts) for nation in nations)


def _batch(rule: ExportRule, entry: Entry, refused: bool, facts: Facts, known: ExportRules) -> BatchRule:
    chip = facts.accelerators[str(entry.accelerator)]
    count = entry.count.best if entry.count else 0.0
    found = performance(chip)
    if facts.nation_of(chip.designer) != RULES_OF:
        why = f"{chip.name}: not designed in the United States, not judged"
        return BatchRule(chip.id, count, found.tpp, "", None, False, why)
    verdict = next(v for v in classify(found, known.rules) if v.rule.id == rule.id)
    licence = _licence(rule, verdict)
    return BatchRule(chip.id, count, found.tpp, verdict.text, licence, refused and licence is not False)


def _licence(rule: ExportRule, verdict: Verdict) -> bool | None:
    """Whether all classes that may hold, or none, ask for a licence; None where they differ."""
    asks = [
        "licence" in f"{name} {means}" for name, means in zip(verdict.classes, verdict.means, strict=False)
    ]
    if verdict.classes == (rule.otherwise,):
        return None if rule.otherwise.startswith("not decided") else False
    if all(asks):
        return True
    return None if any(asks) else False


def _members(
    groups: Iterable[str], countries: Iterable[str], day: datetime.date, facts: Facts
) -> frozenset[str]:
    held = {member for code in groups for member in facts.groups[code].members_on(day)}
    return frozenset(held) | frozenset(countries)
