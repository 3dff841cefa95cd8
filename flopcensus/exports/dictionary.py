"""The data dictionary: every column of the long table, written once and read by files, docs and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from accounting.accounts.levels import MEANING
from accounting.validation import Kind

Type = Literal["text", "number", "integer", "boolean", "date"]
TYPE_MEANING: dict[Type, str] = {
    "text": "Unicode text",
    "number": "64-bit binary floating point",
    "integer": "whole number",
    "boolean": "true or false",
    "date": "YYYY-MM-DD",
}
OF_THE_ROW = "that of the column unit"


@dataclass(frozen=True)
class Column:
    """A column: its name, type, unit (blank where it has none) and what stands in it."""

    name: str
    type: Type
    unit: str
    meaning: str


_ESTIMATE = (
    Column("as_of", "date", "", "day that the stock is counted at"),
    Column("census", "text", "", "census that was valued"),
    Column("status", "text", "", "statuses counted, joined by ;"),
    Column("recipe", "text", "", "published recipe followed, blank where none"),
    Column("basis", "text", "", "peak, achievable, sustained or delivered"),
    Column("precision", "text", "", "number format of the operations, dense unless sparse is true"),
    Column("sparse", "boolean", "", "whether rates count structured sparsity"),
    Column("unit", "text", "", "unit of p5, p50, p95 and mean"),
)
_KEY = (
    Column("level", "text", "", "total, a level, levels crossed joined by commas, or 'group of LEVEL'"),
    Column("code", "text", "", "code of the row; the codes of a crossing joined by ' / '"),
)
_LEVELS = tuple(
    Column(level, "text", "", f"{meaning}; blank where the row is not broken down by it")
    for level, meaning in MEANING.items()
)
_FIGURES = (
    Column("name", "text", "", "name for people"),
    Column("nation", "text", "", "nation of the organisation in the row, ISO 3166 alpha-2"),
    Column("members", "text", "", "of a group: its members at the date, joined by ;"),
    Column("p5", "number", OF_THE_ROW, "5th percentile of the capacity"),
    Column("p50", "number", OF_THE_ROW, "median of the capacity"),
    Column("p95", "number", OF_THE_ROW, "95th percentile of the capacity"),
    Column("mean", "number", OF_THE_ROW, "mean of the capacity; only means add up"),
    Column("share", "number", "fraction of the total", "mean ÷ mean of the total"),
    Column("share_p5", "number", "fraction of the total", "5th percentile of the share, draw by draw"),
    Column("share_p95", "number", "fraction of the total", "95th percentile of the share, draw by draw"),
    Column("facilities", "integer", "facilities", "facilities behind the row"),
    Column("deployments", "integer", "deployments", "deployments behind the row"),
    Column(
        "conf_status",
        "text",
        "",
        "F free; C withheld because it is confidential; D withheld so that another cannot be computed back",
    ),
)
_ORIGIN = (
    *(
        Column(
            f"rests_on_{kind}", "number", "fraction of the mean total", f"share of the total that is {kind}"
        )
        for kind in get_args(Kind)
    ),
    Column("warnings", "text", "", "JSON list of warnings about the whole estimate"),
    Column("skipped", "text", "", "JSON object: census rows left out, by reason"),
    Column("seed", "integer", "", "seed of the draws"),
    Column("draws", "integer", "draws", "number of draws"),
    Column("version", "text", "", "version of flopcensus that made the estimate"),
    Column("census_digest", "text", "", "tells censuses apart: the same digest, the same facts"),
    Column(
        "method_digest",
        "text",
        "",
        "tells methods apart: basis, seed, draws, calibration, selection, version",
    ),
    Column("entries_digest", "text", "", "tells apart which deployments stand behind the row"),
    Column("facts_digest", "text", "", "tells apart the facts about the deployments behind the row"),
)
COLUMNS: tuple[Column, ...] = (*_ESTIMATE, *_KEY, *_LEVELS, *_FIGURES, *_ORIGIN)
NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
# what a withheld row no longer says
WITHHELD = (
    "p5",
    "p50",
    "p95",
    "mean",
    "share",
    "share_p5",
    "share_p95",
    "facilities",
    "deployments",
    "entries_digest",
    "facts_digest",
)
DICTIONARY_COLUMNS = ("column", "type", "unit", "meaning")


def dictionary_rows() -> list[dict[str, str]]:
    """Return the dictionary as a table of its own."""
    return [{"column": c.name, "type": c.type, "unit": c.unit, "meaning": c.meaning} for c in COLUMNS]


def dictionary_markdown() -> str:
    """Return the dictionary as the table of docs/exports.md."""
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    lines += [f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |" for c in COLUMNS]
    return "\n".join(lines) + "\n"
