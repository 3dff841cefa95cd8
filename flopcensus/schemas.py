"""JSON Schemas of all files that people write, of records, and of the documents that commands print as JSON.

An editor that knows a file's schema completes its keys, names the units, and marks what is wrong. A schema is
made when it is asked for: the models are the one truth, and a copy beside them could fall behind.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounting.reference.facts import Facts

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_READERS = "accounting.census.readers"


@dataclass(frozen=True)
class Kind:
    """A kind of file: the model that reads it, what it is, and which of the shipped files are of it."""

    model: str
    title: str
    files: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "facilities": Kind(
        "accounting.census.facilities:FacilityFile", "Facilities and what stands in them", ("facilities",)
    ),
    "cluster": Kind("accounting.planning.clusters:ClusterFile", "A hypothetical cluster", ("clusters",)),
    "study": Kind(
        "flopcensus.studies.spec:StudyFile", "A study: everything that one analysis asks", ("studies",)
    ),
    "calibration": Kind(
        "accounting.capacity.efficiency.measurements:MeasurementFile",
        "Measurements that calibrate estimates",
        ("calibration",),
    ),
    "accelerators": Kind(
        "accounting.reference.accelerators:AcceleratorFile", "Data sheets of accelerators", ("accelerators",)
    ),
    "organisations": Kind(
        "accounting.reference.organisations:OrganisationFile",
        "Owners, operators, designers and makers",
        ("organisations",),
    ),
    "groups": Kind("accounting.reference.countries:GroupFile", "Groups of nations", ("groups.yaml",)),
    "clouds": Kind("accounting.reference.clouds:CloudFile", "Regions of a public cloud", ("clouds",)),
    "programmes": Kind(
        "accounting.reference.programmes:ProgrammeFile", "National programmes and their aims", ("programmes",)
    ),
    "unrecorded": Kind(
        "accounting.census.unrecorded:UnrecordedFile", "Estimates of accelerators in no list", ("unrecorded",)
    ),
    "export-rules": Kind(
        "accounting.reference.export_control:ExportRuleFile",
        "Rules on the export of accelerators",
        ("export_rules.yaml",),
    ),
    "architectures": Kind(
        "accounting.reference.architectures:ArchitectureFile",
        "What a unit of a processor does in a clock",
        ("architectures.yaml",),
    ),
    "crosswalk": Kind("accounting.census.crosswalk:CrosswalkFile", "Ties between lists", ("crosswalk.yaml",)),
    "h100e": Kind("accounting.capacity.h100e:H100eFile", "What one H100e is", ("h100e.yaml",)),
    "market-shares": Kind(
        "accounting.reference.market_shares:MarketShareFile",
        "Published shares of markets",
        ("market_shares.yaml",),
    ),
    "sales": Kind("accounting.accounts.sales.sold:SalesFile", "Accelerators sold, by model", ("sales.yaml",)),
    "sizing": Kind(
        "accounting.capacity.sizing.facts:SizingFacts",
        "From power or cost to a number of accelerators",
        ("sizing.yaml",),
    ),
    "stock": Kind(
        "accounting.capacity.stock.rates:StockRates",
        "How long systems serve, and which plans come true",
        ("stock.yaml",),
    ),
    "unresolved": Kind(
        "accounting.reference.unresolved:UnresolvedFile", "Names that no fact resolves", ("unresolved.yaml",)
    ),
    "mlperf-names": Kind(f"{_READERS}.mlperf_facts:MlperfFile", "Names in MLPerf results", ("mlperf.yaml",)),
    "top500-names": Kind(f"{_READERS}.top500_facts:Top500File", "Names in TOP500 lists", ("top500.yaml",)),
    "fleet-about": Kind(f"{_READERS}.fleet:About", "Where the nodes of a folder of records stand"),
    "access": Kind(
        "accounting.planning.scenarios.access_files:AccessFile",
        "A scenario: capacity offered, hosted, rented or pooled",
        ("scenarios:access",),
    ),
    "supply-cut": Kind(
        "accounting.planning.scenarios.supply_cut_files:SupplyCutFile",
        "A scenario: supply is cut",
        ("scenarios:supply_cut",),
    ),
    "planning-defaults": Kind(
        "accounting.planning.facts:Defaults",
        "Parameters of clusters where a file states none",
        ("planning/defaults.yaml",),
    ),
    "planning-nodes": Kind(
        "accounting.planning.facts:NodePowerFacts",
        "Power of nodes as measured",
        ("planning/node_power.yaml",),
    ),
    "planning-buying": Kind(
        "accounting.planning.optimise.buying:Buying",
        "Units that accelerators are sold in",
        ("planning/buying.yaml",),
    ),
    "planning-exports": Kind(
        "accounting.planning.export_rules:ReachFile",
        "Whom export rules reach",
        ("planning/export_reach.yaml",),
    ),
    "planning-failures": Kind(
        "accounting.planning.training.assumptions:_FailureFile",
        "What interrupts training runs",
        ("planning/failures.yaml",),
    ),
    "planning-links": Kind(
        "accounting.planning.training.assumptions:_LinkFile",
        "What runs over several sites lose",
        ("planning/links.yaml",),
    ),
    "planning-training": Kind(
        "accounting.planning.training.assumptions:_TrainingFile",
        "What a training run takes besides chips",
        ("planning/training.yaml",),
    ),
    "planning-runs": Kind(
        "accounting.planning.training.assumptions:_RunFile",
        "Published training runs",
        ("planning/training_runs.yaml",),
    ),
    "planning-supply-cut": Kind(
        "accounting.planning.scenarios.cut_parameters:SupplyCutFacts",
        "What a supply cut rests on",
        ("planning/supply_cut.yaml",),
    ),
    "record": Kind("bench.record:Record", "What one run of bench found on one node"),
}

# what commands print with --format json, by a name that begins as no kind of file does
_DOCUMENTS = "flopcensus.outputs"
DOCUMENTS: Mapping[str, Kind] = {
    f"output-{name}": Kind(f"{_DOCUMENTS}.{model}", title, (command,))
    for name, model, title, command in (
        ("bench-diff", "fleet:BenchDifference", "Two records compared", "bench diff"),
        ("bridge", "bridge:Bridge", "A walk from a published figure to ours", "bridge"),
        ("brief", "brief:BriefDocument", "A brief on a country or group", "brief"),
        ("brief-world", "brief:WorldDocument", "A brief on the world", "brief WORLD"),
        ("calibrate-table", "facts:Paper", "Data sheets against measurements", "calibrate --table"),
        ("catalogue", "facts:Catalogue", "A table of the shipped facts", "catalogue"),
        ("compare", "comparison:ComparisonDocument", "Clusters side by side", "compare"),
        ("convert", "facts:Converted", "What was converted", "convert"),
        ("decode", "claim:Decoded", "A claim and its readings", "decode"),
        ("estimate", "estimate:EstimateDocument", "Estimates of a census", "estimate"),
        ("export", "facts:Exported", "What was exported", "export"),
        ("export-control", "facts:ExportControl", "Export rules on an accelerator", "export-control"),
        (
            "export-control-country",
            "facts:ExportCountry",
            "Export rules on what stands in a country",
            "export-control --country",
        ),
        ("export-file", "facts:ExportFile", "The long table of an export", "export -o FILE.json"),
        ("fleet", "fleet:Fleet", "A fleet, judged", "fleet"),
        ("fleet-history", "fleet:FleetHistory", "What a history of runs says", "fleet --history"),
        ("lint", "claim:Lint", "What is wrong in a census", "lint"),
        ("plan", "comparison:PlanDocument", "The best mix within limits", "plan"),
        ("run", "results:Results", "All that a study found: results.json", "run"),
        ("scenario", "scenarios:ScenarioDocument", "An access scenario played", "scenario"),
        ("shares", "facts:Shares", "A designer's shares of different things", "shares"),
        ("supply-cut", "scenarios:SupplyCutDocument", "What is left after a supply cut", "supply-cut"),
        ("training-run", "training:TrainingRunDocument", "A training run", "training-run"),
        ("vintages", "bridge:Vintages", "Two releases compared", "vintages"),
    )
}


def schema(name: str, facts: Facts | None = None) -> dict[str, Any]:
    """Return the schema of a kind of file or document.

    Args:
        name: a key of `KINDS` or `DOCUMENTS`.
        facts: whose ids are offered for completion; other names that the facts know are accepted too.

    Raises:
        UnknownNameError: no such kind.
    """
    from accounting.errors import UnknownNameError

    kinds = {**KINDS, **DOCUMENTS}
    if name not in kinds:
        raise UnknownNameError("kind of file or output", name, kinds)
    kind = kinds[name]
    module, _, attribute = kind.model.partition(":")
    model = getattr(importlib.import_module(module), attribute)
    made = _tidied(model.model_json_schema(mode="validation", by_alias=True))
    if facts is not None:
        known = _known(facts)
        for node in _nodes(made):
            if (table := node.pop("x-names", None)) is not None:
                rest = {key: node.pop(key) for key in ("type", "minLength") if key in node}
                node["anyOf"] = [{"enum": known[table]}, rest]
    made.pop("title", None)
    return {"$schema": DIALECT, "title": kind.title, "description": kind.title, **made}


def _known(facts: Facts) -> dict[str, list[str]]:
    return {
        "accelerators": sorted(facts.accelerators),
        "organisations": sorted(facts.organisations),
        "countries": sorted(country.alpha2 for country in facts.countries.values()),
    }


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a schema; one that is changed is not looked into again."""
    if isinstance(value, dict):
        yield value
        for item in list(value.values()):
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)


def _tidied(made: dict[str, Any]) -> dict[str, Any]:
    """Give generic models names that people can read, and texts in one line."""
    names: dict[str, str] = {}
    for old, definition in made.get("$defs", {}).items():
        if "Fact_" in old:
            of = str(definition["properties"]["value"].get("title", "value"))
            new = f"Fact of {of.lower()}"
            names[old] = new if new not in names.values() else f"{new} {len(names)}"
            definition["title"] = names[old]
    made["$defs"] = {names.get(old, old): item for old, item in made.get("$defs", {}).items()}
    for node in _nodes(made):
        reference = node.get("$ref")
        if isinstance(reference, str):
            old = reference.rpartition("/")[2]
            node["$ref"] = f"#/$defs/{names.get(old, old)}".replace(" ", "%20")
        if isinstance(node.get("description"), str):
            node["description"] = " ".join(node["description"].split())
    return made
