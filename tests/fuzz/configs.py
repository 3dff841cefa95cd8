"""Configs as targets: every YAML file that a user may write, or that ships, begun from the shipped ones.

What is read is also used where that is quick: clusters are valued, facilities estimated, overlays laid.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from accounting.accounts.estimate import Request, estimate
from accounting.accounts.levels import read_levels
from accounting.accounts.sales.sold import SalesFile, shipped_totals
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.efficiency.evidence import load_evidence
from accounting.capacity.efficiency.measurements import MeasurementFile
from accounting.capacity.h100e import H100eFile, load_h100e
from accounting.capacity.sizing.facts import SizingFacts, load_sizing
from accounting.capacity.stock.rates import StockRates, load_stock_rates
from accounting.census.crosswalk import CrosswalkFile, crosswalk_of
from accounting.census.facilities import FacilityFile, load_facilities
from accounting.census.ledger import from_facilities
from accounting.census.readers.mlperf_facts import MlperfFile, load_mlperf_facts
from accounting.census.readers.top500_facts import Top500File, load_top500_facts
from accounting.census.selection import Selection
from accounting.census.unrecorded import UnrecordedFile, load_unrecorded
from accounting.documents import read_document
from accounting.planning.clusters import ClusterFile, load_cluster
from accounting.planning.compare import compare
from accounting.planning.outlook import planner
from accounting.planning.scenarios.access_files import AccessFile, load_access
from accounting.planning.scenarios.cut_parameters import SupplyCutFacts, load_cut_parameters
from accounting.planning.scenarios.supply_cut_files import SupplyCutFile, load_supply_cut
from accounting.planning.training.assumptions import load_assumptions, load_site
from accounting.reference import architectures
from accounting.reference.architectures import ArchitectureFile
from accounting.reference.clouds import CloudFile, load_clouds
from accounting.reference.countries import GroupFile, load_groups
from accounting.reference.export_control import ExportRuleFile, load_export_rules
from accounting.reference.facts import load_facts
from accounting.reference.market_shares import MarketShareFile, load_market_shares
from accounting.reference.overlay import load_overlay
from accounting.reference.programmes import ProgrammeFile, load_programmes
from accounting.reference.shipped import configs_root
from accounting.reference.unresolved import UnresolvedFile, load_unresolved
from flopcensus.studies.spec import StudyFile
from flopcensus.studies.study import load_study
from tests.fuzz.mutants import mutant
from tests.fuzz.schemas import tree_mutant

FACTS = load_facts()
TODAY = date(2026, 11, 22)
_DRAWS = 20
_OWN = """{"assumptions": {"hours_used": {"value": "0.8 to 0.9", "kind": "assumed",
 "source": "https://example.org/a", "date": "2025"}}, "site": {"pue": {"value": "1.2 to 1.4",
 "kind": "assumed", "source": "https://example.org/a", "date": "2025"}}}"""
_OVERLAY = """{"accelerators": [{"id": "nvidia-h100-sxm", "tdp": "650 W"}], "organisations": [{"id": "ukri",
 "name": "UK Research and Innovation", "aliases": ["Research UK"]}]}"""


def text_or_tree(chance: random.Random, seed: bytes) -> bytes:
    """Change the text of a document, or its tree."""
    return mutant(chance, seed) if chance.random() < 0.35 else tree_mutant(chance, seed)


@cache
def _calibration() -> Calibration:
    return load_calibration(FACTS)


def _cluster(path: Path) -> None:
    cluster = load_cluster(path, FACTS)
    if any(d.count is None and d.share is None for d in cluster.deployments):
        return
    found = compare([cluster], planner(FACTS, _calibration(), precisions=("bf16",), size=_DRAWS))
    for value in found.clusters:
        for capacity in value.capacities:
            total = getattr(capacity, "total", None)
            assert total is None or math.isfinite(total.mean)


def _estimated(path: Path) -> None:
    ledger = from_facilities("fuzz", load_facilities([path], FACTS), FACTS)
    request = Request(
        Selection(TODAY),
        ("peak", "delivered"),
        levels=(read_levels("territory"), read_levels("vendor")),
        draws=_DRAWS,
    )
    for one in estimate(ledger, request, FACTS, _calibration()):
        q = one.accounts.total
        assert 0 <= q.p5 <= q.p50 <= q.p95
        assert math.isfinite(q.mean)


def _measured(path: Path) -> None:
    evidence = load_evidence([path], FACTS)
    Calibration.of(evidence.measurements, FACTS, evidence.scaling)


def _in_a_folder(load: Callable[[Path, Any], object], path: Path) -> None:
    load(path, FACTS)


def _architectures(path: Path) -> None:
    # read once for a path, and every input has the same
    architectures._load.cache_clear()
    architectures.load_architectures(path)


def _own(path: Path) -> None:
    load_assumptions(path)
    load_site(path)


def _overlay(path: Path) -> None:
    load_overlay([path])
    load_facts(overlays=[path])


def _trimmed(tree: Any, chance: random.Random, most: int = 2) -> Any:
    if isinstance(tree, dict):
        return {key: _trimmed(value, chance, most) for key, value in tree.items()}
    if isinstance(tree, list):
        kept = tree if len(tree) <= most else chance.sample(tree, most)
        return [_trimmed(value, chance, most) for value in kept]
    return tree


# what a row refers to must be there too
_WHOLE = ("export_rules.yaml", "sizing.yaml")


def shipped(*names: str) -> Iterator[bytes]:
    """Yield shipped configs as JSON, which is YAML too, a few rows of each list."""
    chance = random.Random("trimmed")
    for name in names:
        for path in sorted(configs_root().glob(name))[:4]:
            data = read_document(path).data
            most = 1_000 if path.name in _WHOLE else 2
            yield json.dumps(_trimmed(data, chance, most), indent=1, ensure_ascii=False).encode()


Config = tuple[str, Callable[[Path], object], type[BaseModel] | None, tuple[str, ...]]

CONFIGS: tuple[Config, ...] = (
    ("cluster", _cluster, ClusterFile, ("clusters/*.yaml",)),
    ("facilities-estimated", _estimated, FacilityFile, ("facilities/k*.yaml", "facilities/u*.yaml")),
    ("calibration", _measured, MeasurementFile, ("calibration/*.yaml",)),
    ("study", lambda path: load_study(str(path)), StudyFile, ("studies/*.yaml",)),
    ("supply-cut", lambda path: load_supply_cut(f"{path}", FACTS), SupplyCutFile, ("scenarios/*stop*.yaml",)),
    ("access", lambda path: load_access(f"{path}", FACTS, TODAY), AccessFile, ("scenarios/*hosts*.yaml",)),
    ("cut-parameters", load_cut_parameters, SupplyCutFacts, ("planning/supply_cut.yaml",)),
    ("assumptions", _own, None, ()),
    ("overlay", _overlay, None, ()),
    ("sales", lambda path: shipped_totals(FACTS, path), SalesFile, ("sales.yaml",)),
    ("sizing", lambda path: load_sizing(FACTS, path), SizingFacts, ("sizing.yaml",)),
    ("h100e", load_h100e, H100eFile, ("h100e.yaml",)),
    ("stock", load_stock_rates, StockRates, ("stock.yaml",)),
    ("crosswalk", lambda path: crosswalk_of((), path), CrosswalkFile, ("crosswalk.yaml",)),
    ("mlperf-facts", load_mlperf_facts, MlperfFile, ("mlperf.yaml",)),
    ("top500-facts", lambda path: load_top500_facts(FACTS, path), Top500File, ("top500.yaml",)),
    ("unrecorded", partial(_in_a_folder, load_unrecorded), UnrecordedFile, ("unrecorded/*.yaml",)),
    ("architectures", _architectures, ArchitectureFile, ("architectures.yaml",)),
    ("clouds", partial(_in_a_folder, load_clouds), CloudFile, ("clouds/*.yaml",)),
    ("groups", lambda path: load_groups(path, FACTS.names), GroupFile, ("groups.yaml",)),
    ("export-rules", load_export_rules, ExportRuleFile, ("export_rules.yaml",)),
    ("market-shares", partial(_in_a_folder, load_market_shares), MarketShareFile, ("market_shares.yaml",)),
    ("programmes", partial(_in_a_folder, load_programmes), ProgrammeFile, ("programmes/*.yaml",)),
    ("unresolved", lambda path: load_unresolved(FACTS, path), UnresolvedFile, ("unresolved.yaml",)),
)  # fmt: skip
# of those that have a model, its JSON schema by the target's name
SCHEMAS = {name: model.model_json_schema() for name, _, model, _ in CONFIGS if model is not None}
WRITTEN = {"assumptions": (_OWN,), "overlay": (_OVERLAY,)}
