"""The tables of the catalogue: each a list of rows of plain values, with the sources they rest on."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from accounting.reference.facts import Facts
    from accounting.reference.freshness import Cited

Row = dict[str, Any]


def _accelerators(facts: Facts) -> list[Row]:
    from accounting.reference.accelerators import PRECISIONS

    return [
        {
            "id": a.id,
            "name": a.name,
            "designer": a.designer,
            "nation": facts.nation_of(a.designer),
            "status": a.status,
            "released": a.released,
            "kind": a.kind,
            "family": a.family,
            "foundry": a.foundry,
            "process": a.process,
            "packager": a.packager,
            "memory_suppliers": a.memory_suppliers,
            **{f"{p}_flop_per_s": a.peak_flop_per_s(p) for p in PRECISIONS},
            **{f"sparse_{p}_flop_per_s": a.rate_flop_per_s(p, sparse=True) for p in PRECISIONS},
            "memory_bytes": a.memory,
            "memory_type": a.memory_type,
            "memory_bandwidth_bytes_per_s": a.memory_bandwidth,
            "interconnect": a.interconnect,
            "interconnect_bandwidth_bytes_per_s": a.interconnect_bandwidth,
            "tdp_w": a.tdp,
            "die_area_mm2": a.die_area,
            "source": _urls(a.sources),
        }
        for a in facts.accelerators.values()
    ]


def _urls(sources: Iterable[Any]) -> str:
    return " ".join(source.url for source in sources)


def _organisations(facts: Facts) -> list[Row]:
    return [
        {
            "id": o.id,
            "name": o.name,
            "nation": o.nation,
            "kind": o.kind,
            "parent": o.parent,
            "date": o.date,
            "source": o.source,
        }
        for o in facts.organisations.values()
    ]


def _countries(facts: Facts) -> list[Row]:
    from accounting.reference.country_figures import UNITS, load_country_figures
    from accounting.reference.shipped import configs_root

    path = configs_root() / "country_figures.csv"
    found = load_country_figures(path, facts.countries) if path.is_file() else {}
    rows = []
    for c in facts.countries.values():
        figures = {name: found.get((c.alpha2, name)) for name in UNITS}
        row: Row = {"alpha2": c.alpha2, "alpha3": c.alpha3, "numeric": c.numeric, "name": c.name}
        row |= {name: figure.value if figure else None for name, figure in figures.items()}
        row["years"] = ", ".join(f"{name} {figure.year}" for name, figure in figures.items() if figure)
        row["source"] = " ".join(dict.fromkeys(figure.source for figure in figures.values() if figure))
        rows.append(row)
    return rows


def _groups(facts: Facts) -> list[Row]:
    return [
        {
            "code": group.code,
            "country": member.country,
            "since": member.since,
            "until": member.until,
            "source": group.source,
        }
        for group in facts.groups.values()
        for member in group.members
    ]


def _facilities(facts: Facts) -> list[Row]:
    from accounting.census.sources import load_census

    frame = load_census([], facts).to_frame()
    texts = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in texts.to_dict("records")]


def _sites(facts: Facts) -> list[Row]:
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
            "source": _urls(f.sources),
        }
        for f in shipped_facilities(facts)
    ]


def _clusters(facts: Facts) -> list[Row]:
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


def _measurements(facts: Facts) -> list[Row]:
    from accounting.capacity.calibration import load_calibration

    return [
        {
            "accelerator": m.accelerator,
            "basis": m.basis,
            "precision": m.precision or m.regime,
            "metric": m.metric,
            "achieved_flop_per_s": m.achieved,
            "achieved_bytes_per_s": m.achieved_bandwidth,
            "fraction": m.fraction.best if m.fraction else None,
            "software": m.software,
            "date": m.date,
            "kind": m.kind,
            "source": m.source,
        }
        for m in load_calibration(facts).measurements
    ]


def _clouds(facts: Facts) -> list[Row]:
    from accounting.reference.clouds import load_clouds
    from accounting.reference.shipped import configs_root

    return [
        {
            "provider": cloud.provider,
            "nation": facts.nation_of(cloud.provider),
            "region": region.code,
            "territory": region.territory,
            "location": region.location,
            "accelerators": region.accelerators,
            "designers": tuple(
                dict.fromkeys(
                    (*(facts.accelerators[a].designer for a in region.accelerators), *region.designers)
                )
            ),
            "offers accelerators": "unknown"
            if region.unknown
            else bool(region.accelerators or region.designers),
            "date": cloud.date,
            "source": _urls(cloud.sources),
        }
        for cloud in load_clouds(configs_root() / "clouds", facts)
        for region in cloud.regions
    ]


def _programmes(facts: Facts) -> list[Row]:
    from accounting.reference.programmes import load_programmes
    from accounting.reference.shipped import configs_root

    return [
        {
            "id": programme.id,
            "nation": programme.nation,
            "aim": aim.id,
            "state": aim.state,
            "by": aim.by,
            "claim": aim.rate.claim if aim.rate else None,
            "rate_flop_per_s": aim.rate.flop_per_s.best if aim.rate else None,
            "precision": f"{aim.rate.precision}{' sparse' if aim.rate.sparse else ''}" if aim.rate else None,
            "accelerators": aim.accelerators.best if aim.accelerators else None,
            "accelerator": aim.accelerator,
            "power_w": aim.power.best if aim.power else None,
            "sites": aim.sites.best if aim.sites else None,
            "kind": aim.kind,
            "source": aim.source,
        }
        for programme in load_programmes(configs_root() / "programmes", facts).values()
        for aim in programme.aims
    ]


def _unrecorded(facts: Facts) -> list[Row]:
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


def _export_rules(_: Facts) -> list[Row]:
    from accounting.reference.export_control import load_export_rules
    from accounting.reference.shipped import configs_root

    return [
        {
            "id": rule.id,
            "name": rule.name,
            "since": rule.since,
            "until": rule.until,
            "classes": tuple(item.name for item in rule.classes),
            "destinations": rule.destinations,
            "citation": rule.citation,
            "source": rule.source,
        }
        for rule in load_export_rules(configs_root() / "export_rules.yaml")
    ]


def _workloads(_: Facts) -> list[Row]:
    import inspect

    from bench.workloads import load_grouped, load_workloads, shortest_mode

    alone = load_workloads()
    return [
        {
            "workload": one.name,
            "family": one.family,
            "unit": one.unit,
            "precisions": one.precisions,
            "runs from": shortest_mode(one) if one.name in alone else "asked for",
            "summary": one.summary,
            "flop": inspect.getdoc(type(one).flop) or "",
            "bytes": inspect.getdoc(type(one).bytes_moved) or "",
        }
        for one in (*alone.values(), *load_grouped().values())
    ]


def _freshness(facts: Facts) -> list[Row]:
    from accounting.reference.freshness import freshness

    return [
        {
            "table": one.table,
            "family": one.family,
            "citations": one.citations,
            **one.kinds,
            "median age in years": round(one.median_age_days / 365.25, 1),
            "oldest": one.oldest,
            "newest": one.newest,
            "older than two years": one.stale,
        }
        for one in freshness(all_citations(facts), datetime.datetime.now().date())
    ]


def all_citations(facts: Facts) -> list[Cited]:
    """Return every citation of the shipped facts, with what it stands for."""
    from accounting.capacity.calibration import load_calibration
    from accounting.census.facilities import shipped_facilities
    from accounting.census.unrecorded import load_unrecorded
    from accounting.planning.clusters import load_cluster, shipped_clusters
    from accounting.reference.clouds import load_clouds
    from accounting.reference.export_control import load_export_rules
    from accounting.reference.freshness import citations
    from accounting.reference.programmes import load_programmes
    from accounting.reference.shipped import configs_root

    root = configs_root()
    clusters = [load_cluster(path, facts) for path in shipped_clusters().values()]
    tables: Sequence[tuple[str, Iterable[BaseModel], str]] = (
        ("accelerators", facts.accelerators.values(), "family"),
        ("organisations", facts.organisations.values(), "kind"),
        ("groups", facts.groups.values(), ""),
        ("facilities", shipped_facilities(facts), "territory"),
        ("measurements", load_calibration(facts).measurements, "basis"),
        ("clusters", clusters, ""),
        ("clouds", load_clouds(root / "clouds", facts), "provider"),
        ("programmes", load_programmes(root / "programmes", facts).values(), "nation"),
        ("unrecorded", load_unrecorded(root / "unrecorded", facts), ""),
        ("export-rules", load_export_rules(root / "export_rules.yaml"), ""),
    )
    return [cited for table, rows, family in tables for cited in citations(table, rows, family)]


TABLES: Mapping[str, Callable[[Facts], list[Row]]] = {
    "accelerators": _accelerators,
    "organisations": _organisations,
    "countries": _countries,
    "groups": _groups,
    "facilities": _facilities,
    "sites": _sites,
    "clusters": _clusters,
    "clouds": _clouds,
    "programmes": _programmes,
    "unrecorded": _unrecorded,
    "export-rules": _export_rules,
    "measurements": _measurements,
    "workloads": _workloads,
    "freshness": _freshness,
}


def plain(value: Any) -> Any:
    """Return a value as JSON and CSV take it: dates as text, lists joined by '; '."""
    if isinstance(value, (tuple, list)):
        return "; ".join(map(str, value))
    return value.isoformat() if hasattr(value, "isoformat") else value
