"""Files that people ask for are written whole or not at all: nothing that ships writes over one in place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("accounting", "bench", "flopcensus")
# its files stand in a folder of its own while a call lasts
FOR_A_WHILE = {"flopcensus/library/asking.py"}


def in_place(source: str) -> Iterator[int]:
    """Lines that write over a file."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        opens = method == "open" or (isinstance(node.func, ast.Name) and node.func.id == "open")
        modes = {one.value for one in node.args if isinstance(one, ast.Constant)}
        if method in ("write_text", "write_bytes") or (opens and modes & {"w", "wb"}):
            yield node.lineno


def test_no_command_writes_over_a_file_in_place(repository: Path) -> None:
    paths = [path for package in PACKAGES for path in sorted((repository / package).rglob("*.py"))]
    assert len(paths) > 300
    named = ((path.relative_to(repository).as_posix(), path.read_text(encoding="utf-8")) for path in paths)
    found = [f"{name}:{line}" for name, text in named if name not in FOR_A_WHILE for line in in_place(text)]
    assert found == []


def test_the_rule_sees_a_breach() -> None:
    assert list(in_place("path.write_text(text)\nopen(path, 'w')\npath.open('rb')\n")) == [1, 2]
