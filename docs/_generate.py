"""The reference pages of the site, made from the commands, the public names and the models when it is built.

Each function returns the Markdown of a page; `write` writes them all. No copy is kept: one would fall behind.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import flopcensus
from flopcensus import testing
from flopcensus.cli import COMMANDS, cli
from flopcensus.schemas import KINDS, schema

_FACT = "Fact of "
_PATTERNS = {
    r"^\d{4}(-\d{2}(-\d{2})?)?$": "date",
    r"^https?://\S+$": "web address",
    "^[a-z0-9]+(-[a-z0-9]+)*$": "id",
}
_TYPES = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}
_OPTION_NOTES = re.compile(r"^(.*?)\s*\[([^\]]*(?:default|required)[^\]]*)\]$", re.DOTALL)


def write(folder: Path) -> None:
    """Write all pages into ``folder``; a page that is as it was keeps its date, so that it is not read again."""
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return every page by its path within the folder."""
    files = {f"files/{name}.md": file_page(name) for name in KINDS}
    return {
        "commands.md": commands_page(),
        "library.md": library_page(),
        "files.md": files_page(),
        "dictionary.md": dictionary_page(),
        **files,
    }


# --- the command line


def commands_page() -> str:
    """Return the page of all commands, from the commands themselves."""
    context = click.Context(cli, info_name="flopcensus", help_option_names=["-h", "--help"])
    parts = [
        "# Command line",
        "Results go to stdout, progress and warnings to stderr. Exit codes: 0 done; 1 done, and the verdict is "
        "bad; 2 bad input; 70 a fault of ours; 130 interrupted.",
    ]
    for name in sorted(COMMANDS):
        command = cli.get_command(context, name)
        assert command is not None  # it stands in the table of commands
        parts += _command(command, name, context, level=2)
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * level} {context.command_path.removeprefix('flopcensus ')}"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        if "\b" in paragraph:
            yield "```text\n" + paragraph.replace("\b", "").strip("\n") + "\n```"
        else:
            yield _plain(paragraph)
    records = [one.get_help_record(context) for one in command.get_params(context)]
    rows = [_option(*record) for record in records if record]
    yield table(("option", "default", "meaning"), rows)
    for block in (command.epilog or "").split("\b\n"):
        if block.strip():
            head, _, rest = block.strip("\n").partition("\n")
            yield f"{_plain(head)}\n\n```text\n{inspect.cleandoc(rest)}\n```"
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            if found is not None:
                yield from _command(found, sub, context, level + 1)


def _option(names: str, help_text: str) -> tuple[str, str, str]:
    found = _OPTION_NOTES.match(help_text)
    text, notes = (found[1], found[2]) if found else (help_text, "")
    return f"`{names}`", _plain(notes.replace("default: ", "")), _plain(text)


# --- the Python library


def library_page() -> str:
    """Return the page of the public names; their docstrings are read by autodoc."""
    public = [name for name in flopcensus.__all__ if not name.startswith("_")]
    found = {name: getattr(flopcensus, name) for name in public}
    verbs = [name for name, one in found.items() if not inspect.isclass(one)]
    errors = [name for name, one in found.items() if inspect.isclass(one) and issubclass(one, Exception)]
    answers = [name for name in found if name not in {*verbs, *errors}]
    helpers = [name for name in vars(testing) if name.startswith("assert_")]
    return "\n\n".join(
        [
            "# Python names",
            "What `import flopcensus as fc` offers; how it is used stands in [the library](../library.md).",
            _autodoc("Questions", "autofunction", "flopcensus", verbs),
            _autodoc("Answers", "autoclass", "flopcensus", answers),
            _autodoc("Errors", "autoexception", "flopcensus", errors),
            _autodoc("In tests of your own", "autofunction", "flopcensus.testing", helpers),
            "",
        ]
    )


def _autodoc(title: str, directive: str, module: str, names: Iterable[str]) -> str:
    lines = [f".. {directive}:: {module}.{name}" for name in names]
    return f"## {title}\n\n```{{eval-rst}}\n" + "\n\n".join(lines) + "\n```"


# --- files


