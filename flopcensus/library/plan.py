"""The best mix of accelerators within limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.library.answer import QUANTILES, Answer, table
from flopcensus.library.asking import (
    Day,
    Evidence,
    Pairs,
    Paths,
    Texts,
    asked,
    meter_of,
    without,
)

if TYPE_CHECKING:
    import pandas as pd

    from flopcensus.answering.plan import PlanAnswer

_MIX = ("accelerator", "name", "count", "unit", "stays", "share")


@dataclass(frozen=True, repr=False, eq=False)
class Plan(Answer):
    """The mix that does most, or costs least, and what binds it."""

    _found: PlanAnswer = field(repr=False)
    _config: str = ""

    @property
    def feasible(self) -> bool:
        """Whether a mix keeps all limits."""
        return self._found.plan.mix is not None

    @property
    def verdict(self) -> str:
        """What was found, or which limits clash, in one line."""
        from flopcensus.tables.plan import verdict

        return verdict(self._found.plan)

    @cached_property
    def mix(self) -> pd.DataFrame:
        """Counts, in units of so many, and shares of the goal, by deployment; empty without a plan."""
        found = self._document["mix"]
        return table(found["deployments"] if found else (), ("deployment",), _MIX)

    @cached_property
    def limits(self) -> pd.DataFrame:
        """What is allowed and planned, indexed by limit; ``goal_per_unit`` is what one more unit gives."""
        columns = ("sense", "value", "unit", "held", "binds", "goal_per_unit")
        return table(self._document["limits"], ("limit",), columns)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Power, cost, carbon, … of the mix, indexed by quantity; empty without a plan."""
        value = self._document["value"]
        rows = [{"quantity": name, **row} for name, row in (value["metrics"] if value else {}).items()]
        return table(rows, ("quantity",), ("label", "unit", *QUANTILES))

    @cached_property
    def frontier(self) -> pd.DataFrame:
        """The goal by the largest share of one code, by (share, deployment); empty unless asked for."""
        rows = [
            {"share_allowed": point["share"], "goal_p50": point["mix"]["goal"]["p50"], **row}
            for point in self._document["frontier"]
            if point["mix"]
            for row in point["mix"]["deployments"]
        ]
        return table(rows, ("share_allowed", "deployment"), ("accelerator", "count", "share", "goal_p50"))

    def to_yaml(self) -> str:
        """Return the cluster as YAML, which `compare` and ``flopcensus compare`` take.

        Raises:
            InputError: no mix keeps all limits.
        """
        from accounting.planning.optimise.cluster_file import cluster_yaml
        from bench.errors import InputError

        if not self.feasible:
            raise InputError(self.verdict)
        return cluster_yaml(self._config, self._found.plan)

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus plan --format json`` prints."""
        from flopcensus.documents.plan import document

        return document(self._found)

    def to_csv(self) -> str:
        """Return what ``flopcensus plan --format csv`` prints."""
        from flopcensus.documents.plan import csv

        return csv(self._found)

    def _title(self) -> str:
        return self.verdict

    def _shown(self) -> dict[str, pd.DataFrame]:
        return {"mix": self.mix, "limits": self.limits} if self.feasible else {"limits": self.limits}


def plan(
    config: str | Path,
    *,
    maximise: str | None = None,
    minimise: str | None = None,
    at_least: Pairs = (),
    at_most: Pairs = (),
    power: str | None = None,
    it_power: str | None = None,
    budget: str | None = None,
    yearly_cost: str | None = None,
    max_share: Pairs = (),
    min_share: Pairs = (),
    max_count: Pairs = (),
    min_count: Pairs = (),
    accelerators: Texts | None = None,
    importable: bool = False,
    export_cap: Texts = (),
    on: Day | None = None,
    keep: bool = False,
    unit: Pairs | int = (),
    precision: str = "bf16",
    basis: str = "delivered",
    robust: float | None = None,
    sure: float = 0.5,
    frontier: str | None = None,
    overlay: Paths = (),
    calibration: Evidence = (),
    draws: int = 10_000,
    seed: int = 0,
    progress: bool = False,
) -> Plan:
    """Find the counts that do most, or cost least, within limits. Needs the extra ``planning``.

    Args:
        config: a cluster (YAML, or a shipped id); deployments without a count are sought.
        maximise: a basis, bytes-per-s, tpp, run, …; delivered where left out.
        minimise: cost, capital, power, energy, carbon, water, ….
        at_least: ``"5 EFLOP/s"`` of ``basis``, or QUANTITY=VALUE, or a mapping.
        at_most: QUANTITY=VALUE, or a mapping such as ``{"carbon": "5000 t"}``.
        power: at most, at the meter at full load, with its unit; the file's power_cap where left out.
        it_power: at most, of IT at full load.
        budget: capital at most; the file's budget where left out.
        yearly_cost: cost a year at most.
        max_share: LEVEL:CODE=SHARE, or a mapping such as ``{"vendor:US": 0.6}``.
        min_share: likewise.
        max_count: ACCELERATOR=NUMBER, or a mapping.
        min_count: likewise.
        accelerators: candidates, in place of those the file leaves open.
        importable: leave out what needs an export licence.
        export_cap: export rules whose country cap must suffice.
        on: date of the export rules.
        keep: keep all deployments with a count as they stand.
        unit: counts are multiples: a number, or a mapping by accelerator.
        precision: of capacity.
        basis: of ``at_least``, and of shares then.
        robust: make best this percentile (0 to 1) in place of the median.
        sure: probability with which limits are kept.
        frontier: LEVEL or LEVEL:CODE: the best mix by the largest share of one code.
        overlay: files that correct or add facts.
        calibration: as for `estimate`.
        draws: draws of what is uncertain.
        seed: the same seed gives the same figures.
        progress: say on stderr how far it is.

    Raises:
        InputError: and its kin, with the message of the command line.
        MissingExtraError: scipy is not installed.
    """
    given = without(locals(), "config", "calibration", "progress")
    from flopcensus.answering.plan import run_plan

    if accelerators is not None and not isinstance(accelerators, str):
        given["accelerators"] = ",".join(accelerators)
    with asked("plan", given, calibration) as options:
        return Plan(run_plan(str(config), options, meter_of(progress)), str(config))
