"""The columns of what commands print as CSV: which models say what stands in them, and what no model says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounting.census.facilities import Deployment, Facility
from accounting.lint.repairing import CHANGE_COLUMNS
from accounting.reference.accelerators import PRECISIONS, Accelerator
from accounting.reference.clouds import Cloud, CloudRegion
from accounting.reference.countries import Group, Membership
from accounting.reference.export_control import ExportRule
from accounting.reference.facts import load_facts
from accounting.reference.organisations import Organisation
from accounting.reference.programmes import Aim, Programme
from accounting.reference.programmes import Rate as ProgrammeRate
from bench.record import Result
from flopcensus.commands import bench_diff, convert, export, shares, vintages
from flopcensus.documents import (
    decode,
    export_control,
    fleet_history,
    lint,
    paper,
    plan,
    scenario,
    supply_cut,
    training_run,
)
from flopcensus.documents import fleet as fleet_rows
from flopcensus.documents.bridge import BRIDGE_COLUMNS
from flopcensus.documents.brief import BRIEF_COLUMNS
from flopcensus.documents.catalogue.tables import TABLES as CATALOGUE
from flopcensus.documents.compare import COMPARISON_COLUMNS
from flopcensus.documents.estimate_rows import ESTIMATE_COLUMNS, SERIES_COLUMNS
from flopcensus.documents.world import WORLD_COLUMNS
from flopcensus.outputs import bridge, claim, comparison, facts, fleet, results
from flopcensus.records.table import CSV_FIELDS


@dataclass(frozen=True)
class Printed:
    """The columns of a table, the models whose fields they are, and what no model says of them."""

    columns: Sequence[str]
    models: Sequence[type[Any]] = ()
    own: Mapping[str, str] | None = None


_RULES = {"name": "name for people"}
_ACCELERATORS = {
    "nation": "nation of the designer, ISO 3166 alpha-2",
    **{f"{p}_flop_per_s": f"dense peak in {p}, FLOP/s" for p in PRECISIONS},
    **{f"sparse_{p}_flop_per_s": f"peak in {p} with structured sparsity, FLOP/s" for p in PRECISIONS},
    "memory_bytes": "memory, bytes",
    "memory_bandwidth_bytes_per_s": "bandwidth of the memory, bytes per second",
    "interconnect_bandwidth_bytes_per_s": "between accelerators, both directions, bytes per second",
    "tdp_w": "thermal design power, watts",
    "die_area_mm2": "area of the compute dies, mm²",
}
_COUNTRIES = {
    "alpha2": "ISO 3166 alpha-2 code",
    "alpha3": "ISO 3166 alpha-3 code",
    "numeric": "ISO 3166 numeric code, three digits",
    "population": "people",
    "gdp_usd": "product a year, US dollars",
    "carbon_intensity_g_per_kwh": "of electricity, g CO2 equivalent a kWh",
    "industrial_electricity_price_usd_per_kwh": "for industry, US dollars a kWh",
    "pue": "mean facility power ÷ IT power",
    "years": "year that each figure is of",
}
_SITES = {
    "deployment": "id of the deployment",
    "facility": "id of the facility",
    "owners": "ids of the owners, joined by ;",
    "provider": "nations of the owners, joined by ;",
    "vendor": "designer of the accelerator",
    "vendor_nation": "nation of the designer",
    "power_w": "stated power, watts",
    "cost_usd": "stated cost, US dollars",
    "deployments": "how many",
    "kind": "how it is known",
}
_CLOUDS = {
    "nation": "nation of the provider",
    "region": "the provider's code",
    "offers accelerators": "whether accelerators are offered there; blank where the pages do not tell",
}
_PROGRAMMES = {
    "aim": "id of the aim",
    "claim": "as printed",
    "rate_flop_per_s": "the rate as it is read, FLOP/s",
    "power_w": "power of the sites, watts",
}
_UNRECORDED = {
    "count_low": "accelerators, 5th percentile",
    "count_best": "accelerators, median",
    "count_high": "accelerators, 95th percentile",
    "provider": "who controls them",
    "territory": "country that they stand in",
    "accelerator": "the model, or the one that stands for a mix",
    "in_service": "day from which they are counted",
}
_WORKLOADS = {
    "workload": "name of the workload",
    "family": "workloads of one kind",
    "unit": "unit of its result",
    "precisions": "number formats it can run in, joined by ;",
    "runs from": "the shortest budget that includes it",
    "summary": "what it is, in words",
    "flop": "how its operations are counted",
    "bytes": "how its bytes are counted",
}
_FRESHNESS = {
    "table": "table of facts",
    "family": "family of accelerators, or all",
    "citations": "figures with a source",
    **{
        kind: f"figures that are {kind}"
        for kind in ("measured", "published", "reported", "derived", "assumed")
    },
    "median age in years": "of their sources",
    "oldest": "date of the oldest source",
    "newest": "date of the newest source",
    "older than two years": "figures whose source is",
}
_CATALOGUE: Mapping[str, tuple[Sequence[type[Any]], Mapping[str, str]]] = {
    "accelerators": ((Accelerator,), _ACCELERATORS),
    "organisations": ((Organisation,), {}),
    "countries": ((), _COUNTRIES),
    "groups": ((Group, Membership), {}),
    "facilities": ((Deployment, Facility), _SITES),
    "sites": ((Facility,), _SITES),
    "clusters": ((), {"territory": "where it would stand", "deployments": "counts and models, in words"}),
    "clouds": ((Cloud, CloudRegion), _CLOUDS),
    "programmes": ((Aim, Programme, ProgrammeRate), _PROGRAMMES),
    "unrecorded": ((), _UNRECORDED),
    "export-rules": ((ExportRule,), {"classes": "classes of the rule, joined by ;"}),
    "measurements": ((results.Measured,), {"accelerator": "id of the accelerator"}),
    "workloads": ((), _WORKLOADS),
    "freshness": ((), _FRESHNESS),
}
_BENCH = {
    "ci95_low": "lower end of the 95 % interval, in 'unit'",
    "ci95_high": "upper end of the 95 % interval, in 'unit'",
}
_FLEET = {
    "node": "name of the node",
    "device": "name within the node",
    "accelerator": "id in the catalogue; blank where it is not known there",
    "model": "model as the driver names it",
    "workload": "name of the workload",
    "precision": "number format of the operands",
    "size": "sizes of the operands that were chosen",
    "metric": "what the value is a rate of",
    "unit": "unit of the value",
    "value": "median over rounds, in 'unit'",
    "steady_over_burst": "last half of a long run ÷ its first second",
    "clock_mhz": "median clock while it ran, MHz",
    "power_w": "mean power while it ran, watts",
    "temperature_c": "highest temperature while it ran, °C",
    "sick": "whether the device, or its node, should be drained",
    "kinds": "what is wrong with it, joined by blanks",
    "file": "the record",
}
_PAPER = {
    "table": "which of the tables that --table shows",
    "level": "territory or vendor; blank of one accelerator",
    "code": "code of the row, or id of the accelerator",
    "before": "the share first named, 0 to 1",
    "after": "the share then named, 0 to 1",
    **dict.fromkeys(("p5", "p50", "p95", "mean"), "of H100e, of B/s, or of after - before"),
}
_REPAIRS = {
    "line": "line of the file",
    "column": "column of the file",
    "old": "what stood there",
    "new": "what stands there now",
    "rule": "id of the rule that asked for it",
}
_READING = {
    "achievable_p5": "best matmul of the same accelerators, 5th percentile, exaFLOP/s",
    "achievable_p50": "its median, exaFLOP/s",
    "achievable_p95": "its 95th percentile, exaFLOP/s",
    "kind": "how the best matmul is known",
}
_QUANTITIES = {
    "quantity": "flop, days, chip_hours, energy_j, cost_usd, utilisation, and what interruptions cost",
    **dict.fromkeys(("p5", "p50", "p95", "mean"), "in 'unit'"),
}
_WORLD = {
    "section": "part of the page: total, inequality, concentration, or the name of a matrix",
    "level": "level, and what nations are weighted by",
    "code": "code of the row",
    "partner": "code of the column of a matrix",
    "unit": "unit of the percentiles and the mean; blank where they have none",
    "share": "share of the total, 0 to 1",
}


def printed() -> dict[str, Printed]:
    """Return what ``--format csv`` of each command holds, by the command."""
    known = load_facts()
    catalogue = {
        f"catalogue {name}": Printed(
            list(CATALOGUE[name](known)[0]), models, {"name": "name for people", **own}
        )
        for name, (models, own) in _CATALOGUE.items()
    }
    return {
        "bench": Printed(CSV_FIELDS, (Result,), _BENCH),
        "bench diff": Printed(bench_diff.COLUMNS, (fleet.ResultDifference,)),
        "bridge": Printed(BRIDGE_COLUMNS),
        "brief": Printed(BRIEF_COLUMNS),
        "brief WORLD": Printed(WORLD_COLUMNS, (), _WORLD),
        "calibrate --table": Printed(paper.COLUMNS, (), _PAPER),
        **catalogue,
        "compare": Printed(COMPARISON_COLUMNS),
        "convert": Printed(convert.COLUMNS, (facts.RowLeftOut,)),
        "decode": Printed(decode.CSV_COLUMNS, (claim.Reading,), _READING),
        "estimate": Printed(ESTIMATE_COLUMNS),
        "estimate --years": Printed(SERIES_COLUMNS),
        "export": Printed(export.COLUMNS, (facts.Withheld,)),
        "export-control": Printed(export_control.MODEL_COLUMNS, (facts.RuleVerdict,), _RULES),
        "export-control --country": Printed(export_control.COUNTRY_COLUMNS, (facts.CountryRule,)),
        "fleet": Printed(fleet_rows.COLUMNS, (), _FLEET),
        "fleet --history": Printed(
            fleet_history.COLUMNS,
            (fleet.HistoryFinding,),
            {"lost_low": "lower end of its 95 % interval", "lost_high": "upper end of it"},
        ),
        "lint": Printed(lint.COLUMNS, (claim.Finding,)),
        "lint --fix": Printed(CHANGE_COLUMNS, (), _REPAIRS),
        "plan": Printed(plan.COLUMNS, (comparison.MixRow,)),
        "scenario": Printed(scenario.COLUMNS),
        "shares": Printed(shares.COLUMNS, (facts.ShareOf,)),
        "supply-cut": Printed(supply_cut.COLUMNS),
        "training-run": Printed(training_run.COLUMNS, (), _QUANTITIES),
        "vintages": Printed(vintages.COLUMNS, (bridge.Revision, bridge.VintagesComparison)),
    }
