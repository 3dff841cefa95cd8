"""Two releases of the same accounts compared: how much each figure was revised, and why.

A revision is new − old, of means, since only means add up. It is split into

- ``data``: deployments came into the census or left it;
- ``correction``: the same deployments, with other facts (a count, a date, an owner, a peak; an overlay too);
- ``method``: the same deployments with the same facts, valued differently (version, basis, seed, draws,
  calibration);
- ``unattributed``: what the two documents cannot tell apart, because method and facts changed together.

A row is split by its pieces: the rows of a crossing of its levels with ``deployment`` (or ``facility``) where
both documents have one, else by itself, and then new deployments make all of it data. A third document, the
old census valued by the new method, tells method from the rest exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from accounting.accounts.release.document import (
    GROUP,
    TOTAL,
    Plain,
    account_with,
    code_on,
    codes_of,
    members_of,
)
from accounting.errors import MixedValuesError
from bench.errors import InputError

Key = tuple[str, str]
PARTS = ("data", "method", "correction", "unattributed")
_CONTRIBUTORS = ("deployment", "facility")
# settings that decide which deployments are counted
_SELECTING = (
    "recipe",
    "status",
    "since",
    "standard_only",
    "drop_superseded",
    "drop_duplicates",
    "known_only",
    "countries",
)
_SAME = ("as_of", "precision", "sparse", "unit")


@dataclass(frozen=True)
class Revision:
    """One figure in two releases, in the unit of the account; the parts add up to new − old."""

    level: str
    code: str
    name: str
    old: float
    new: float
    parts: Mapping[str, float]

    @property
    def revision(self) -> float:
        """New − old."""
        return self.new - self.old

    @property
    def relative(self) -> float | None:
        """(new − old) ÷ old; None where there was nothing."""
        return self.revision / self.old if self.old else None


@dataclass(frozen=True)
class Vintages:
    """All revisions of one estimate, total first; ``resolution`` says which pieces the split rests on."""

    old: Plain
    new: Plain
    method_changes: Mapping[str, tuple[Any, Any]]
    resolution: Mapping[str, str]
    rows: tuple[Revision, ...]


def pair(old: Sequence[Plain], new: Sequence[Plain]) -> list[tuple[Plain, Plain]]:
    """Match the estimates of two documents by date, precision, unit and basis.

    Where each holds one estimate, the basis may differ, and counts as method.

    Raises:
        InputError: nothing matches, with what stands on both sides.
    """
    if len(old) == len(new) == 1:
        _comparable(old[0], new[0])
        return [(old[0], new[0])]
    there = {_identity(one): one for one in new}
    pairs = [(one, there[_identity(one)]) for one in old if _identity(one) in there]
    if not pairs:
        sides = "; ".join(", ".join(" ".join(map(str, _identity(o))) for o in side) for side in (old, new))
        raise InputError(f"the two documents have no estimate of the same date, unit and basis ({sides})")
    return pairs


def _identity(one: Plain) -> tuple[Any, ...]:
    return (*(one.get(name) for name in _SAME), one.get("basis"))


def _comparable(old: Plain, new: Plain) -> None:
    differing = [name for name in _SAME if old.get(name) != new.get(name)]
    if differing:
        what = "; ".join(f"{name} {old.get(name)} and {new.get(name)}" for name in differing)
        raise MixedValuesError(
            f"only estimates of the same date, precision and unit can be compared (found {what}); "
            "estimate again with the same --as-of, --precision and --unit"
        )


def revisions(old: Plain, new: Plain, between: Plain | None = None) -> Vintages:
    """Compare two estimates, as plain data of ``flopcensus/estimate/1``.

    Args:
        old: the earlier release.
        new: the later one.
        between: the census of ``old`` valued by the method of ``new``; splits off the method exactly.

    Raises:
        MixedValuesError: date, precision or unit differ.
        InputError: ``between`` holds other deployments than ``old``, or another method than ``new``.
    """
    _comparable(old, new)
    if between is not None:
        _check_between(old, new, between)
    changes = method_changes(old, new)
    rows, resolution = [], {}
    for level in dict.fromkeys((*_levels(old), *_levels(new))):
        split = _Split(between or old, new, level, {} if between is not None else changes)
        resolution[level] = split.resolution
        before, middle, after = _rows(old, level), _rows(between or old, level), _rows(new, level)
        for code in dict.fromkeys((*before, *middle, *after)):
            rows.append(_revision(level, code, (before, middle, after), split))
    return Vintages(old, new, changes, resolution, tuple(rows))


def _check_between(old: Plain, new: Plain, between: Plain) -> None:
    _comparable(old, between)
    if between.get("entries_digest") != old.get("entries_digest"):
        raise InputError("the document between holds other deployments than the old one")
    if between.get("method_digest") != new.get("method_digest"):
        named = ", ".join(method_changes(between, new))
        raise InputError(f"the document between has another method than the new one (differs in {named})")


def method_changes(old: Plain, new: Plain) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, each with the old and the new value."""
    before, after = old.get("method") or {}, new.get("method") or {}
    names = dict.fromkeys((*before, *after))
    found = {n: (before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)}
    if old.get("basis") != new.get("basis"):
        found["basis"] = (old.get("basis"), new.get("basis"))
    return found


