"""Imports among the modules of ``kernels/`` run one way: from a workload to its helpers, never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest


def imported(tree: ast.Module) -> Iterator[str]:
    """What a module imports anywhere in it: on top, in a function, by name, for types alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "no relative imports here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # what import_module is called with


def circle(texts: Mapping[str, str]) -> list[str]:
    """Modules of a circle of imports, the first one again at the end; empty where there is none."""
    graph = {name: {*imported(ast.parse(text))} & texts.keys() - {name} for name, text in texts.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_of_kernels_imports_itself_through_another(repository: Path) -> None:
    paths = sorted((repository / "kernels").rglob("*.py"))
    assert len(paths) > 40
    name_of = {path: ".".join(path.relative_to(repository).with_suffix("").parts) for path in paths}
    assert circle({name: path.read_text(encoding="utf-8") for path, name in name_of.items()}) == []


@pytest.mark.parametrize(
    "back",
    [
        "import kernels.gemm",
        "from kernels.gemm import Gemm",
        "from kernels import gemm",
        "def prepare():\n    from kernels.gemm import Gemm",
        "if TYPE_CHECKING:\n    from kernels.gemm import Gemm",
        "def code():\n    return import_module('kernels.gemm')",
    ],
)
def test_every_way_of_importing_closes_a_circle(back: str) -> None:
    road = {
        "kernels.gemm": "from kernels.products import ways",
        "kernels.products.ways": "import kernels.tensors",
    }
    assert circle({**road, "kernels.tensors": ""}) == []
    found = circle({**road, "kernels.tensors": back})
    assert set(found) == {"kernels.gemm", "kernels.products.ways", "kernels.tensors"}
