"""Documents from JSON schemas: a Hypothesis strategy, and changes of a tree that keep most of it right.

The schemas are those of the pydantic models, so that a new key of a config is fuzzed from its first day.
Where a schema says no more than "a text", the key's name does: a date, an id of an accelerator, a quantity.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.mutants import NASTY

Schema = Mapping[str, Any]
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, 10**15, 10**40, -(10**400), 1e308, 5e-324, -0.0, [], {}, [[]], {"": ""},
    [None], {"value": None}, *(text for text in NASTY if len(text) < 100),
)  # fmt: skip
QUANTITIES = (
    "400 MW", "30 GWh", "989.4 TFLOP/s", "80 GB", "3.35 TB/s", "15k to 20k", "43%", "0.4 to 0.5", "1.2",
    "900", "814 mm2", "30 k$", "2.1 B$", "5 years", "0.09 USD/kWh", "12 $/W", "400 g/kWh", "1.8 L/kWh",
    "150 kg",
)  # fmt: skip
_WORDS: Mapping[str, tuple[Any, ...]] = {
    "accelerator": (
        "nvidia-h100-sxm",
        "amd-mi300x",
        "NVIDIA H100 PCIe",
        "google-tpu-v5p",
        "huawei-ascend-910b",
    ),
    "organisation": ("ukri", "eurohpc-ju", "google", "microsoft"),
    "nation": ("US", "CN", "FR", "GB", "NO"),
    "date": ("2024-01-01", "2024", "2025-06", "2031-12-31", "0001-01-01", "9999-12-31"),
    "url": ("https://example.org/a", "http://example.org"),
    "id": ("one", "two-three", "x1"),
    "level": ("territory", "vendor", "provider,vendor", "vendor_nation", "foundry"),
    "path": ("../../etc/passwd", "/etc/passwd", "shipped", "nordic-alliance", ".", ""),
}
_OF_KEY: Mapping[str, str] = {
    **dict.fromkeys(("accelerator", "accelerators", "stands_for", "node"), "accelerator"),
    **dict.fromkeys(
        ("owner", "operator", "organisation", "designer", "from_firms", "foundry"), "organisation"
    ),
    **dict.fromkeys(("territory", "nation", "country", "countries", "from_nations", "members"), "nation"),
    **dict.fromkeys(("date", "in_service", "retired", "as_of", "on", "from", "until", "since"), "date"),
    **dict.fromkeys(("source", "url"), "url"),
    **dict.fromkeys(("levels", "at"), "level"),
    **dict.fromkeys(("census", "calibration", "clusters", "group"), "path"),
}


def documents(schema: Schema) -> st.SearchStrategy[Any]:
    """Return plain data that mostly keep to a JSON schema; one value in about thirty is odd."""
    return _of(schema, schema.get("$defs", {}), "", 0)


def _of(schema: Schema, defs: Mapping[str, Schema], key: str, depth: int) -> st.SearchStrategy[Any]:
    right = _right(schema, defs, key, depth)
    # drawn among thirty, so that a document of many values still keeps to its schema now and then
    return st.integers(0, 29).flatmap(lambda place: st.sampled_from(_ODD) if place == 29 else right)


def _right(schema: Schema, defs: Mapping[str, Schema], key: str, depth: int) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _named(str(schema["$ref"]).rpartition("/")[2], defs, key, depth)
    if "const" in schema or "enum" in schema:
        return st.sampled_from(list(schema.get("enum", [schema.get("const")])))
    if "anyOf" in schema or "oneOf" in schema:
        branches = list(schema.get("anyOf") or schema["oneOf"])
        return st.one_of([_right(one, defs, key, depth) for one in branches])
    if schema.get("type") == "object" or "properties" in schema:
        return _object(schema, defs, key, depth)
    return (
        _array(schema, defs, key, depth)
        if schema.get("type") == "array"
        else _scalar(schema.get("type"), key)
    )


def _named(name: str, defs: Mapping[str, Schema], key: str, depth: int) -> st.SearchStrategy[Any]:
    if depth > 8:
        return st.none()
    if name == "Uncertain":
        ranges = st.fixed_dictionaries({k: st.sampled_from(QUANTITIES) for k in ("low", "best", "high")})
        return st.one_of(st.sampled_from(QUANTITIES), st.floats(0.01, 1e6), st.integers(1, 10**6), ranges)
    return _right(defs[name], defs, key, depth + 1)


def _object(schema: Schema, defs: Mapping[str, Schema], key: str, depth: int) -> st.SearchStrategy[Any]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if not properties:
        others = schema.get("additionalProperties")
        value = _of(others, defs, key, depth + 1) if isinstance(others, Mapping) else _scalar(None, key)
        names = st.sampled_from(["bf16", "fp8", "territory", "vendor", "x", "growth.units", ""])
        return st.dictionaries(names, value, max_size=3)
    needed = set(schema.get("required", ()))
    made = {name: _of(one, defs, name, depth + 1) for name, one in properties.items()}
    return st.fixed_dictionaries(
        {name: value for name, value in made.items() if name in needed},
        optional={name: value for name, value in made.items() if name not in needed},
    )


def _array(schema: Schema, defs: Mapping[str, Schema], key: str, depth: int) -> st.SearchStrategy[Any]:
    if prefix := schema.get("prefixItems"):
        return st.tuples(*(_of(one, defs, key, depth + 1) for one in prefix)).map(list)
    most = max(3 - depth // 2, 1)
    return st.lists(_of(schema.get("items", {}), defs, key, depth + 1), min_size=0, max_size=most)


def _scalar(kind: Any, key: str) -> st.SearchStrategy[Any]:
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.one_of(st.integers(0, 5), st.integers(1, 10**9))
    if kind == "number":
        return st.one_of(st.floats(0.01, 1.0), st.floats(1.0, 1e18), st.sampled_from(QUANTITIES))
    word = _OF_KEY.get(key) or ("id" if key.endswith("id") else "")
    if word:
        return st.sampled_from(_WORDS[word])
    return st.one_of(
        st.sampled_from(QUANTITIES), st.sampled_from(("A name", "text", "x-y")), st.text(max_size=8)
    )


def tree_mutant(chance: random.Random, seed: bytes) -> bytes:
    """Return a JSON or JSON Lines text with a few nodes changed: odd, dropped, doubled, swapped."""
    lines = [seed] if seed.lstrip().startswith(b"{\n") or b"\n" not in seed.strip() else seed.splitlines()
    try:
        trees = [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError):
        trees = [json.loads(seed)]
    place = chance.randrange(len(trees))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        trees[place] = _changed(chance, trees[place])
    return b"\n".join(json.dumps(tree).encode() for tree in trees) + b"\n"


def _changed(chance: random.Random, tree: Any) -> Any:
    holders = list(_holders(tree))
    if not holders:
        return chance.choice(_ODD)
    holder = chance.choice(holders)
    key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    what = chance.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1:
        other = chance.choice(holders)
        holder[key] = copy.deepcopy(other) if len(json.dumps(other)) < 20_000 else None
    elif what == 2 and isinstance(holder, list):
        holder.extend(copy.deepcopy(holder[key : key + 1]))
    elif what == 2 and isinstance(holder, dict):
        holder[chance.choice(NASTY)[:40]] = holder.pop(key)
    elif what == 3:
        holder[key] = chance.choice(QUANTITIES + _WORDS["accelerator"] + _WORDS["nation"] + _WORDS["date"])
    else:
        holder[key] = copy.deepcopy(chance.choice(_ODD))
    return tree


def _holders(tree: Any) -> list[Any]:
    """Return every mapping and list of a tree that holds something."""
    found, open_ = [], [tree]
    while open_:
        one = open_.pop()
        if isinstance(one, (dict, list)) and one:
            found.append(one)
            open_.extend(one.values() if isinstance(one, dict) else one)
    return found
