"""What is imported when: help without the heavy packages, accounting on every platform and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flopcensus.cli import COMMANDS

HEAVY = {"torch", "pandas", "numpy", "scipy"}
# what else a mere --help or --version does without
MIDDLING = {"rich", "pydantic", "yaml", "jinja2", "accounting", "bench", "kernels"}
# what Windows or macOS lacks, what [bench] adds, and what only tests use
ABSENT = ("fcntl", "resource", "termios", "pwd", "grp", "torch", "psutil", "pynvml", "scipy")

CALL = """
import json, sys
from flopcensus.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(json.dumps({"exit": end.code, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""
HIDE = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r}))\n"
IMPORT_ALL = """
import importlib, pkgutil
import accounting
names = [found.name for found in pkgutil.walk_packages(accounting.__path__, "accounting.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def python(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def imported_by(*arguments: str, cwd: Path) -> tuple[str, set[str]]:
    """What a call of the command line prints, and which packages it imports."""
    result = python(CALL, *arguments, cwd=cwd)
    assert result.returncode == 0, result.stderr
    text, _, report = result.stdout.rstrip().rpartition("\n")
    ended = json.loads(report)
    assert not ended["exit"], result.stderr
    assert not result.stderr
    return text, set(ended["modules"])


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_help_and_version_are_light(option: str, tmp_path: Path) -> None:
    text, modules = imported_by(option, cwd=tmp_path)
    assert "flopcensus" in text
    assert not modules & (HEAVY | MIDDLING)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_on_a_command_is_light(command: str, tmp_path: Path) -> None:
    text, modules = imported_by(command, "--help", cwd=tmp_path)
    assert text.startswith(f"Usage: flopcensus {command} ")
    assert not modules & HEAVY


def test_heavy_imports_are_noticed(tmp_path: Path) -> None:
    _, modules = imported_by("catalogue", "accelerators", "--format", "json", cwd=tmp_path)
    assert "pydantic" in modules


def test_accounting_imports_on_every_platform(tmp_path: Path) -> None:
    result = python(HIDE + IMPORT_ALL, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 20


def test_an_estimate_needs_no_torch(tmp_path: Path) -> None:
    arguments = ("estimate", "--as-of", "2026-06-30", "--format", "json")
    result = python(f"{HIDE}from flopcensus.cli import main; main(sys.argv[1:])", *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"].startswith("flopcensus/estimate/")
    assert all(one["total"]["mean"] > 0 for one in document["estimates"])


def test_measuring_without_torch_is_one_line(tmp_path: Path) -> None:
    arguments = ("bench", "--device", "cpu", "--quick", "--out", str(tmp_path / "out"))
    result = python(f"{HIDE}from flopcensus.cli import main; main(sys.argv[1:])", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "flopcensus[bench]" in result.stderr
    assert not list(tmp_path.rglob("*.json"))
