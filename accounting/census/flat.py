"""Our flat CSV: a row for each entry of a ledger, and every field of it, so that nothing is lost.

Text that a spreadsheet would run as a formula, and text that would not survive a table (blanks at its ends,
line breaks, other signs that cannot be seen), is written as a JSON string, in double quotes; so is a text
that begins with such a quote, to tell one from the other. Lists are JSON. A blank cell is "not known".
The reader is :mod:`accounting.census.readers.flat_ledger`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accounting.census.ledger import Chips, Entry, Ledger, Owner
from accounting.quantities import Uncertain

VALUE_PREFIX = "value_"
_NOT_PLAIN = ('"', "=", "+", "-", "@", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Column:
    """A column: its name, what stands in it, and whether a cell may be blank."""

    name: str
    meaning: str
    may_be_blank: bool = True


COLUMNS: tuple[Column, ...] = (
    Column("id", "id of the deployment; stands once in a file", False),
    Column("facility", "id of its facility", False),
    Column("facility_name", "name of the facility"),
    Column("territory", "where it stands, ISO 3166 alpha-2"),
    Column("owners", "JSON list of {organisation, nation, share}; shares add to 1, null is not known", False),
    Column("operator", "organisation id"),
    Column("sector", "private, public or mixed"),
    Column("accelerator", "accelerator id"),
    Column("vendor", "organisation id of the designer, or anonymized"),
    Column("vendor_nation", "nation of the designer, ISO 3166 alpha-2"),
    Column("count_low", "accelerators, 5th percentile"),
    Column("count_best", "accelerators, median"),
    Column("count_high", "accelerators, 95th percentile"),
    Column("count_family", "lognormal: the family of the draws"),
    Column("in_service", "YYYY-MM-DD"),
    Column("retired", "YYYY-MM-DD"),
    Column(
        "status", "operational, under_construction, contracted, announced, retired, cancelled, unknown", False
    ),
    Column("kind", "how the count is known: measured, published, reported, derived, assumed", False),
    Column("source", "web address, or what else the source says"),
    Column("superseded_by", "id of the later phase that includes this one"),
    Column("duplicate", "true where the source takes it for a possible duplicate", False),
    Column("standard", "false where the source leaves it out of its own analysis", False),
    Column("further_chips", "JSON list of {accelerator, count}, models beside the first", False),
    Column("power_low_w", "watts the deployment draws or is planned to draw, 5th percentile"),
    Column("power_best_w", "watts, median"),
    Column("power_high_w", "watts, 95th percentile"),
    Column("power_of", "run: drawn in a benchmark; it: computers; site: with cooling and losses"),
    Column("cost_low_usd", "US dollars paid or planned for the deployment, 5th percentile"),
    Column("cost_best_usd", "US dollars, median"),
    Column("cost_high_usd", "US dollars, 95th percentile"),
    Column("cost_of", "systems: computers, network, storage; site: with building and power supply"),
    Column("users", "who may use it: researchers, government, military, customers, own_use, mixed"),
    Column("access", "JSON list as owners: who has what share of the access; may add to less than 1"),
    Column("used_by", "JSON list as owners: who runs jobs there; may add to less than 1"),
    Column("same_as", "JSON list of rows of other lists that speak of the same site, SOURCE:NAME", False),
    Column("part_of", "facility that contains this one"),
    Column("valued_by", "chips or file: whose peaks serve; the same in all rows", False),
)
# columns that files written before them lack
LATER = frozenset({"access", "used_by"})
VALUE_MEANING = (
    f"{VALUE_PREFIX}NAME: the source's own figure NAME (bf16, fp8, fp32, max in OP/s; h100e in H100e; "
    "rmax_fp64, rpeak_fp64 in FLOP/s)"
)


def to_csv(ledger: Ledger) -> str:
    """Return a ledger as CSV text.

    What was left out when a foreign file was read, and its warnings, are not part of the entries and stay
    behind.
    """
    names = value_names(ledger)
    columns = [*(column.name for column in COLUMNS), *(VALUE_PREFIX + name for name in names)]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(ledger, names))
    return stream.getvalue()


def value_names(ledger: Ledger) -> tuple[str, ...]:
    """Return the names of the source's own figures: those the ledger names, then any others."""
    found = {name for entry in ledger.entries for name in entry.values}
    return (*ledger.columns, *sorted(found - set(ledger.columns)))


