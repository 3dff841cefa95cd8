"""Schemas for editors: every shipped file keeps its own, and what is wrong breaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from accounting.dimensions import DIMENSIONS
from accounting.documents import parse_document, read_document
from accounting.quantities import read_uncertain, written_as
from accounting.reference.facts import load_facts
from accounting.reference.shipped import configs_root
from flopcensus.schemas import DOCUMENTS, KINDS, schema
from tests.cli import in_process


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    facts = load_facts()
    return {name: schema(name, facts) for name in KINDS}


def shipped() -> Iterator[tuple[str, Path]]:
    """Every shipped YAML file, with the kind that it is of."""
    for name, kind in KINDS.items():
        for place in kind.files:
            folder, _, key = place.partition(":")
            path = configs_root() / folder
            for file in sorted(path.rglob("*.yaml")) if path.is_dir() else [path]:
                if not key or file.read_text(encoding="utf-8").find(f"\n{key}:") >= 0:
                    yield name, file


def test_every_shipped_file_is_of_a_kind() -> None:
    assert {file for _, file in shipped()} == set(configs_root().rglob("*.yaml"))


def test_every_shipped_file_keeps_its_schema() -> None:
    # without ids to offer: any text may stand there, and lists of hundreds take their time
    checks = {name: jsonschema.Draft202012Validator(schema(name)) for name in KINDS}
    broken = [
        f"{file.name}: {list(error.absolute_path)}: {error.message[:200]}"
        for name, file in shipped()
        for error in checks[name].iter_errors(_share(read_document(file).data))
    ]
    assert not broken


def _share(data: dict[str, Any]) -> dict[str, Any]:
    """The first and last rows of each list: the checker, in plain Python, takes a minute for all."""
    return {
        key: [*value[:4], *value[4:][-4:]] if isinstance(value, list) else value
        for key, value in data.items()
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_schema_is_one_and_says_what_it_is_of(name: str, schemas: dict[str, Any]) -> None:
    made = schemas[name]
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["title"] == KINDS[name].title
    assert made["description"]
    text = json.dumps(made)
    assert "x-names" not in text
    assert "Annotated" not in text
    for reference in _references(made):
        assert reference.removeprefix("#/$defs/").replace("%20", " ") in made["$defs"]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for item in node.values():
            yield from _references(item)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


@pytest.mark.parametrize(
    ("kind", "text", "place"),
    [
        ("facility", "power: 3 kWh", ["cluster"]),
        ("cluster", "climat: cold", ["cluster"]),
        ("cluster", "climate: chilly", ["cluster", "climate"]),
        ("cluster", "power_cap: 10", ["cluster", "power_cap"]),
        ("cluster", "budget: 300 MW", ["cluster", "budget"]),
    ],
)
def test_what_is_wrong_breaks_it(kind: str, text: str, place: list[str], schemas: dict[str, Any]) -> None:
    starter = in_process("init", "cluster", "-o", "-").stdout
    start = starter.index("  climate: cold")
    changed = starter[:start] + f"  {text} #" + starter[start + len("  climate:") :]
    found = list(
        jsonschema.Draft202012Validator(schemas["cluster"]).iter_errors(parse_document(changed, "x").data)
    )
    assert [list(error.absolute_path) for error in found] == [place]
    del kind


def test_units_and_ids_are_offered(schemas: dict[str, Any]) -> None:
    cluster = schemas["cluster"]["$defs"]["Cluster"]["properties"]
    assert "MW" in json.dumps(cluster["power_cap"])
    deployment = schemas["cluster"]["$defs"]["ClusterDeployment"]["properties"]
    assert "nvidia-h100-sxm" in json.dumps(deployment["accelerator"])
    assert "NO" in cluster["territory"]["anyOf"][0]["enum"]


_NUMBERS = st.floats(0.001, 1e6).map(lambda value: f"{value:g}") | st.integers(1, 10**7).map(
    lambda n: f"{n:,}"
)


@given(st.data())
def test_a_schema_takes_what_the_reader_takes(data: st.DataObject) -> None:
    """Of texts with a number and any unit of any dimension; bounds of texts are the reader's alone."""
    kind = DIMENSIONS[data.draw(st.sampled_from(sorted(DIMENSIONS)))]
    units = sorted({unit for one in DIMENSIONS.values() for unit in one.units})
    number, unit = data.draw(_NUMBERS), data.draw(st.sampled_from([*sorted(kind.units), *units]))
    low = data.draw(st.sampled_from(["", f"{number} to ", f"{number} {unit} to "]))
    text = f"{low}{number} {unit}".rstrip()
    try:
        read_uncertain(text, kind.name)
    except PydanticCustomError as error:
        if "unit" not in error.message() and "not a" not in error.message():
            return
        taken = False
    else:
        taken = True
    rule = written_as(kind.name, uncertain=True).json_schema
    assert jsonschema.Draft202012Validator(rule).is_valid(text) == taken, text


def test_the_command_lists_prints_and_writes(tmp_path: Path) -> None:
    listed = in_process("schema")
    assert all(name in listed.stdout for name in (*KINDS, *DOCUMENTS))
    printed = in_process("schema", "cluster")
    written = in_process("schema", "-o", str(tmp_path / "s"))
    assert f"{len(KINDS) + len(DOCUMENTS)} schemas written" in written.stderr
    assert (tmp_path / "s" / "cluster.json").read_text(encoding="utf-8") == printed.stdout
    assert "did you mean cluster?" in in_process("schema", "clustr").stderr


def test_a_record_keeps_its_schema(schemas: dict[str, Any]) -> None:
    from tests.flopcensus.test_calibrate import record

    document = json.loads(record("nvidia-h100-sxm").to_json())
    check = jsonschema.Draft202012Validator(schemas["record"])
    assert check.is_valid(document)
    assert not check.is_valid(document | {"budget_seconds": -1})
