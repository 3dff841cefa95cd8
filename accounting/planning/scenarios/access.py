"""Access scenarios: who has how much before and after capacity changes place, owner, operator or user.

Before and after share every draw, so that a change is known better than either. Moves are made one after
the other, each on what the one before left. Nothing that is moved is lost or made: every level's rows add
up to the same total before and after, draw by draw, unless the scenario states additions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.estimate import (
    Request,
    check_request,
    chosen_entries,
    h100e_constants,
    valuer_of,
)
from accounting.accounts.levels import LEVELS
from accounting.capacity.bases import Denomination, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import draw, standard_normal
from accounting.capacity.sums import Progress
from accounting.capacity.valuation import Skipped
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED
from accounting.planning.scenarios.origin import Weighted, reader
from accounting.planning.scenarios.parts import MOVED, Move, Part, UnstatedUse, codes_of, parts_of
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from bench.errors import InputError

# those of the sovereignty of compute first, then who may use it
SHOWN = ("territory", "provider", "operator_nation", "user_nation", "vendor_nation")


@dataclass(frozen=True)
class Change:
    """One holder on one level: capacity before and after, and the difference, by common draws."""

    code: str
    name: str
    before: Quantiles
    after: Quantiles
    change: Quantiles
    share_before: float
    share_after: float


@dataclass(frozen=True)
class Moved:
    """What one move moved: capacity, and of how many deployments; ``share`` is of what it selects."""

    id: str
    share: Uncertain
    capacity: Quantiles
    deployments: int


@dataclass(frozen=True)
class Scenario:
    """Moves with the share that each takes, and deployments that are added."""

    id: str
    name: str
    hypothetical: bool
    moves: tuple[tuple[Move, Uncertain], ...]
    additions: tuple[tuple[Entry, tuple[Part, ...]], ...] = ()
    unstated_use: UnstatedUse = "unknown"
    note: str | None = None
    sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Access:
    """The answer: totals and levels, before and after."""

    scenario: Scenario
    request: Request
    census: str
    denomination: Denomination
    before: Quantiles
    after: Quantiles
    levels: Mapping[str, tuple[Change, ...]]
    moved: tuple[Moved, ...]
    deployments: int
    skipped: Mapping[str, int]
    warnings: tuple[str, ...] = ()


def levels_shown(asked: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the levels to show: those asked for, else the main ones that accounts have."""
    return tuple(asked) or tuple(level for level in SHOWN if level in LEVELS or level in MOVED)


def shares_drawn(scenario: Scenario, seed: int, size: int) -> dict[str, Draws | float]:
    """Return the share that each move takes: a number where it is stated exactly, else draws."""
    return {
        move.id: share.best
        if share.exact
        else draw(share, standard_normal(seed, f"scenario/{scenario.id}/{move.id}", size))
        for move, share in scenario.moves
    }


def play(
    ledger: Ledger,
    request: Request,
    scenario: Scenario,
    facts: Facts,
    calibration: Calibration,
    levels: Sequence[str] = (),
    progress: Progress | None = None,
) -> Access:
    """Play a scenario on a census.

    Args:
        ledger: the census.
        request: what to count and how to value it, on one basis.
        scenario: the moves.
        facts: the reference facts.
        calibration: the efficiencies.
        levels: to show; the main ones where left out.
        progress: called with the deployments valued so far and those in all.

    Raises:
        InputError: a move selects nothing, or an addition cannot be valued.
    """
    check_request(ledger, request)
    entries, skipped, _ = chosen_entries(_with_plans(ledger, request), request, facts)
    run = _Run(request, scenario, facts, levels_shown(levels))
    valuer = valuer_of(ledger, request, facts, calibration)
    of = valuer.asked[-1]
    constants = h100e_constants(request)
    unit = constants[of] if constants else 1.0
    counted = dict(skipped)
    for done, entry in enumerate(entries, 1):
        if progress is not None:
            progress(done, len(entries))
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            counted[valued.reason] = counted.get(valued.reason, 0) + 1
            continue
        run.add(entry, valued.capacity[of].draws / unit)
    for entry, parts in scenario.additions:
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            raise InputError(f"scenario {scenario.id}: {entry.id} cannot be valued: {valued.reason}")
        run.grow(entry, parts, valued.capacity[of].draws / unit)
    plain = valuer.denomination(of)
    denomination = replace(plain, unit="H100e") if constants else plain
    return run.close(ledger, denomination, counted)


