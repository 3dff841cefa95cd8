"""The site builds without a warning, its links lead somewhere, its reference holds what the code holds."""

from __future__ import annotations

import ast
import csv
import importlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import click
import pytest

import flopcensus
from flopcensus.cli import COMMANDS, cli
from tests.docs.examples import REPOSITORY

DOCS = REPOSITORY / "docs"
BUILD_TIMEOUT_S = 300
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(find_spec("sphinx") is None, reason="the site is built with Sphinx"),
]


class Page(HTMLParser):
    """The links of a page and the places that links may lead to."""

    def __init__(self, path: Path) -> None:
        """Read ``path``."""
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what links and what is linked to."""
        found = dict(attrs)
        self.ids |= {found[key] or "" for key in ("id", "name") if key in found}
        self.links += [found[key] or "" for key in ("href", "src") if key in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    folder = tmp_path_factory.mktemp("site").resolve()
    # links and warnings are those of any theme; the plain one takes less time over its sidebars
    options = ["-W", "--keep-going", "-q", "-D", "html_theme=basic", "-b", "html"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder)],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path: Page(path) for path in folder.rglob("*.html")}


def test_every_page_of_docs_is_on_the_site(site: dict[Path, Page]) -> None:
    names = {path.stem for path in site}
    assert {path.stem for path in [*DOCS.glob("*.md"), *DOCS.glob("tutorials/*.md")]} <= names


def test_every_link_within_the_site_leads_somewhere(site: dict[Path, Page]) -> None:
    lost = [
        f"{path.name}: {link}"
        for path, page in site.items()
        for link in page.links
        if _lost(link, path, site)
    ]
    assert not lost
    assert sum(len(page.links) for page in site.values()) > 1000


def _lost(link: str, path: Path, site: dict[Path, Page]) -> bool:
    """Whether a link leads nowhere; of one that leaves the site only the form is looked at."""
    parts = urlsplit(link)
    if parts.scheme:
        return parts.scheme not in {"https", "http", "data", "mailto"} or not (parts.netloc or parts.path)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.suffix != ".html":
        return not target.exists()
    return target not in site or bool(parts.fragment and unquote(parts.fragment) not in site[target].ids)


def test_a_lost_link_is_seen(site: dict[Path, Page]) -> None:
    index = next(path for path in site if path.name == "index.html")
    links = ["nowhere.html", "method.html#nowhere", "https://", "method.html#draws"]
    assert [_lost(link, index, site) for link in links] == [True, True, True, False]


@pytest.fixture(scope="module")
def reference(site: dict[Path, Page]) -> dict[str, str]:
    """The pages that building has just made."""
    assert site
    folder = DOCS / "reference"
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")
    }


def _of_docs(name: str) -> ModuleType:
    """Import a module of docs/, which is no package."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))


def test_the_reference_has_every_option_of_every_command(reference: dict[str, str]) -> None:
    context = click.Context(cli, info_name="flopcensus")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        section = re.split(rf"^## {name}$", reference["commands.md"], flags=re.MULTILINE)[1].split("\n## ")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[0] in section, (name, parameter.opts)


def test_the_reference_has_every_public_name(reference: dict[str, str]) -> None:
    for name in flopcensus.__all__:
        assert name.startswith("_") or f":: flopcensus.{name}\n" in reference["library.md"], name


def test_the_reference_has_every_field_of_every_file(reference: dict[str, str]) -> None:
    from bench.record import Record, Result
    from flopcensus.schemas import KINDS, schema

    for kind in KINDS:
        for part in (whole := schema(kind), *whole.get("$defs", {}).values()):
            if not str(part.get("title", "")).startswith("Fact of"):
                assert all(
                    f"| `{name}` |" in reference[f"files/{kind}.md"] for name in part.get("properties", ())
                )
    fields = {*re.findall(r"^\| `(\w+)`", reference["files/record.md"], re.MULTILINE)}
    assert {*Record.model_fields, *Result.model_fields} - {"schema_"} < fields


