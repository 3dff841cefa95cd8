"""Nothing below ``flopcensus/`` prints: what is said on stdout is the command line's to decide."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

STREAMS = ("stdout", "__stdout__")


def prints(tree: ast.AST) -> Iterator[str]:
    """Where a module writes to stdout."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="print" | "pprint"):
                yield f"{node.lineno}: {node.id}"
            case ast.Attribute(attr=name) if name in STREAMS and ast.unparse(node.value) == "sys":
                yield f"{node.lineno}: sys.{name}"
            case ast.ImportFrom(module="sys", names=names) if {one.name for one in names} & set(STREAMS):
                yield f"{node.lineno}: from sys import stdout"


def test_only_the_face_prints(trees: Mapping[str, ast.Module]) -> None:
    below = {name: tree for name, tree in trees.items() if not name.startswith("flopcensus/")}
    assert not [f"{name}:{where}" for name, tree in below.items() for where in prints(tree)]


@pytest.mark.parametrize(
    "text",
    [
        "print('x')",
        "import sys\nsys.stdout.write('x')",
        "import sys\nout = sys.__stdout__",
        "from sys import stdout",
        "say = print",
    ],
)
def test_printing_is_noticed(text: str) -> None:
    assert list(prints(ast.parse(text)))
