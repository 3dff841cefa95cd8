"""The walk from a published figure to ours: one thing is changed a step, and each step's effect is kept.

Two totals of "AI compute" differ for several reasons at once. Here they are changed one at a time, in a
fixed order, so that the effects add up to the difference, holder by holder. Another order would give other
effects with the same sum: an effect is that of its step after all steps before it.

The unit needs care, since two steps change what an H100e is: the published figure counts H100e of the
8-bit peak, and the last step goes from peak to a measured basis. Every stage is therefore stated in H100e of
its own basis and precision, and in operations per second; which of them is shown is the reader's choice, and
shares are the same in both.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

from accounting.accounts.account import Quantiles, account
from accounting.accounts.levels import Levels
from accounting.accounts.repairs import PRECISION, Repair, repaired, repairs
from accounting.accounts.sized import resize
from accounting.capacity.bases import Basis, Denomination
from accounting.capacity.calibration import Calibration
from accounting.capacity.h100e import constant, load_h100e
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Ledger
from accounting.census.selection import RECIPES, Selection, select
from accounting.errors import UnknownNameError
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

Unit = Literal["h100e", "flops"]
START = "published"
# a step is named after what it changes; the first stage is the published figure itself
STEPS: Mapping[str, str] = {
    "precision": "from the file's H100e, of 8-bit peak, to its column of 16-bit dense operations",
    "repairs": "from the file's 16-bit figure to chips × data-sheet peak, where all are known",
    "duplicates": "duplicates and superseded phases left out, as we do",
    "status": "from the rows that its authors hold certain enough to all of a status we count",
    "date": "from their date and what came into service since 2019 to ours",
    "coverage": "from the rows of the file to the facilities of our census",
    "measurement": "from data-sheet peak to what was measured",
}


@dataclass(frozen=True)
class Published:
    """A figure that others published: the file it rests on, the column it sums and its date.

    ``h100e_op_per_s`` is what the publisher divides by. The column is taken as the publisher computed it,
    also where that was before a chip's data sheet came out.
    """

    name: str
    prefix: str
    file: str
    column: str
    denomination: Denomination
    h100e_op_per_s: float
    as_of: datetime.date
    source: str


PUBLISHED: Mapping[str, Published] = {
    "epoch-2025": Published(
        name="epoch-2025",
        prefix="epoch-clusters",
        file="Epoch AI's clusters file of June 2025",
        column="h100e",
        denomination=Denomination("8-bit", "peak", "H100e"),
        h100e_op_per_s=1.979e15,
        as_of=datetime.date(2025, 5, 31),
        source="https://epoch.ai/data/gpu-clusters",
    )
}


def published(name: str) -> Published:
    """Return a published figure by its name. Raises UnknownNameError."""
    if name not in PUBLISHED:
        raise UnknownNameError("published figure", name, PUBLISHED)
    return PUBLISHED[name]


@dataclass(frozen=True)
class Target:
    """Where the walk ends: our selection, basis and level; draws are those of the estimate."""

    selection: Selection
    basis: Basis = "delivered"
    levels: Levels = ("territory",)
    seed: int = 0
    draws: int = 10_000


@dataclass(frozen=True)
class Stage:
    """The total after a step, and each holder's part of it.

    ``flop_per_s`` holds the means by code, in operations per second of ``denomination``;
    ``h100e_op_per_s`` is what an H100e is in that denomination.
    """

    id: str
    denomination: Denomination
    h100e_op_per_s: float
    flop_per_s: Mapping[str, float]
    names: Mapping[str, str]
    total_flop_per_s: Quantiles
    deployments: int
    skipped: Mapping[str, int]

    def factor(self, unit: Unit) -> float:
        """Return what turns operations per second into ``unit``."""
        return 1.0 / self.h100e_op_per_s if unit == "h100e" else 1.0

    def total(self, unit: Unit) -> float:
        """Return the sum over holders; it does not depend on their order."""
        return math.fsum(self.flop_per_s.values()) * self.factor(unit)

    def amount(self, code: str, unit: Unit) -> float:
        """Return a holder's part, nought where it has none."""
        return self.flop_per_s.get(code, 0.0) * self.factor(unit)

    def share(self, code: str) -> float:
        """Return a holder's share of the total (0 to 1), the same in every unit."""
        total = self.total("flops")
        return self.amount(code, "flops") / total if total else 0.0


@dataclass(frozen=True)
class Step:
    """One change: the stage before and the stage after it."""

    before: Stage
    after: Stage

    @property
    def id(self) -> str:
        """What was changed, a key of ``STEPS``."""
        return self.after.id

    def effect(self, code: str, unit: Unit) -> float:
        """Return how far the step moves a holder's part; each side is in its own denomination."""
        return self.after.amount(code, unit) - self.before.amount(code, unit)

    def effect_on_total(self, unit: Unit) -> float:
        """Return how far the step moves the total."""
        return self.after.total(unit) - self.before.total(unit)

    def effect_on_share(self, code: str) -> float:
        """Return how far the step moves a holder's share (0.01 is one percentage point)."""
        return self.after.share(code) - self.before.share(code)


