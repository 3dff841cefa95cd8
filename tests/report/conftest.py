"""A small results document with one of everything, and a reader of the page."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import settings

from bench.record import DeviceDescription, Record, Result
from tests.report.cubes import cube

# a shared machine may pause for longer than any deadline
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

VOID = {"meta", "br", "hr", "img", "input", "link", "wbr", "base", "source", "area", "col", "embed", "track"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    parent: Element | None
    children: list[Element] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def all(self, tag: str | None = None) -> list[Element]:
        found = [self] if tag in (None, self.tag) else []
        return found + [e for child in self.children for e in child.all(tag)]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join([*self.words, *(f" {c.text}" for c in self.children)])).strip()


class Page(HTMLParser):
    """Reads a page strictly: every end tag closes the element that is open, and nothing stays open."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {}, None)
        self._open = self.root
        self.feed(html)
        self.close()
        assert self._open is self.root, f"<{self._open.tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = self._add(tag, attrs)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, dict(attrs), self._open)
        self._open.children.append(element)
        return element

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open.tag, f"</{tag}> closes <{self._open.tag}>"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        self._open.words.append(data)

    def all(self, tag: str | None = None) -> list[Element]:
        return [e for child in self.root.children for e in child.all(tag)]

    def by_id(self, id: str) -> Element:
        (found,) = [e for e in self.all() if e.attributes.get("id") == id]
        return found

    def rows(self, table: str) -> list[list[str]]:
        (body,) = self.by_id(table).all("tbody")
        return [[cell.text for cell in tr.children] for tr in body.all("tr")]


@pytest.fixture
def read() -> Callable[[str], Page]:
    return Page


def spread(low: float, middle: float, high: float) -> dict[str, float]:
    return {"p5": low, "p50": middle, "p95": high, "mean": middle}


def holder(code: str, name: str, share: float, **more: Any) -> dict[str, Any]:
    shares = {"share": share, "share_p5": 0.8 * share, "share_p95": min(1.2 * share, 1.0)}
    return {"code": code, "name": name} | spread(share * 5e18, share * 1e19, share * 2e19) | shares | more


def _accounts() -> dict[str, Any]:
    nations = [
        holder("US", "United States", 0.7),
        holder("FR", "France", 0.2),
        holder("unknown", "unknown", 0.1),
    ]
    codes = {"territory": "US", "vendor_nation": "US"}
    return {
        "territory": nations,
        "vendor": [holder("nvidia", "NVIDIA", 0.9, nation="US"), holder("amd", "AMD", 0.1, nation="US")],
        "territory,vendor_nation": [
            holder("US / US", "United States / United States", 0.7, codes=codes),
            holder("FR / US", "France / United States", 0.3, codes=codes | {"territory": "FR"}),
        ],
    }


def estimate(basis: str, total: dict[str, float]) -> dict[str, Any]:
    accounts = _accounts()
    eu = {"level": "territory", "members": ["FR", "DE"]} | holder("EU", "European Union", 0.2)
    gcc = {"level": "territory", "members": ["SA"]} | holder("GCC", "Gulf Cooperation Council", 0.0)
    return {
        "census": "shipped census",
        "rows": 5,
        "as_of": "2026-06-30",
        "basis": basis,
        "precision": "bf16",
        "sparse": False,
        "unit": "FLOP/s",
        "denomination": f"bf16 dense {basis} FLOP/s",
        "status": ["operational"],
        "recipe": None,
        "seed": 7,
        "draws": 1000,
        "deployments": 3,
        "skipped": {"not operational": 2},
        "total": total,
        "accounts": accounts,
        "groups": [eu, gcc],
        "concentration": {key: {"hhi": 5400.0, "effective_number": 1.85} for key in accounts},
        "provenance": {"reported": 0.6, "assumed": 0.4},
        "warnings": [f"40% of the {basis} total rests on assumed efficiencies"],
    }


def cluster(id: str, name: str, power: dict[str, float] | None) -> dict[str, Any]:
    rows = [holder("nvidia", "NVIDIA", 0.6), holder("huawei", "Huawei", 0.4)]
    origin = {
        "vendor": rows,
        "vendor_nation": [holder("US", "United States", 0.6), holder("CN", "China", 0.4)],
    }
    return {
        "id": id,
        "name": name,
        "hypothetical": True,
        "accelerators": 4800.0,
        "capacity": {"peak": spread(1e19, 1e19, 1e19), "delivered": spread(1e18, 3e18, 6e18)},
        "unit": "FLOP/s",
        "provenance": {"peak": {"published": 1.0}, "delivered": {"assumed": 1.0}},
        "origin": {"peak": origin, "delivered": origin},
        "it_power_w": power,
        "facility_power_w": power,
    }


