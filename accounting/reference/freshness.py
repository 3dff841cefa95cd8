"""How old and how well known the facts are: every dated source of every row, counted by table and family."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from accounting.validation import Kind

STALE_AFTER_DAYS = 731
ALL = "all"
# shown even where nothing is of that kind, so that tables compare
KINDS: tuple[Kind, ...] = ("measured", "published", "reported", "derived", "assumed")


@dataclass(frozen=True)
class Cited:
    """One citation: the table and row it stands in, what it is for, and when and how it is known."""

    table: str
    family: str
    row: str
    key: str
    kind: str
    date: datetime.date
    url: str

    def age_days(self, today: datetime.date) -> int:
        """Days since the source was published, or looked at where undated."""
        return (today - self.date).days


def citations(table: str, rows: Iterable[BaseModel], family: str = "") -> Iterator[Cited]:
    """Yield every citation in ``rows``.

    Args:
        table: the name of the table.
        rows: models with an ``id``, ``code``, ``provider`` or ``name``.
        family: the attribute that says which family a row belongs to; none where empty.
    """
    for row in rows:
        name = str(_first(row, ("id", "code", "provider", "name")))
        group = str(getattr(row, family)) if family else ""
        for key, kind, date, url in _walk(row, ""):
            yield Cited(table, group, name, key, kind, date, url)


def _first(row: BaseModel, names: Sequence[str]) -> object:
    return next((getattr(row, name) for name in names if getattr(row, name, None)), "")


def _walk(value: object, path: str) -> Iterator[tuple[str, str, datetime.date, str]]:
    """Yield (key, kind, date, url) of a model and of all models in it."""
    if isinstance(value, BaseModel):
        url = getattr(value, "url", None) or getattr(value, "source", None)
        date = getattr(value, "date", None)
        if isinstance(url, str) and isinstance(date, datetime.date):
            covers = ",".join(getattr(value, "covers", ())) or path
            kind = getattr(value, "kind", None)
            # an organisation has a kind of another sort
            yield covers, kind if kind in KINDS else "reported", date, url
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for item in value:
            yield from _walk(item, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}")


@dataclass(frozen=True)
class Freshness:
    """The citations of one family of one table, counted."""

    table: str
    family: str
    citations: int
    kinds: Mapping[str, int]
    median_age_days: float
    oldest: datetime.date
    newest: datetime.date
    stale: int


def freshness(cited: Iterable[Cited], today: datetime.date) -> tuple[Freshness, ...]:
    """Count citations by table and family, and by table as a whole (family ``all``).

    ``stale`` ones are older than two years on ``today``.
    """
    groups: dict[tuple[str, str], list[Cited]] = {}
    for one in cited:
        for family in dict.fromkeys((ALL, one.family or ALL)):
            groups.setdefault((one.table, family), []).append(one)
    return tuple(_counted(table, family, rows, today) for (table, family), rows in sorted(groups.items()))


def _counted(table: str, family: str, rows: Sequence[Cited], today: datetime.date) -> Freshness:
    ages = [one.age_days(today) for one in rows]
    known = [one.kind for one in rows]
    return Freshness(
        table,
        family,
        len(rows),
        {kind: known.count(kind) for kind in KINDS},
        statistics.median(ages),
        min(one.date for one in rows),
        max(one.date for one in rows),
        sum(age > STALE_AFTER_DAYS for age in ages),
    )
