"""Where a run may take place: sites with their accelerators, from a census, a cluster or a count."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from accounting.accounts.sized import resize
from accounting.accounts.sized import warnings as sizing_warnings
from accounting.census.ledger import Entry, Ledger, by_model
from accounting.census.selection import Selection, select
from accounting.planning.clusters import Cluster, ClusterDeployment
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest
from bench.errors import InputError


@dataclass(frozen=True)
class Batch:
    """Accelerators of one model at a site; ``counts`` are by the name that each is drawn by.

    ``stated`` is the deployment of a cluster, which may state power, host overhead and price of its own.
    """

    accelerator: str
    counts: Mapping[str, Uncertain]
    kind: Kind
    stated: ClusterDeployment | None = None

    @property
    def accelerators(self) -> float:
        """The median number, Σ of the medians."""
        return sum(count.best for count in self.counts.values())


@dataclass(frozen=True)
class Site:
    """One place with one network between its accelerators; ``cluster`` where it is a hypothetical one."""

    id: str
    name: str
    territory: str | None
    sector: str | None
    batches: tuple[Batch, ...]
    cluster: Cluster | None = None

    @property
    def accelerators(self) -> float:
        """The median number of all models."""
        return sum(batch.accelerators for batch in self.batches)


@dataclass(frozen=True)
class Sites:
    """The sites of a question, what was left out by reason, and what a reader must know."""

    of: str
    sites: tuple[Site, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def of_accelerators(
    accelerator: str, count: Uncertain, territory: str | None, facts: Facts, precision: str
) -> Sites:
    """Return one site of so many accelerators.

    Raises:
        InputError: the accelerator's sheet states no peak in ``precision``, or there are none of it.
    """
    if count.low <= 0:
        raise InputError("--count must be above 0")
    _need_peak(accelerator, facts, precision)
    batch = Batch(accelerator, {f"count/{accelerator}": count}, "published")
    name = facts.label(accelerator)
    return Sites(f"{count.best:,.0f} × {name}", (Site("site", name, territory, None, (batch,)),))


def of_cluster(cluster: Cluster, facts: Facts, precision: str, as_of: datetime.date | None = None) -> Sites:
    """Return a hypothetical cluster as one site, with what is in service by ``as_of`` (all where None).

    Raises:
        InputError: nothing is in service by then, or an accelerator has no peak in ``precision``.
    """
    chosen = [
        d for d in cluster.deployments if as_of is None or d.in_service is None or d.in_service <= as_of
    ]
    if not chosen:
        raise InputError(f"nothing of {cluster.id} is in service by {as_of}")
    for d in chosen:
        _need_peak(d.accelerator, facts, precision)
    batches = [_batch(cluster, d) for d in chosen]
    parts = _merged(batches)
    site = Site(cluster.id, cluster.name, cluster.territory, cluster.sector, parts, cluster)
    gone = len(cluster.deployments) - len(chosen)
    return Sites(cluster.name, (site,), {f"in service after {as_of}": gone} if gone else {})


def _batch(cluster: Cluster, d: ClusterDeployment) -> Batch:
    if d.count is None:
        raise InputError(
            f"{cluster.id}: {d.id} states no count; a run needs numbers, give one or have them chosen"
        )
    counts = {f"count/{cluster.operator}/{d.accelerator}/{d.id}": d.count}
    return Batch(d.accelerator, counts, "published", d)


def of_census(
    ledger: Ledger,
    facts: Facts,
    precision: str,
    as_of: datetime.date,
    countries: frozenset[str] = frozenset(),
) -> Sites:
    """Return what operates at a date, a site a facility; batches known by power or cost are sized.

    Raises:
        InputError: no site is left.
    """
    chosen = select(ledger, Selection(as_of))
    left_out = Counter(chosen.skipped)
    within = [e for e in chosen.entries if not countries or e.territory in countries]
    left_out["in another territory"] = len(chosen.entries) - len(within)
    # with the row's own figures, so that further chips of no known model are left out as a first one is
    inside = [replace(part, values=entry.values) for entry in within for part in by_model(entry, facts)]
    resized = resize(inside, facts, precision)
    left_out.update(resized.skipped)
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in resized.entries:
        if entry.accelerator is None or entry.count is None or entry.count.best <= 0:
            left_out["no known accelerator and count"] += 1
        elif facts.accelerators[entry.accelerator].peak_flop_per_s(precision) is None:
            left_out[f"its accelerator has no {precision}"] += 1
        else:
            groups[entry.facility].append(entry)
    sites = tuple(_site(facility, entries) for facility, entries in sorted(groups.items()))
    if not sites:
        where = f" in {', '.join(sorted(countries))}" if countries else ""
        raise InputError(f"{ledger.name} has no accelerators with {precision} in operation on {as_of}{where}")
    said = (*ledger.warnings, *sizing_warnings(resized.summary))
    kept = {reason: number for reason, number in left_out.items() if number}
    return Sites(ledger.name, sites, kept, said)


def shared(site: Site, share: float) -> Site:
    """Return the part of a site that a run may have (share above 0, at most 1)."""
    if share == 1.0:
        return site
    parts = tuple(
        Batch(
            batch.accelerator,
            {name: _times(count, share) for name, count in batch.counts.items()},
            batch.kind,
            batch.stated,
        )
        for batch in site.batches
    )
    return Site(site.id, site.name, site.territory, site.sector, parts, site.cluster)


def _times(count: Uncertain, share: float) -> Uncertain:
    if count.exact:
        return exact(count.best * share)
    return Uncertain(count.low * share, count.best * share, count.high * share, count.family)


def _site(facility: str, entries: Sequence[Entry]) -> Site:
    first = entries[0]
    batches = [
        Batch(str(e.accelerator), {f"count/{e.id}": e.count}, e.kind) for e in entries if e.count is not None
    ]
    return Site(facility, first.facility_name, first.territory, first.sector, _merged(batches))


def _merged(batches: Iterable[Batch]) -> tuple[Batch, ...]:
    """Join batches of one model: to a run they are the same machine."""
    found: dict[tuple[str, str], Batch] = {}
    for batch in batches:
        key = (batch.accelerator, _of_its_own(batch))
        kept = found.get(key, batch)
        counts = {**kept.counts, **batch.counts}
        found[key] = replace(kept, counts=counts, kind=weakest((kept.kind, batch.kind)))
    return tuple(found.values())


def _of_its_own(batch: Batch) -> str:
    """Return what a deployment states of its accelerators, apart from how many there are and when."""
    keys = ("host_overhead", "power", "price", "embodied_carbon")
    return repr([getattr(batch.stated, key) for key in keys]) if batch.stated else ""


def _need_peak(accelerator: str, facts: Facts, precision: str) -> None:
    known = facts.accelerators[accelerator]
    if known.peak_flop_per_s(precision) is None:
        has = ", ".join(sorted(known.peaks()))
        raise InputError(f"{accelerator} has no peak in {precision} (its sheet states {has})")
