"""Every number in configs/ stands under a source that a reader can look up."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounting.documents import read_document
from accounting.reference.shipped import configs_root

ROOT = configs_root()
# a value with its unit, a range, a share, a plain number
NUMBER = re.compile(
    r"[-+]?\d[\d,_.]*(e[-+]?\d+)?(\s*(to|%|[kMGTPEZ]?(FLOP|OP|B|W|bit|Wh|mm)).*)?", re.IGNORECASE
)
SOURCES = ("source", "sources", "url", "citation")
# keys that say when, where or which, and state no fact that could be off by a factor
NO_FIGURE = {
    *("id", "name", "aliases", "device_names", "date", "since", "until", "released", "in_service", "retired"),
    *("by", "code", "note", "why", "title", "url", "source", "covers", "same_as", "process", "interconnect"),
    *(
        "memory_type",
        "software",
        "location",
        "claim",
        "of",
        "family",
        "names",
        "system",
        "architecture",
        "devices",
    ),
}
# what is no statement about the world: a plan, and which files make up a study
PLANS = ("clusters", "studies")


def files() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.yaml")) if path.relative_to(ROOT).parts[0] not in PLANS]


def bare(value: Any, path: str, *, sourced: bool) -> Iterator[str]:
    """Yield the paths of numbers that no mapping around them gives a source for."""
    if isinstance(value, dict):
        here = sourced or any(value.get(key) for key in SOURCES)
        for key, item in value.items():
            if key not in NO_FIGURE:
                yield from bare(item, f"{path}.{key}", sourced=here)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from bare(item, f"{path}[{place}]", sourced=sourced)
    elif not sourced and _is_number(value):
        yield f"{path} = {value}"


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_number_stands_under_a_source(path: Path) -> None:
    assert not list(bare(read_document(path).data, "", sourced=False))


def test_a_number_without_a_source_is_seen() -> None:
    row = {
        "rows": [{"id": "a", "tdp": "700 W"}, {"id": "b", "tdp": "700 W", "source": "https://example.org/"}]
    }
    assert list(bare(row, "", sourced=False)) == [".rows[0].tdp = 700 W"]
    both = list(bare({"share": 0.5, "power": "1 to 2 MW"}, "", sourced=False))
    assert both == [".share = 0.5", ".power = 1 to 2 MW"]


def test_plans_cite_what_they_assume() -> None:
    """A hypothetical count is a choice; overheads and PUE are facts, and carry a source."""
    for path in sorted((ROOT / "clusters").glob("*.yaml")):
        cluster = read_document(path).data["cluster"]
        assert cluster["hypothetical"] is True
        for key in ("pue", "host_overhead"):
            assert cluster[key]["source"].startswith("http")


def test_every_row_of_the_tables_has_a_source() -> None:
    with (ROOT / "country_figures.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 500
    assert all(row["source"].startswith("http") for row in rows)
