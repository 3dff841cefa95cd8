"""Tables of the catalogue that hold reference facts: who, where, which chip, which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flopcensus.documents.catalogue.rows import Row, urls

if TYPE_CHECKING:
    from accounting.reference.facts import Facts


def accelerators(facts: Facts) -> list[Row]:
    """Return the data sheets of accelerators; columns name their units."""
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
            "source": urls(a.sources),
        }
        for a in facts.accelerators.values()
    ]


def organisations(facts: Facts) -> list[Row]:
    """Return owners, operators, designers and makers, with the nation that each is of."""
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


def countries(facts: Facts) -> list[Row]:
    """Return countries with their figures, such as population, and the years these are of."""
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


def groups(facts: Facts) -> list[Row]:
    """Return who is, or was, a member of which group of nations."""
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


def clouds(facts: Facts) -> list[Row]:
    """Return the regions of public clouds, and which accelerators each offers."""
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
            "source": urls(cloud.sources),
        }
        for cloud in load_clouds(configs_root() / "clouds", facts)
        for region in cloud.regions
    ]


def programmes(facts: Facts) -> list[Row]:
    """Return the aims of national programmes: FLOP/s, accelerators, W or sites."""
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


def export_rules(_: Facts) -> list[Row]:
    """Return rules on the export of accelerators; they are the same with any facts."""
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
