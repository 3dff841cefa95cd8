"""Completion as zsh and fish do it, where they are installed: keys are pressed in the shell itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import in_process

TIMEOUT_S = 120
# what is typed, and what the line is after the key
TYPED = [
    ("flopcensus est", "flopcensus estimate"),
    ("flopcensus compare hed", "flopcensus compare hedged"),
    # a colon and a comma are signs of the shells' own
    ("flopcensus estimate epoch-cl", "flopcensus estimate epoch-clusters:"),
    ("flopcensus estimate --by territory,sec", "flopcensus estimate --by territory,sector"),
]
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'fpath=('$1' $fpath); autoload -Uz compinit; compinit -u -D; bindkey "^I" complete-word'
zpty -w -n shell "$2"$'\t'
zpty -w -n shell $'\C-a'"print -r -- \"l\"ine:"$'\n'
zpty -r shell found '*line:*'$'\n'
print -r -- "$found"
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> dict[str, str]:
    """One in which our command is found, and no settings of anybody's are."""
    home = tmp_path_factory.mktemp("home")
    ours = home / "flopcensus"
    ours.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flopcensus "$@"\n', encoding="utf-8")
    ours.chmod(0o755)
    for shell, name in (("zsh", "_flopcensus"), ("fish", "flopcensus.fish")):
        (home / name).write_text(in_process("completion", shell).stdout, encoding="utf-8")
    settings = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "TERM": "dumb",
        "PYTHONPATH": str(repository),
    }
    return os.environ | settings | {"PATH": f"{home}{os.pathsep}{os.environ['PATH']}"}


def said(environment: dict[str, str], *words: str) -> list[str]:
    done = subprocess.run(
        words, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=True, env=environment
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(("typed", "line"), TYPED)
def test_zsh_completes(typed: str, line: str, environment: dict[str, str]) -> None:
    found = said(environment, "zsh", "-f", "-c", ZSH, "zsh", environment["HOME"], typed)
    assert f"line:{line}" in [one.strip() for one in found]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("typed", "line"), TYPED)
def test_fish_completes(typed: str, line: str, environment: dict[str, str]) -> None:
    script = f"source {environment['HOME']}/flopcensus.fish; complete -C '{typed}'"
    offered = [one.partition("\t")[0] for one in said(environment, "fish", "-c", script)]
    assert line.rpartition(" ")[2] in offered


def test_a_value_with_a_comma_is_whole_in_fish() -> None:
    assert 'string split --max 1 ","' in in_process("completion", "fish").stdout
