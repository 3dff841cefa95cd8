"""The command line driven from tests: as a process, or faster in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# a machine that others share may take several times as long as an idle one
TIMEOUT_S = 300


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def as_process(*arguments: str, cwd: Path | None = None) -> Outcome:
    """Run ``flopcensus`` as its users do."""
    command = [sys.executable, "-m", "flopcensus", *arguments]
    done = subprocess.run(
        command, check=False, cwd=cwd, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def in_process(*arguments: str, cwd: Path | None = None) -> Outcome:
    """Run the same entry point in this process: the facts are then read once for all tests."""
    from flopcensus.cli import invoke

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _inside(cwd):
        code = invoke(list(arguments))
    return Outcome(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _inside(folder: Path | None) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder or before)
    try:
        yield
    finally:
        os.chdir(before)
