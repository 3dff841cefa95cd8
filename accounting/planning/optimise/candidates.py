"""Which deployments are open: those of a cluster file, named accelerators, or all that may be sold there."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from accounting.census.ledger import Entry
from accounting.planning.clusters import Cluster, ClusterDeployment, entries
from accounting.planning.export_rules import ExportRules, RuleFinding, judge
from accounting.quantities import exact
from accounting.reference.facts import Facts
from bench.errors import InputError


@dataclass(frozen=True)
class Open:
    """A cluster's open deployments, those that stay as stated, and what was left out by reason."""

    cluster: Cluster
    candidates: tuple[ClusterDeployment, ...]
    kept: tuple[ClusterDeployment, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    note: str = ""


def of_cluster(cluster: Cluster) -> Open:
    """Return what a cluster leaves open; where it leaves nothing open, all its counts are sought anew."""
    open_ones = tuple(d for d in cluster.deployments if d.count is None and d.share is None)
    if open_ones:
        kept = tuple(d for d in cluster.deployments if d not in open_ones)
        return Open(cluster, open_ones, kept)
    emptied = tuple(d.model_copy(update={"count": None, "share": None}) for d in cluster.deployments)
    return Open(cluster, emptied, (), note="the file leaves no count open: all are sought anew")


def of_accelerators(cluster: Cluster, accelerators: Sequence[str], *, keep: bool = False) -> Open:
    """Return one open deployment for each accelerator, in place of those that the cluster leaves open.

    They come into service on the cluster's last date. Deployments with a size stay where ``keep`` says so, or
    where the cluster leaves others open.
    """
    base = of_cluster(cluster)
    kept = cluster.deployments if keep and not base.kept and base.note else base.kept
    day = last_day(cluster)
    made = tuple(
        ClusterDeployment.model_construct(id=name, accelerator=name, in_service=day)
        for name in dict.fromkeys(accelerators)
    )
    note = "the stated deployments are not kept" if base.note and not kept else ""
    return Open(cluster, made, kept, note=note)


def last_day(cluster: Cluster) -> datetime.date | None:
    """Return the last date on which something comes into service, None where none is stated."""
    return max((d.in_service for d in cluster.deployments if d.in_service), default=None)


def importable(found: Open, facts: Facts, rules: ExportRules, day: datetime.date) -> Open:
    """Leave out candidates that a rule in force on ``day`` asks a licence for at the destination.

    A rule with a country cap asks for none until the cap is used; that is a limit of the problem (``capped``
    of what is asked). Where what is public does not decide, a candidate stays.
    """
    stays, gone = [], list(found.left_out)
    for candidate in found.candidates:
        asking = [f for f in judged(found.cluster, candidate, facts, rules, day) if f.in_force]
        needed = [f for f in asking if _stopped(f)]
        if needed:
            gone.append((candidate.id, f"{needed[0].rule.id}: {needed[0].text}"))
        else:
            stays.append(candidate)
    return replace(found, candidates=tuple(stays), left_out=tuple(gone))


def judged(
    cluster: Cluster, candidate: ClusterDeployment, facts: Facts, rules: ExportRules, day: datetime.date
) -> tuple[RuleFinding, ...]:
    """Return what each rule makes of one accelerator of a candidate."""
    return judge(_one(cluster, candidate, facts), cluster.territory, day, facts, rules)


def _stopped(found: RuleFinding) -> bool:
    if found.cap_used is not None:
        return any(batch.refused for batch in found.batches)
    return any(batch.licence for batch in found.batches)


def _one(cluster: Cluster, candidate: ClusterDeployment, facts: Facts) -> Sequence[Entry]:
    return entries(with_counts_of(cluster, (candidate,), (1.0,)), facts)


def with_counts_of(
    cluster: Cluster, candidates: Sequence[ClusterDeployment], counts: Sequence[float]
) -> Cluster:
    """Return the cluster with only these deployments, of these counts; those of none are left out."""
    sized = tuple(
        d.model_copy(update={"count": exact(float(n)), "share": None})
        for d, n in zip(candidates, counts, strict=True)
        if n > 0
    )
    if not sized:
        raise InputError(f"cluster {cluster.id}: nothing is chosen")
    return cluster.model_copy(update={"deployments": sized})
