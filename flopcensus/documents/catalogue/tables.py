"""The tables of the catalogue: each a list of rows of plain values, with the sources they rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flopcensus.documents.catalogue.census import clusters, facilities, sites, unrecorded
from flopcensus.documents.catalogue.freshness import freshness_rows
from flopcensus.documents.catalogue.measured import measurements, workloads
from flopcensus.documents.catalogue.reference import (
    accelerators,
    clouds,
    countries,
    export_rules,
    groups,
    organisations,
    programmes,
)
from flopcensus.documents.catalogue.rows import Row

if TYPE_CHECKING:
    from accounting.reference.facts import Facts


TABLES: Mapping[str, Callable[[Facts], list[Row]]] = {
    "accelerators": accelerators,
    "organisations": organisations,
    "countries": countries,
    "groups": groups,
    "facilities": facilities,
    "sites": sites,
    "clusters": clusters,
    "clouds": clouds,
    "programmes": programmes,
    "unrecorded": unrecorded,
    "export-rules": export_rules,
    "measurements": measurements,
    "workloads": workloads,
    "freshness": freshness_rows,
}