def _revision(level: str, code: str, sides: tuple[Mapping[str, Plain], ...], split: _Split) -> Revision:
    before, middle, after = (side.get(code) for side in sides)
    name = str(((after or before or middle) or {}).get("name", code))
    old, mid, new = _mean(before), _mean(middle), _mean(after)
    parts = split.parts(code, new - mid) if new != mid else dict.fromkeys(PARTS, 0.0)
    parts["method"] = fsum((parts["method"], mid, -old))
    return Revision(level, code, name, old, new, parts)


class _Split:
    """Splits the rows of one level by their pieces."""

    def __init__(self, old: Plain, new: Plain, level: str, changes: Mapping[str, Any]) -> None:
        self._crossing = _crossing(old, new, level)
        self._level = level
        self._old, self._new = old, new
        self._method = bool(changes)
        self._selecting = any(name in changes for name in _SELECTING)
        self.resolution = "row"
        if self._crossing:
            account, self.resolution = self._crossing
            self._known = tuple(_contributors(side, account, self.resolution) for side in (old, new))
            self._pieces = tuple(_pieces(side, account, level) for side in (old, new))

    def parts(self, code: str, revision: float) -> dict[str, float]:
        """Return the parts of one row's revision; they add up to it."""
        found: dict[str, list[float]] = {part: [] for part in PARTS}
        for before, after, id_ in self._pairs(code):
            found[self._reason(before, after, id_)].append(_mean(after) - _mean(before))
        parts = {part: fsum(values) for part, values in found.items()}
        # a row's mean and the sum of its pieces' differ in the last digits
        largest = max(PARTS, key=lambda part: abs(parts[part]))
        others = [-value for part, value in parts.items() if part != largest]
        parts[largest] = fsum((revision, *others))
        return parts

    def _pairs(self, code: str) -> Iterator[tuple[Plain | None, Plain | None, str]]:
        if not self._crossing:
            yield _rows(self._old, self._level).get(code), _rows(self._new, self._level).get(code), ""
            return
        before, after = (side.get(code, {}) for side in self._pieces)
        for key in dict.fromkeys((*before, *after)):
            one, other = before.get(key), after.get(key)
            yield one, other, codes_of(one or other or {}, self._crossing[0])[self.resolution]

    def _reason(self, before: Plain | None, after: Plain | None, id_: str) -> str:
        if not _traced(before) or not _traced(after):
            return "unattributed"
        if before is None or after is None:
            return self._came_or_went(id_)
        if before["entries_digest"] != after["entries_digest"]:
            return "unattributed" if self._method else "data"
        if before["facts_digest"] == after["facts_digest"]:
            return "method"
        return "unattributed" if self._method else "correction"

    def _came_or_went(self, id_: str) -> str:
        if id_ and all(id_ in known for known in self._known):
            # it is in both releases, and was moved from one row to another
            return "unattributed" if self._method else "correction"
        # another selection may have let it in; a whole row that appears may hold old deployments
        doubtful = self._selecting or (self._method and not id_)
        return "unattributed" if doubtful else "data"


def _traced(row: Plain | None) -> bool:
    return row is None or ("entries_digest" in row and "facts_digest" in row)


def _mean(row: Plain | None) -> float:
    return float(row["mean"]) if row is not None else 0.0


def _levels(one: Plain) -> list[str]:
    groups = dict.fromkeys(GROUP + group["level"] for group in one.get("groups", ()))
    return [TOTAL, *one["accounts"], *groups]


def _rows(one: Plain, level: str) -> dict[str, Plain]:
    if level == TOTAL:
        digests = {"entries_digest": one.get("entries_digest"), "facts_digest": one.get("census_digest")}
        return {TOTAL: {"name": TOTAL, **one["total"], **(digests if digests["entries_digest"] else {})}}
    if level.startswith(GROUP):
        of = level.removeprefix(GROUP)
        return {g["code"]: g for g in one.get("groups", ()) if g["level"] == of}
    return {row["code"]: row for row in one["accounts"].get(level, ())}


def _crossing(old: Plain, new: Plain, level: str) -> tuple[str, str] | None:
    """Find a crossing of the level with deployments or facilities that both documents have."""
    shared = [account for account in old["accounts"] if account in new["accounts"]]
    levels = "" if level == TOTAL else level.removeprefix(GROUP)
    for contributor in _CONTRIBUTORS:
        if account := account_with(shared, levels, contributor):
            return account, contributor
    return None


def _contributors(one: Plain, account: str, contributor: str) -> frozenset[str]:
    return frozenset(codes_of(row, account)[contributor] for row in one["accounts"][account])


def _pieces(one: Plain, account: str, level: str) -> dict[str, dict[str, Plain]]:
    """Return the rows of a crossing by the code of the row of ``level`` that they are part of."""
    pieces: dict[str, dict[str, Plain]] = {}
    for row in one["accounts"][account]:
        for code in _parents(one, codes_of(row, account), level):
            pieces.setdefault(code, {})[row["code"]] = row
    return pieces


def _parents(one: Plain, codes: Mapping[str, str], level: str) -> list[str]:
    if level == TOTAL:
        return [TOTAL]
    if not level.startswith(GROUP):
        return [code_on(codes, level)]
    of = level.removeprefix(GROUP)
    groups = (group for group in one.get("groups", ()) if group["level"] == of)
    return [group["code"] for group in groups if codes[of] in members_of(group)]