@dataclass(frozen=True)
class Bridge:
    """The whole walk. ``repairs`` are those of the published rows, the largest change first."""

    published: Published
    target: Target
    file: str
    census: str
    stages: tuple[Stage, ...]
    repairs: tuple[Repair, ...]
    warnings: tuple[str, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps between the stages."""
        return tuple(Step(one, other) for one, other in pairwise(self.stages))

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Return every holder of any stage, by its largest share in the first or the last one."""
        names = {code for stage in self.stages for code in stage.flop_per_s}
        first, last = self.stages[0], self.stages[-1]
        return tuple(sorted(names, key=lambda code: (-max(first.share(code), last.share(code)), code)))

    def name_of(self, code: str) -> str:
        """Return the name people read for a holder."""
        return next(stage.names[code] for stage in self.stages if code in stage.names)


def bridge(
    start: Published, theirs: Ledger, ours: Ledger, target: Target, facts: Facts, calibration: Calibration
) -> Bridge:
    """Walk from a published figure over ``theirs`` to our estimate over ``ours``.

    Raises:
        InputError: ``theirs`` lacks the columns that the published figure needs, or no H100e is defined for
            the target's basis.
    """
    _check(start, theirs)
    mended = repaired(theirs, facts)
    table = load_h100e(configs_root() / "h100e.yaml")
    by_chips = Valuer(facts, calibration, PRECISION, (target.basis,), target.seed, target.draws)
    stages = []
    for step, (selection, basis) in _plan(start, target).items():
        ledger = ours if step in {"coverage", "measurement"} else theirs if step in _OWN_FIGURES else mended
        precision = start.column if step == START else PRECISION
        # a file's own figures are taken as exact: one draw says all
        size = 1 if ledger.valued_by == "file" else target.draws
        valuer = replace(by_chips, precision=precision, bases=(basis,), values=ledger.valued_by, size=size)
        h100e = start.h100e_op_per_s if step == START else constant(table, basis, PRECISION)
        stages.append(_stage(step, ledger, selection, valuer, target.levels, h100e))
    before = {e.id: e for e in select(theirs, _published_selection(start)).entries}
    mends = tuple(repairs(before, mended))
    warnings = (*theirs.warnings, *ours.warnings)
    return Bridge(start, target, theirs.name, ours.name, tuple(stages), mends, warnings)


# stages valued by the figures of the file itself
_OWN_FIGURES = frozenset({START, "precision"})


def _check(start: Published, theirs: Ledger) -> None:
    lacking = [name for name in (start.column, PRECISION) if name not in theirs.columns]
    if theirs.valued_by != "file" or lacking:
        raise InputError(
            f"{theirs.name} does not hold the columns that {start.name} rests on ({', '.join(lacking)}); "
            f"name {start.file}: --file {start.prefix}:PATH"
        )


def _published_selection(start: Published) -> Selection:
    recipe = RECIPES[start.name]
    since = recipe.get("since")
    return Selection(
        start.as_of,
        since=datetime.date.fromisoformat(since) if since else None,
        standard_only=recipe.get("subset") == "standard",
        drop_superseded=recipe.get("superseded") == "drop",
        drop_duplicates=recipe.get("duplicates") == "drop",
        known_only=recipe.get("unknown") == "drop",
    )


def _plan(start: Published, target: Target) -> dict[str, tuple[Selection, Basis]]:
    """Return the selection and the basis of every stage: each changes what its step is named after."""
    wanted = target.selection
    theirs = _published_selection(start)
    unique = replace(theirs, drop_duplicates=wanted.drop_duplicates, drop_superseded=wanted.drop_superseded)
    counted = replace(unique, statuses=wanted.statuses, standard_only=wanted.standard_only)
    dated = replace(counted, as_of=wanted.as_of, since=wanted.since)
    return {
        START: (theirs, "peak"),
        "precision": (theirs, "peak"),
        "repairs": (theirs, "peak"),
        "duplicates": (unique, "peak"),
        "status": (counted, "peak"),
        "date": (dated, "peak"),
        "coverage": (wanted, "peak"),
        "measurement": (wanted, target.basis),
    }


def _stage(
    step: str, ledger: Ledger, selection: Selection, valuer: Valuer, levels: Levels, h100e: float
) -> Stage:
    (basis,) = valuer.bases
    chosen = select(ledger, selection)
    entries, skipped = chosen.entries, dict(chosen.skipped)
    if valuer.values == "chips":
        resized = resize(entries, valuer.facts, valuer.precision)
        entries, skipped = resized.entries, skipped | dict(resized.skipped)
    found = account(entries, valuer, (levels,), as_of=selection.as_of, skipped=skipped)[basis]
    factor = h100e if found.denomination.unit == "H100e" else 1.0
    rows = found.accounts[0].rows
    q = found.total
    return Stage(
        step,
        replace(found.denomination, unit="H100e"),
        h100e,
        {row.code: row.quantiles.mean * factor for row in rows},
        {row.code: row.name for row in rows},
        Quantiles(q.p5 * factor, q.p50 * factor, q.p95 * factor, q.mean * factor),
        found.deployments,
        found.skipped,
    )
