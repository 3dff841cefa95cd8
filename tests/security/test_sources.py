"""What the sources may not do: run what they read, start a shell, reach for a network, name files ahead."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGES = ("bench", "accounting", "kernels", "flopcensus", "benchmarks", "scripts")
UNSAFE_TO_READ = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
XML = {"xml", "lxml"}
# the name of this host is asked for, and a port of this host lent to a launcher; nothing is connected to
NETWORK = {
    "urllib",
    "http",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "telnetlib",
    "xmlrpc",
    "ssl",
}
SOCKETS = {"bench/environment/node.py", "bench/group/rendezvous/endpoint.py", "flopcensus/commands/launch.py"}
RUNNING = {"eval", "exec", "compile", "__import__"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"}
# configs are read by accounting.documents, which builds nothing from tags
YAML = {f"yaml.{name}" for name in ("load", "load_all", "unsafe_load", "full_load", "safe_load")}
NAMED_AHEAD = {"tempfile.mktemp", "os.tempnam", "os.tmpnam"}


@pytest.fixture(scope="module")
def trees(repository: Path) -> Mapping[str, ast.Module]:
    """Every module that ships, and every script, parsed."""
    paths = [path for package in PACKAGES for path in sorted((repository / package).rglob("*.py"))]
    assert len(paths) > 300
    return {p.relative_to(repository).as_posix(): ast.parse(p.read_text(encoding="utf-8")) for p in paths}


def imports(node: ast.AST) -> Iterator[str]:
    """Yield the names of modules that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module


def dotted(function: ast.expr) -> str:
    """Return the dotted name of what is called, an empty string where it has none."""
    if isinstance(function, ast.Attribute):
        return f"{dotted(function.value)}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return what a call gives for an argument by its name."""
    return next((one.value for one in call.keywords if one.arg == name), None)


def faults_of(source: str, path: str = "bench/x.py") -> list[str]:
    """Return what a source does that it may not."""
    return list(faults(path, ast.parse(source)))


def faults(path: str, tree: ast.Module) -> Iterator[str]:
    """Yield what a module does that it may not."""
    for node in ast.walk(tree):
        for name in imports(node):
            top = name.partition(".")[0]
            # urllib.parse takes addresses apart and asks nobody
            if (top in UNSAFE_TO_READ | XML | NETWORK and name != "urllib.parse") or (
                top == "socket" and path not in SOCKETS
            ):
                yield f"{path}: imports {name}"
        if isinstance(node, ast.Call):
            yield from (f"{path}:{node.lineno}: {what}" for what in wrong(dotted(node.func), node))


def wrong(name: str, call: ast.Call) -> Iterator[str]:
    """Yield what a call does that it may not."""
    if name in RUNNING | SHELLS | NAMED_AHEAD | YAML:
        yield f"{name}()"
    if name.endswith("torch.load") and ast.unparse(keyword(call, "weights_only") or call) != "True":
        yield "torch.load without weights_only"
    for option in ("shell", "allow_pickle"):
        given = keyword(call, option)
        if given is not None and ast.unparse(given) != "False":
            yield f"{option}={ast.unparse(given)}"


def test_no_module_does_what_it_may_not(trees: Mapping[str, ast.Module]) -> None:
    assert [fault for path, tree in trees.items() for fault in faults(path, tree)] == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from marshal import loads",
        "import xml.etree.ElementTree as ET",
        "import urllib.request",
        "import socket",
        "eval('1')",
        "import os; os.system('ls')",
        "import subprocess; subprocess.run('ls', shell=True)",
        "import torch; torch.load(path)",
        "import torch; torch.load(path, weights_only=False)",
        "import numpy; numpy.load(path, allow_pickle=True)",
        "import yaml; yaml.load(text, Loader=yaml.Loader)",
        "import tempfile; tempfile.mktemp()",
    ],
)
def test_the_rules_see_a_breach(source: str) -> None:
    assert faults_of(source)


def test_the_rules_let_by_what_is_fine() -> None:
    assert not faults_of("import subprocess; subprocess.run(['ls'], shell=False)")
    assert not faults_of("import torch; torch.load(path, weights_only=True)")
    assert not faults_of("import socket", "bench/environment/node.py")
