"""From a fleet's columns to the devices that are out of line, with the reasons and a bound on false alarms.

What a record says by itself is taken as it stands (`.stated`). Every other signal compares a device with its
peers (`.peers`). Each signal, by device or by node, gets an equal share of the false-alarm rate α, and that
share is divided by the number of devices or nodes (Bonferroni). In a fleet without a fault the chance of any
outlier at all is then at most α.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from bench.errors import InputError
from bench.fleets.comparability import groups_of, require_comparable
from bench.fleets.faults import Fault
from bench.fleets.gathering import Gathered, Rows
from bench.fleets.judging.baseline import Before, ratios_of, regressions, shifts
from bench.fleets.judging.peers import Cohort, beside_peers, families_of, tests_of
from bench.fleets.judging.robust import LEAST_NODES, centre_of, quantiles
from bench.fleets.judging.signals import Table, signals_of, table_of
from bench.fleets.judging.stated import by_themselves, faults_of, is_left_out
from bench.fleets.judging.verdicts import Distribution, Group, Judgement, Outlier

DEFAULT_RATE = 0.05


def judge(
    gathered: Gathered,
    withdrawn: Collection[int] = (),
    rate: float = DEFAULT_RATE,
    *,
    force: bool = False,
    before: Before | None = None,
) -> Judgement:
    """Judge every device of a fleet by its peers and by itself.

    Args:
        gathered: the records.
        withdrawn: places of records that do not count (`bench.fleets.reading.Reading.withdrawn`).
        rate: chance, at most, that a fleet without a fault shows any outlier; between 0 and 1.
        force: judge groups of devices that differ each apart, in place of refusing them.
        before: the same fleet at an earlier time.

    Raises:
        IncomparableError: devices of one kind differ, and ``force`` is off.
        InputError: the rate does not lie between 0 and 1.
    """
    if not 0 < rate < 1:
        raise InputError(f"the rate of false alarms must lie between 0 and 1 (found {rate:g})")
    faults = faults_of(gathered, frozenset(withdrawn))
    cohorts, notes = _cohorts(gathered, frozenset(withdrawn), faults, force), list[str]()
    for cohort in cohorts:
        notes.extend(_too_few(gathered, cohort))
        if before is not None:
            notes.extend(_compare(gathered, cohort, before))
    families = max(1, sum(sum(families_of(cohort)) for cohort in cohorts))
    outliers = [found for cohort in cohorts for found in by_themselves(gathered, cohort, faults)]
    for cohort in cohorts:
        outliers.extend(beside_peers(gathered, cohort, rate / families))
    compared = ((cohort.table, cohort.ratios) for cohort in cohorts if cohort.ratios is not None)
    return Judgement(
        groups=tuple(_group(gathered, cohort) for cohort in cohorts),
        distributions=tuple(
            one for number, cohort in enumerate(cohorts) for one in _distributions(number, cohort.table)
        ),
        outliers=tuple(sorted(outliers, key=_order)),
        tests=sum(tests_of(cohort) for cohort in cohorts),
        rate=rate,
        notes=tuple(notes),
        shifts=tuple(one for table, ratios in compared for one in shifts(table, ratios)),
    )


def _cohorts(
    gathered: Gathered, withdrawn: frozenset[int], faults: list[list[Fault]], force: bool
) -> list[Cohort]:
    """Devices that may be compared with one another, group by group, the largest first.

    Raises:
        IncomparableError: Devices of one kind differ, and ``force`` is off.
    """
    counted = [number for number, one in enumerate(gathered.devices) if one.places - withdrawn]
    alike = [gathered.devices[number].likeness for number in counted]
    if not force:
        require_comparable(alike)
    rows = gathered.rows(withdrawn)
    return [
        _cohort(gathered, rows, [counted[place] for place in group], faults) for group in groups_of(alike)
    ]


def _cohort(gathered: Gathered, rows: Rows, members: Sequence[int], faults: list[list[Fault]]) -> Cohort:
    nodes = np.array([gathered.devices[one].node for one in members])
    table = table_of(gathered, rows, members)
    learnt = len(np.unique(nodes)) >= LEAST_NODES
    signals = [one for one in signals_of(table) if np.isfinite(one.badness).any()] if learnt else []
    sick = np.array([is_left_out(faults[one]) for one in members])
    return Cohort(np.array(members), nodes, table, signals, sick, learnt)


def _group(gathered: Gathered, cohort: Cohort) -> Group:
    likeness = gathered.devices[cohort.devices[0]].likeness
    return Group(likeness, len(cohort.devices), len(np.unique(cohort.nodes)), cohort.learnt)


def _too_few(gathered: Gathered, cohort: Cohort) -> Iterator[str]:
    if not cohort.learnt:
        name, count = gathered.devices[cohort.devices[0]].description.name, len(np.unique(cohort.nodes))
        yield (
            f"{len(cohort.devices)} devices ({name}) of {count} nodes: no baseline is learnt from fewer than "
            f"{LEAST_NODES} nodes; only what a record says by itself is judged"
        )


def _compare(gathered: Gathered, cohort: Cohort, before: Before) -> Iterator[str]:
    """Set a group beside its baseline, and say what could not be compared."""
    ratios, different = ratios_of(gathered, [int(one) for one in cohort.devices], cohort.table, before)
    both = int(np.isfinite(ratios).any(axis=1).sum())
    if both:
        cohort.ratios = ratios
        if cohort.learnt:
            cohort.signals.extend(regressions(cohort.table, ratios))
    if both < len(cohort.devices):
        told = f", {different} of them because their hardware differs" if different else ""
        yield f"{len(cohort.devices) - both} devices are not in the baseline{told}"


def _order(one: Outlier) -> tuple[Any, ...]:
    strength = one.distance / one.limit if one.distance and one.limit else float("inf")
    return one.node, one.device or "", -strength, one.kind, one.signal, one.words


def _distributions(group: int, table: Table) -> Iterator[Distribution]:
    for place, metric in enumerate(table.metrics):
        logs = table.logs[:, place]
        logs = logs[np.isfinite(logs)]
        if len(logs):
            values = np.exp(logs)
            yield Distribution(
                group,
                metric.name,
                metric.unit,
                len(values),
                float(np.median(values)),
                centre_of(logs).scale,
                float(values.min()),
                float(values.max()),
                quantiles(values),
            )
