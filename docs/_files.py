"""The reference of files and records, made from the JSON Schemas of the models that read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from _markdown import plain, table

from accounting.validation import WRITTEN_AS
from flopcensus.schemas import DOCUMENTS, KINDS, schema

_FACT = "Fact of "
_PATTERNS = {
    r"^\d{4}(-\d{2}(-\d{2})?)?$": "date",
    r"^https?://\S+$": "web address",
    "^[a-z0-9]+(-[a-z0-9]+)*$": "id",
}
# what types say of themselves: quantities, names in a catalogue, dates
_FORMS = ("; units: ", "; a value, a range", "any name of flopcensus catalogue", "YYYY-MM-DD")
_EVERYWHERE = {
    "date": "when the source was published, or looked at where undated",
    "id": "unlike all others of its kind",
    "kind": "how the figure is known",
    "name": "name for people",
    "note": "what a reader should know of it",
    "source": "where a reader can look it up",
    "title": "title of the source, or of the study",
    "url": "web address of the source",
}
_QUANTITY = "[quantity](../files.md#quantities)"
_TYPES = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}


def files_page() -> str:
    """Return the page that lists the kinds of files, and says what a fact is."""
    rows = [
        (
            f"[{name}](files/{name}.md)",
            kind.title,
            ", ".join(f"`configs/{f}`" for f in kind.files if ":" not in f),
        )
        for name, kind in KINDS.items()
    ]
    printed = [
        (f"[{name}](files/{name}.md)", kind.title, f"`flopcensus {kind.files[0]}`")
        for name, kind in DOCUMENTS.items()
    ]
    return "\n\n".join(
        [
            "# Files, records and outputs",
            "Every kind of file that flopcensus reads or writes, field by field, from the models that read "
            "them. Unknown keys are errors. `flopcensus schema NAME` prints the JSON Schema of each "
            "([editors](../editors.md)).",
            table(("kind", "what it holds", "shipped"), rows),
            "## Outputs",
            "What commands print with `--format json`, and a study's `results.json`. Nothing is in them that "
            "is not named here.",
            table(("output", "what it holds", "command"), printed),
            "## Quantities",
            "A quantity is a text with its unit (`400 MW`); a range `A to B`, 5th to 95th percentile; or "
            "`{low, best, high}`, 5th, 50th and 95th. A plain number is taken only where there is no unit.",
            "## Facts",
            "A *fact of* something says beside its value how it is known:",
            table(
                ("field", "type", "default", "meaning"),
                [
                    ("`value`", "quantity", "required", "the value"),
                    *[(row[0], row[1], row[3], row[4]) for row in _fact_rows()],
                ],
            ),
            "",
        ]
    )


def _fact_rows() -> list[tuple[str, str, str, str, str]]:
    parts = schema("cluster")["$defs"]
    fact = next(part for name, part in parts.items() if name.startswith(_FACT))
    return [row for row in field_rows(fact) if row[0] != "`value`"]


def file_page(name: str) -> str:
    """Return the page of one kind of file: a table for the file and for each part of it.

    Raises:
        UnknownNameError: no such kind.
    """
    made = schema(name)
    parts = [
        "---\norphan: true\n---",  # the list of kinds leads here; a sidebar of all kinds would be no help
        f"# {name}",
        f"{({**KINDS, **DOCUMENTS})[name].title}. ([All kinds](../files.md); `[…]` is a list.)",
    ]
    parts += _part("The whole", made, made.get("$defs", {}))
    for title, part in made.get("$defs", {}).items():
        if not title.startswith(_FACT):
            parts += _part(title, part, made["$defs"])
    return "\n\n".join(parts) + "\n"


def _part(title: str, part: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {title}"
    description = part.get("description", "")
    if description and description != part.get("title"):
        yield plain(description)
    if "properties" in part:
        yield table(("field", "type", "unit", "default", "meaning"), field_rows(part, parts))
    else:
        yield f"{_type(part)}."


def field_rows(
    part: Mapping[str, Any], parts: Mapping[str, Any] | None = None
) -> list[tuple[str, str, str, str, str]]:
    """Return a model's fields: name, type, unit, default and meaning.

    Args:
        part: JSON Schema of an object.
        parts: the definitions that it refers to.
    """
    required = part.get("required", ())
    rows = []
    for name, field in part.get("properties", {}).items():
        described = _descriptions(field, parts or {})
        unit = next((found for text in described for found in _units(text)), "")
        meaning = _meaning(field, described, parts or {}) or _of_its_name(name, field, part)
        default = "required" if name in required else _default(field.get("default"))
        rows.append((f"`{name}`", _type(field), unit, default, plain(meaning)))
    return rows


def _meaning(field: Mapping[str, Any], described: list[str], parts: Mapping[str, Any]) -> str:
    """Return what a field says of itself; else the first words of the part that it holds, or of its type."""
    target = re.search(r"'#/\$defs/([^']+)'", str(field))
    part = parts.get(_name(target[1]), {}) if target and _FACT.strip() not in target[1] else {}
    first = _first_sentence(part)
    meaning = next((text for text in map(_without_form, described) if text), "") or first
    return re.sub(r"\s*Unit: [^.]+\.", "", meaning).strip()


def _first_sentence(part: Mapping[str, Any]) -> str:
    return str(part.get("description", "")).partition(". ")[0]


def _without_form(text: str) -> str:
    """Leave out how a value is written, which stands in the column of types, and is no meaning."""
    text = text.partition(WRITTEN_AS)[0]
    return "" if any(form in text for form in _FORMS) else text


def _of_its_name(name: str, field: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """Return what some names mean wherever they stand; the value of a fact is what the fact is of."""
    if name == "value":
        return _first_sentence(part)
    if name == "kind" and "measured" not in field.get("enum", ()):
        return ""
    return _EVERYWHERE.get(name, "")


def _descriptions(field: Mapping[str, Any], parts: Mapping[str, Any]) -> list[str]:
    """Return the texts of a field and of what it may be, its own first."""
    inner = [*field.get("anyOf", ()), field.get("items"), field.get("additionalProperties")]
    texts = [field.get("description", "")]
    for one in inner:
        texts += _descriptions(one, parts) if isinstance(one, dict) else []
    fact = parts.get(_name(field.get("$ref", "")), {}).get("properties", {}).get("value", {})
    texts += _descriptions(fact, parts) if _FACT in _name(field.get("$ref", "")) else []
    return [text for text in texts if text]


def _units(text: str) -> list[str]:
    return re.findall(r"Unit: ([^.]+)\.", text) or re.findall(r"^[a-z ]+, in ([^;]+);", text)


def _default(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "–"
    return f"`{', '.join(map(str, value)) if isinstance(value, list) else value}`"


def _type(field: Mapping[str, Any]) -> str:  # noqa: C901, PLR0911  (one line for each keyword of JSON Schema)
    if "$ref" in field:
        return _reference(field["$ref"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "anyOf" in field:
        if any("low" in one.get("properties", {}) for one in field["anyOf"]):
            return _QUANTITY
        kinds = [_type(one) for one in field["anyOf"] if one.get("type") != "null"]
        return "date" if "date" in kinds else " or ".join(dict.fromkeys(kinds))
    if "allOf" in field:
        return _type(field["allOf"][0])
    if field.get("type") == "array":
        return f"[…] {_type(field.get('items', {}))}".strip()
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"by name: {_type(inner)}" if isinstance(inner, dict) and inner else "by name"
    if field.get("pattern") in _PATTERNS:
        return _PATTERNS[field["pattern"]]
    if str(field.get("pattern", "")).startswith(r"^\s*"):  # blanks are taken only around figures
        return _QUANTITY
    if "x-names" in field:
        return f"name of `flopcensus catalogue {field['x-names']}`"
    return _TYPES.get(str(field.get("type")), "any")


def _name(reference: str) -> str:
    return reference.rpartition("/")[2].replace("%20", " ")


def _reference(target: str) -> str:
    name = _name(target)
    if name.startswith(_FACT):
        return f"[{name.lower()}](../files.md#facts)"
    return f"[{name}](#{name.lower()})"
