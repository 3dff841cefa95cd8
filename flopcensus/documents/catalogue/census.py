"""Tables of the catalogue that hold what stands somewhere, or might."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flopcensus.documents.catalogue.rows import Row, frame_rows, urls

if TYPE_CHECKING:
    from accounting.reference.facts import Facts


def facilities(facts: Facts) -> list[Row]:
    """Return the deployments of the shipped census: a row for each, with medians of counts."""
    from accounting.census.sources import load_census

    return frame_rows(load_census([], facts).to_frame())


def sites(facts: Facts) -> list[Row]:
    """Return the facilities of the shipped census; power in W."""
    from accounting.census.facilities import shipped_facilities

    return [
        {
            "id": f.id,
            "name": f.name,
            "territory": f.territory,
            "location": f.location,
            "owners": tuple(holding.organisation for holding in f.owners),
            "operator": f.operator,
            "sector": f.sector,
            "users": f.users,
            "power_w": f.power.value.best if f.power else None,
            "deployments": len(f.deployments),
            "same_as": f.same_as,
            "source": urls(f.sources),
        }
        for f in shipped_facilities(facts)
    ]


def clusters(facts: Facts) -> list[Row]:
    """Return the shipped clusters that `compare` and `plan` take by their id."""
    from accounting.planning.clusters import load_cluster, shipped_clusters

    return [
        {
            "id": cluster.id,
            "name": cluster.name,
            "territory": cluster.territory,
            "deployments": "; ".join(
                f"{d.count.best:,.0f} {d.accelerator}" if d.count else d.accelerator
                for d in cluster.deployments
            ),
            "source": " ".join(
                dict.fromkeys(fact.source for fact in (cluster.pue, cluster.host_overhead) if fact)
            ),
        }
        for cluster in (load_cluster(path, facts) for path in shipped_clusters().values())
    ]


def unrecorded(facts: Facts) -> list[Row]:
    """Return estimates of accelerators that stand in no list, with the range of their counts."""
    from accounting.census.unrecorded import load_unrecorded
    from accounting.reference.shipped import configs_root

    return [
        {
            "id": one.id,
            "name": one.name,
            "territory": one.territory,
            "provider": one.provider,
            "accelerator": one.accelerator,
            "count_low": one.count.value.low,
            "count_best": one.count.value.best,
            "count_high": one.count.value.high,
            "in_service": one.in_service,
            "kind": one.count.kind,
            "source": one.count.source,
        }
        for one in load_unrecorded(configs_root() / "unrecorded", facts)
    ]