def test_no_field_of_the_reference_lacks_its_meaning(reference: dict[str, str]) -> None:
    rows = [
        (page, line)
        for page, text in reference.items()
        if page.startswith("files")
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    assert len(rows) > 800
    assert not [row for row in rows if re.search(r"\|\s*\|$", row[1])]


def test_how_a_type_is_written_is_no_meaning() -> None:
    from flopcensus.schemas import schema

    files = _of_docs("_files")
    aim = schema("programmes")["$defs"]["Aim"]
    assert "written as YYYY-MM-DD" in aim["properties"]["by"]["description"]
    rows = {row[0]: row[4] for row in files.field_rows({"properties": {**aim["properties"]}})}
    assert rows["`by`"] == "the day it is aimed at; for what exists, the day it was so"
    assert files.field_rows({"properties": {"day": {"description": "YYYY-MM-DD or YYYY"}}})[0][4] == ""


def test_a_field_has_its_unit_default_and_meaning() -> None:
    rows = _of_docs("_files").field_rows(
        {
            "required": ["power"],
            "properties": {
                "power": {"type": "number", "description": "What it draws. Unit: W."},
                "share": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": 0.5},
                "rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}, "default": []},
            },
        }
    )
    assert rows == [
        ("`power`", "number", "W", "required", "What it draws."),
        ("`share`", "number", "", "`0.5`", ""),
        ("`rows`", "[…] [Row](#row)", "", "–", ""),
    ]


def test_every_column_has_a_meaning() -> None:
    columns = _of_docs("_columns")
    lacking = [
        (command, name)
        for command, one in _of_docs("_printed").printed().items()
        for name in one.columns
        if not columns.meaning_of(name, one)
    ]
    assert not lacking
    for file, known in (("countries", columns.COUNTRIES), ("country_figures", columns.FIGURES)):
        with (REPOSITORY / "configs" / f"{file}.csv").open(encoding="utf-8", newline="") as stream:
            assert next(csv.reader(stream)) == [*known]


def test_commands_that_the_tutorials_only_name_could_be_given() -> None:
    """What is not run is held against the options there are."""
    context = click.Context(cli, info_name="flopcensus")
    lines = [
        line.strip().partition("#")[0].partition(">")[0]
        for path in [*DOCS.glob("tutorials/*.md"), DOCS / "faq.md"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("    flopcensus ")
    ]
    assert len(lines) > 10
    for line in lines:
        name, *words = line.split()[1:]
        command = cli.get_command(context, name)
        assert command is not None, line
        command.make_context(name, words, parent=context, resilient_parsing=True)


# --- the house

NAMED = re.compile(r"`((?:accounting|bench|flopcensus|kernels)\.[\w.]+)`")


def test_every_function_named_on_the_journeys_exists() -> None:
    names = NAMED.findall((DOCS / "architecture.md").read_text(encoding="utf-8"))
    assert len(names) > 25
    for name in names:
        assert _defined(name), name
    assert not _defined("bench.session.nowhere")


def _defined(name: str) -> bool:
    """Whether a dotted name is a module, class, function or method; nothing is imported for it."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        file = REPOSITORY.joinpath(*parts[:length]).with_suffix(".py")
        if file.exists():
            nodes: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
            for part in parts[length:]:
                found = [
                    node
                    for node in nodes
                    if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == part
                ]
                if not found:
                    return False
                nodes = found[0].body
            return True
    return False


def test_every_room_has_its_sentence() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for floor in ("flopcensus", "accounting", "bench"):
        for room in (REPOSITORY / floor).glob("*/__init__.py"):
            assert f"| `{floor}/{room.parent.name}` |" in text, room
    for room in re.findall(r"^\| `([\w./]+)` \|", text, re.MULTILINE):
        assert (REPOSITORY / room).exists(), room