def _with_plans(ledger: Ledger, request: Request) -> Ledger:
    """Return a ledger whose plans count on the day that is asked about: a scenario says what, not when."""
    day = request.selection.as_of

    def dated(entry: Entry) -> Entry:
        late = entry.in_service is None or entry.in_service > day
        return replace(entry, in_service=day) if late and entry.status in PLANNED else entry

    return replace(ledger, entries=tuple(dated(entry) for entry in ledger.entries))


@dataclass
class _Run:
    """Sums by level and code, before and after (shape: draws)."""

    request: Request
    scenario: Scenario
    facts: Facts
    levels: tuple[str, ...]
    deployments: int = 0

    def __post_init__(self) -> None:
        size = self.request.draws
        self.drawn = shares_drawn(self.scenario, self.request.seed, size)
        self.read = reader(self.facts)

        def sums() -> dict[str, Draws]:
            return defaultdict(lambda: np.zeros(size))

        self.before = {level: sums() for level in self.levels}
        self.after = {level: sums() for level in self.levels}
        self.total_before, self.total_after = np.zeros(size), np.zeros(size)
        self.moved = {move.id: np.zeros(size) for move, _ in self.scenario.moves}
        self.touched: dict[str, int] = defaultdict(int)

    def add(self, entry: Entry, draws: Draws) -> None:
        """Add a deployment, as it is and as the moves make it."""
        self.deployments += 1
        read = self._reading(entry)
        parts = parts_of(entry, self.facts, self.scenario.unstated_use)
        self._sum(self.before, parts, read, draws)
        for move, _ in self.scenario.moves:
            parts, moved = move.apply(parts, read)
            if moved:
                self.touched[move.id] += 1
                self.moved[move.id] += draws * sum(part.weight(self.drawn) for part in moved)
        self._sum(self.after, parts, read, draws)
        self.total_before += draws
        self.total_after += draws

    def grow(self, entry: Entry, parts: Sequence[Part], draws: Draws) -> None:
        """Add what is there only afterwards."""
        self._sum(self.after, parts, self._reading(entry), draws)
        self.total_after += draws

    def _reading(self, entry: Entry) -> Callable[[str], Weighted]:
        return lambda level: self.read(entry, level)

    def _sum(
        self,
        sums: Mapping[str, dict[str, Draws]],
        parts: Sequence[Part],
        read: Callable[[str], Weighted],
        draws: Draws,
    ) -> None:
        for part in parts:
            held = draws * part.weight(self.drawn)
            for level in self.levels:
                for code, weight in codes_of(part, level, read):
                    sums[level][code] += held * weight

    def close(self, ledger: Ledger, denomination: Denomination, skipped: Mapping[str, int]) -> Access:
        """Summarise."""
        for move, _ in self.scenario.moves:
            if not self.touched[move.id]:
                raise InputError(
                    f"scenario {self.scenario.id}: the move {move.id} selects nothing that is counted; "
                    "look at its selection, or at the statuses that are counted"
                )
        return Access(
            scenario=self.scenario,
            request=self.request,
            census=ledger.name,
            denomination=denomination,
            before=Quantiles.of(self.total_before),
            after=Quantiles.of(self.total_after),
            levels={level: self._changes(level) for level in self.levels},
            moved=tuple(
                Moved(move.id, share, Quantiles.of(self.moved[move.id]), self.touched[move.id])
                for move, share in self.scenario.moves
            ),
            deployments=self.deployments,
            skipped=skipped,
            warnings=(*ledger.warnings, *self._warnings()),
        )

    def _changes(self, level: str) -> tuple[Change, ...]:
        size = self.request.draws
        before, after = self.before[level], self.after[level]
        whole_before = float(np.mean(self.total_before))
        whole_after = float(np.mean(self.total_after))
        rows = []
        for code in {**before, **after}:
            then, now = before.get(code, np.zeros(size)), after.get(code, np.zeros(size))
            rows.append(
                Change(
                    code,
                    self.facts.label(code),
                    Quantiles.of(then),
                    Quantiles.of(now),
                    Quantiles.of(now - then),
                    float(np.mean(then)) / whole_before if whole_before else 0.0,
                    float(np.mean(now)) / whole_after if whole_after else 0.0,
                )
            )
        return tuple(sorted(rows, key=lambda row: (-row.change.mean, -row.after.mean, row.code)))

    def _warnings(self) -> tuple[str, ...]:
        said = []
        if self.scenario.hypothetical:
            said.append(f"the scenario {self.scenario.id} is hypothetical: {self.scenario.name}")
        if "user_nation" in self.levels and self.scenario.unstated_use == "provider":
            said.append("use that nobody states is taken for the owner's (unstated_use: provider)")
        return tuple(said)
