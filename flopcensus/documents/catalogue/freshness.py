"""How old the facts of the catalogue are, and how they are known."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flopcensus.documents.catalogue.rows import Row

if TYPE_CHECKING:
    from pydantic import BaseModel

    from accounting.reference.facts import Facts
    from accounting.reference.freshness import Cited


def freshness_rows(facts: Facts) -> list[Row]:
    """Return by table and family how many citations there are, of which kind and how old."""
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
