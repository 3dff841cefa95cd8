"""What commands print: JSON that keeps its schema, and CSV whose columns the data dictionary has."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bench.fleets.synthetic import write as write_fleet
from flopcensus.schemas import DOCUMENTS, schema
from tests.accounting.test_bridge import ROWS
from tests.accounting.test_epoch_clusters import write as write_clusters
from tests.cli import in_process
from tests.flopcensus.test_calibrate import record
from tests.flopcensus.test_fleet import SICK

GOLDEN = Path(__file__).parents[1] / "long_life" / "golden" / "0.1"
CENSUS = str(GOLDEN / "facilities.yaml")
FEW = ("--draws", "100")
DAY = ("--as-of", "2026-06-30")
CATALOGUE = (
    *("accelerators", "organisations", "countries", "groups", "facilities", "sites", "clusters", "clouds"),
    *("programmes", "unrecorded", "export-rules", "measurements", "workloads", "freshness"),
)
# by the output's name, and after a slash what is asked for; {} is the folder of files that tests have made
COMMANDS: dict[str, tuple[str, ...]] = {
    "bench-diff": ("bench", "diff", "{}/record.json", "{}/record.json"),
    "bridge": ("bridge", "epoch-2025", "--file", "epoch-clusters:{}/clusters.csv", *DAY, *FEW),
    "brief": ("brief", "GB", *DAY, *FEW),
    "brief/group": ("brief", "EU", "--demand", "20%", *DAY, *FEW),
    "brief-world": ("brief", "WORLD", CENSUS, *DAY, *FEW),
    "calibrate-table": ("calibrate", "--table", *FEW),
    **{f"catalogue/{table}": ("catalogue", table) for table in CATALOGUE},
    "compare": ("compare", "all-nvidia", "hedged", *FEW),
    "convert": ("convert", "{}/clusters.csv", "-o", "{}/made.csv"),
    "decode": ("decode", "21 AI exaFLOPS", "--accelerator", "nvidia-gh200", "--count", "5448", *FEW),
    "decode/no count": ("decode", "420 exaFLOPS", *FEW),
    "estimate": ("estimate", CENSUS, "--by", "territory", "--by", "territory,owner", *DAY, *FEW),
    "estimate/years": ("estimate", CENSUS, "--years", "2024:2025", *DAY, *FEW),
    "estimate/drivers": ("estimate", "--drivers", "--country", "GB", "--basis", "delivered", *DAY, *FEW),
    "export": (
        "export",
        "{}/estimate.json",
        "-o",
        "{}/long.csv",
        "--basis",
        "peak",
        "--suppress",
        "threshold=3",
    ),
    "export-control": ("export-control", "nvidia-h20"),
    "export-control-country": ("export-control", "--country", "CN"),
    "fleet": ("fleet", "{}/fleet", "--baseline", "{}/fleet", "--history", "{}/history"),
    "fleet-history": ("fleet", "--history", "{}/history"),
    "lint": ("lint", "{}/clusters.csv"),
    "plan": ("plan", "hedged", "--power", "20 MW", "--frontier", "vendor:US", *FEW),
    "scenario": ("scenario", "humain-18000", "--census", CENSUS, *FEW),
    "shares": ("shares", "nvidia", *DAY, *FEW),
    "supply-cut": ("supply-cut", "us-stops-selling", "--years", "2", *FEW),
    "training-run": ("training-run", "--flop", "1e25", "--on", CENSUS, *FEW),
    "vintages": ("vintages", "{}/estimate.json", "{}/estimate.json"),
}
# what is no answer of one command: written into files, and made by other tests
ELSEWHERE = {"export-file", "run"}
DICTIONARY = {
    "bench-diff": "bench diff",
    "brief-world": "brief WORLD",
    "calibrate-table": "calibrate --table",
    "estimate/years": "estimate --years",
    "export-control-country": "export-control --country",
    "fleet-history": "fleet --history",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that commands are asked of."""
    made = tmp_path_factory.mktemp("asked")
    write_clusters(made / "clusters.csv", ROWS)
    (made / "record.json").write_text(record("nvidia-h100-sxm").to_json(), encoding="utf-8")
    (made / "fleet").mkdir()
    write_fleet(SICK, made / "fleet")
    (made / "fleet" / "cut.json").write_text("{", encoding="utf-8")
    asked = in_process(*COMMANDS["estimate"], "--format", "json")
    (made / "estimate.json").write_text(asked.stdout, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def dictionary() -> Iterator[dict[str, Any]]:
    """The data dictionary's tables, by the command; docs/ is no package."""
    docs = str(Path(__file__).parents[2] / "docs")
    sys.path.insert(0, docs)
    try:
        import _printed

        yield _printed.printed()
    finally:
        sys.path.remove(docs)


def asked(name: str, folder: Path, form: str) -> str:
    words = [word.format(folder) for word in COMMANDS[name]]
    found = in_process(*words, "--format", form)
    assert found.returncode in (0, 1), found.stderr
    return found.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_json_keeps_its_schema_and_csv_has_the_columns_of_the_dictionary(
    name: str, folder: Path, dictionary: dict[str, Any]
) -> None:
    made = schema(f"output-{name.partition('/')[0]}")
    check = jsonschema.Draft202012Validator(made)
    document = json.loads(asked(name, folder, "json"))
    assert not [f"{list(e.absolute_path)}: {e.message[:200]}" for e in check.iter_errors(_short(document))]
    # nothing may be there that has no name in the schema
    assert not check.is_valid(_short(document) | {"unheard": 1})

    columns = next(csv.reader(io.StringIO(asked(name, folder, "csv"))))
    listed = name.replace("/", " ") if name.startswith("catalogue") else name.partition("/")[0]
    assert columns == list(dictionary[DICTIONARY.get(name, listed)].columns)


def test_every_output_is_tried() -> None:
    tried = {name.partition("/")[0] for name in COMMANDS} | ELSEWHERE
    assert {f"output-{name}" for name in tried} == set(DOCUMENTS)


def test_an_exported_file_keeps_its_schema(folder: Path) -> None:
    assert in_process("export", str(folder / "estimate.json"), "-o", str(folder / "x.json")).returncode == 0
    found = json.loads((folder / "x.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema("output-export-file")).validate(_short(found))


def test_results_of_the_first_version_keep_the_schema() -> None:
    found = json.loads((GOLDEN / "results.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema("output-run")).validate(_short(found))


def _short(value: Any) -> Any:
    """A document with the ends of its lists: the checker is in plain Python, and rows are of a kind."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in (value if len(value) <= 6 else [*value[:4], *value[-2:]])]
    return value