def files_page() -> str:
    """Return the page that lists the kinds of files, and says what a fact is."""
    rows = [
        (f"[{name}](files/{name}.md)", kind.title, ", ".join(f"`configs/{f}`" for f in kind.files if ":" not in f))
        for name, kind in KINDS.items()
    ]
    entries = "\n".join(f"files/{name}" for name in KINDS)
    return "\n\n".join(
        [
            "# Files and records",
            "Every kind of file that flopcensus reads or writes, field by field, from the models that read them. "
            "Unknown keys are errors. `flopcensus schema NAME` prints the JSON Schema of each "
            "([editors](../editors.md)).",
            table(("kind", "what it holds", "shipped"), rows),
            "## Quantities",
            "A quantity is a text with its unit (`400 MW`); a range `A to B`, 5th to 95th percentile; or `{low, best, "
            "high}`, 5th, 50th and 95th. A plain number is taken only where the unit is none.",
            "## Facts",
            "A *fact of* something says beside its value how it is known:",
            table(
                ("field", "type", "default", "meaning"),
                [
                    ("`value`", "quantity", "required", "the value"),
                    *[(row[0], row[1], row[3], row[4]) for row in _fact_rows()],
                ],
            ),
            f"```{{toctree}}\n:hidden:\n\n{entries}\n```",
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
    parts = [f"# {name}", f"{KINDS[name].title}. Written `[…]`: a list of these."]
    parts += _part("The whole", made)
    for title, part in made.get("$defs", {}).items():
        if not title.startswith(_FACT):
            parts += _part(title, part)
    return "\n\n".join(parts) + "\n"


def _part(title: str, part: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {title}"
    description = part.get("description", "")
    if description and description != part.get("title"):
        yield _plain(description)
    if "properties" in part:
        yield table(("field", "type", "unit", "default", "meaning"), field_rows(part))
    else:
        yield f"{_type(part)}."


def field_rows(part: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Return a model's fields: name, type, unit, default and meaning.

    Args:
        part: JSON Schema of an object.
    """
    required = part.get("required", ())
    rows = []
    for name, field in part.get("properties", {}).items():
        described = _descriptions(field)
        unit = next((found for text in described for found in _units(text)), "")
        meaning = re.sub(r"\s*Unit: [^.]+\.", "", " ".join(described[:1])).strip()
        default = "required" if name in required else _default(field.get("default"))
        rows.append((f"`{name}`", _type(field), unit, default, _plain(meaning)))
    return rows


def _descriptions(field: Mapping[str, Any]) -> list[str]:
    """Return the texts of a field and of what it may be, its own first."""
    inner = [*field.get("anyOf", ()), field.get("items"), field.get("additionalProperties")]
    texts = [field.get("description", "")]
    for one in inner:
        texts += _descriptions(one) if isinstance(one, dict) else []
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
            return "[quantity](../files.md#quantities)"
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
    if "x-names" in field:
        return f"name of `flopcensus catalogue {field['x-names']}`"
    return _TYPES.get(str(field.get("type")), "any")


def _reference(target: str) -> str:
    name = target.rpartition("/")[2].replace("%20", " ")
    if name.startswith(_FACT):
        return f"[{name.lower()}](../files.md#facts)"
    return f"[{name}](#{name.lower()})"


# --- columns


def dictionary_page() -> str:
    """Return the data dictionary: the columns of tables that are written or shipped, and where they are known."""
    from accounting.census.flat import COLUMNS
    from flopcensus.exports.dictionary import dictionary_markdown

    ledger = [(f"`{c.name}`", _plain(c.meaning), "yes" if c.may_be_blank else "no") for c in COLUMNS]
    return "\n\n".join(
        [
            "# Data dictionary",
            "## The long table of exports",
            "`flopcensus export`; [formats](../exports.md).",
            dictionary_markdown().strip(),
            "## The ledger",
            "`flopcensus convert … -o FILE.csv` and `flopcensus.load_census().to_frame()`; [converting](../convert.md).",
            table(("column", "what stands in it", "may be blank"), ledger),
            "",
        ]
    )


# --- Markdown


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; ``|`` within a cell is escaped.

    >>> print(table(("a", "b"), [("x", "1|2")]))
    | a | b |
    |---|---|
    | x | 1\\|2 |
    """
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text in one line, with the signs escaped that Markdown would take for its own."""
    return re.sub(r"(?<!`)([<*\[\]])", r"\\\1", " ".join(text.replace("\b", "").split()))