def _rows(ledger: Ledger, names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    for entry in ledger.entries:
        values = {VALUE_PREFIX + name: _number(entry.values.get(name)) for name in names}
        yield {**_cells(entry), "valued_by": ledger.valued_by, **values}


def _cells(entry: Entry) -> dict[str, str]:
    count, power, cost = entry.count, entry.power, entry.cost
    return {
        "id": write_text(entry.id),
        "facility": write_text(entry.facility),
        "facility_name": write_text(entry.facility_name),
        "territory": write_text(entry.territory),
        "owners": _holders(entry.owners),
        "operator": write_text(entry.operator),
        "sector": write_text(entry.sector),
        "accelerator": write_text(entry.accelerator),
        "vendor": write_text(entry.vendor),
        "vendor_nation": write_text(entry.vendor_nation),
        "count_low": _number(count.low if count else None),
        "count_best": _number(count.best if count else None),
        "count_high": _number(count.high if count else None),
        "count_family": count.family if count else "",
        "in_service": entry.in_service.isoformat() if entry.in_service else "",
        "retired": entry.retired.isoformat() if entry.retired else "",
        "status": entry.status,
        "kind": entry.kind,
        "source": write_text(entry.source),
        "superseded_by": write_text(entry.superseded_by),
        "duplicate": str(entry.duplicate).lower(),
        "standard": str(entry.standard).lower(),
        "further_chips": json.dumps([_chips(chips) for chips in entry.further_chips]),
        "power_low_w": _number(power.low if power else None),
        "power_best_w": _number(power.best if power else None),
        "power_high_w": _number(power.high if power else None),
        "power_of": entry.power_of or "",
        "cost_low_usd": _number(cost.low if cost else None),
        "cost_best_usd": _number(cost.best if cost else None),
        "cost_high_usd": _number(cost.high if cost else None),
        "cost_of": entry.cost_of or "",
        "users": write_text(entry.users),
        "access": _holders(entry.access) if entry.access else "",
        "used_by": _holders(entry.used_by) if entry.used_by else "",
        "same_as": json.dumps(entry.same_as),
        "part_of": write_text(entry.part_of),
    }


def _holders(holders: tuple[Owner, ...]) -> str:
    return json.dumps(
        [{"organisation": o.organisation, "nation": o.nation, "share": o.share} for o in holders]
    )


def _chips(chips: Chips) -> dict[str, object]:
    return {"accelerator": chips.accelerator, "count": _triple(chips.count)}


def _triple(count: Uncertain | None) -> Mapping[str, float] | None:
    return {"low": count.low, "best": count.best, "high": count.high} if count else None


def _number(value: float | None) -> str:
    # the shortest text that gives the same float again
    return "" if value is None else repr(float(value))


def write_text(text: str | None) -> str:
    r"""Return a text as it stands in a cell: itself, or a JSON string where it would not survive.

    >>> write_text("LUMI"), write_text("=1+1"), write_text(None)
    ('LUMI', '"=1+1"', '')
    """
    if text is None:
        return ""
    plain = text and text.isprintable() and text == text.strip() and not text.startswith(_NOT_PLAIN)
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())


def read_text(cell: str) -> str | None:
    """Return the text of a cell, None where it is blank. Raises ValueError for a JSON string cut short."""
    if not cell.startswith('"'):
        return cell or None
    text = json.loads(cell)
    if not isinstance(text, str):
        raise ValueError("not a JSON string")
    return text