def _comparison() -> dict[str, Any]:
    ratio = {"a": "all-nvidia", "b": "hedged", "probability_a_more": 0.887}
    return {
        "schema": "flopcensus/comparison/1",
        "precision": "bf16",
        "seed": 7,
        "draws": 1000,
        "clusters": [
            cluster("all-nvidia", "All-NVIDIA", spread(6e6, 7e6, 8e6)),
            cluster("hedged", "Hedged", None),
        ],
        "differences": [
            ratio | {"basis": "peak", "ratio": spread(1.25, 1.25, 1.25)},
            ratio | {"basis": "delivered", "ratio": spread(0.84, 1.37, 1.78)},
        ],
    }


def _facility(deployment: str, count: Any, source: str) -> dict[str, Any]:
    return {
        "deployment": deployment,
        "facility": f"Site of {deployment}",
        "territory": "FR",
        "owners": ["Some Institute", "Some Fund"],
        "provider": ["FR", "FR"],
        "accelerator": "NVIDIA H100 SXM5 80GB",
        "vendor": "NVIDIA",
        "count": count,
        "in_service": "2024-11-01",
        "status": "operational",
        "kind": "reported",
        "source": source,
    }


def _measurement(**changes: Any) -> dict[str, Any]:
    data = {
        "accelerator": "NVIDIA H100 SXM5 80GB",
        "basis": "achievable",
        "precision": "bf16",
        "metric": None,
        "achieved_flop_per_s": 7.945e14,
        "fraction": None,
        "software": "torch 2.7.0",
        "date": "2025-01-05",
        "kind": "published",
        "source": "https://example.org/measured",
    }
    return data | changes


def _record() -> dict[str, Any]:
    common = {"device": "cpu", "precision": "bf16"}
    done = {"value": 3.77e11, "ci95": (3.7e11, 3.8e11), "rounds": (3.7e11, 3.77e11, 3.8e11), "settled": False}
    record = Record.model_validate(
        {
            "schema": "flopcensus/record/1",
            "node": "node-7",
            "created": datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC),
            "flopcensus_version": "0.1.0",
            "mode": "quick",
            "budget_seconds": 60,
            "seconds_spent": 58.2,
            "seed": 1,
            "devices": [
                DeviceDescription(id="cpu", kind="cpu", name="Some CPU", memory_bytes=2**34, isa=("avx2",))
            ],
            "environment": {"torch": "2.13.0", "cuda": None, "steal_fraction": 0.003, "governor": "idle"},
            "results": [
                Result(
                    workload="gemm", metric="flop_rate", unit="FLOP/s", shape={"m": 8, "n": 8, "k": 8},
                    correct=True, status="ok", fraction_of_peak=0.41, **common, **done,
                ),
                Result(
                    workload="memory_copy", metric="bandwidth", unit="B/s", shape={"elements": 4096},
                    status="failed", reason="out of memory", **common,
                ),
            ],
        }
    )  # fmt: skip
    return record.model_dump(mode="json", by_alias=True)


@pytest.fixture(scope="session")
def _sample() -> Mapping[str, Any]:
    return {
        "schema": "flopcensus/results/1",
        "flopcensus_version": "0.1.0",
        "study": {
            "id": "world",
            "title": "AI compute of some places",
            "as_of": "2026-06-30",
            "precision": "bf16",
            "bases": ["peak", "delivered"],
            "levels": ["territory", "vendor", "territory,vendor_nation"],
            "census": [],
            "clusters": ["all-nvidia", "hedged"],
            "seed": 7,
            "draws": 1000,
        },
        "record": _record(),
        "estimates": [
            estimate("peak", spread(1e19, 1e19, 1e19)),
            estimate("delivered", spread(2e18, 4e18, 6e18)),
        ],
        "comparison": _comparison(),
        "facilities": [
            _facility("one", 1456.0, "https://example.org/one?a=1&b=2"),
            _facility("two", {"low": 90.0, "best": 100.0, "high": 110.0}, "Annual report 2024, page 7"),
            _facility("three", None, "javascript:alert(1)"),
        ],
        "measurements": [
            _measurement(),
            _measurement(basis="availability", accelerator=None, precision=None, software=None,
                         achieved_flop_per_s=None, fraction={"low": 0.9, "best": 0.95, "high": 0.97}),
        ],
    }  # fmt: skip


@pytest.fixture(scope="session")
def viewed(_sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document with all views in it."""
    return {**copy.deepcopy(dict(_sample)), "cube": cube()}


@pytest.fixture
def document(_sample: Mapping[str, Any]) -> dict[str, Any]:
    """A document of its own for each test."""
    return copy.deepcopy(dict(_sample))
