"""The examples of README.md and docs/ print what they are shown to print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.examples import REPOSITORY, Example, agrees, blocks, cut_alike, files, run

BLOCKS = blocks()


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 3


def _parameter(block: tuple[Example, ...]) -> object:
    """A block that measures this machine takes a minute."""
    marks = [pytest.mark.system] if any(one.measured for one in block) else []
    return pytest.param(block, id=str(block[0]), marks=marks)


@pytest.mark.parametrize("block", [_parameter(block) for block in BLOCKS])
def test_examples_print_what_is_shown(tmp_path: Path, block: tuple[Example, ...]) -> None:
    for example in block:
        _prints_what_is_shown(example, tmp_path)


def _prints_what_is_shown(example: Example, folder: Path) -> None:
    result = run(example, folder)
    assert result.returncode == 0, result.stderr
    printed = result.stdout.rstrip("\n").splitlines()
    if example.measured:
        first_words = {line.split()[0] for line in printed if line.split()}
        assert {line.split()[0] for line in example.shown if line.split() and line != "..."} <= first_words
    else:
        assert agrees(example.shown, printed), result.stdout


@pytest.mark.parametrize("file", files(), ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text):
        assert (file.parent / target).exists(), target


def test_every_folder_named_in_the_layout_is_there() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"^(\w+/)\s{2,}", readme, flags=re.MULTILINE):
        assert (REPOSITORY / name).is_dir(), name


def test_what_is_cut_out_stays_cut_out() -> None:
    shown = ["head", "...", "rate 1", "price 2", "...", "end"]
    printed = ["head anew", "note", "one more", "rate 7", "price 8", "others", "end anew"]
    assert cut_alike(shown, printed) == ["head anew", "...", "rate 7", "price 8", "...", "end anew"]
    assert cut_alike(["...", "price 2"], printed) == ["...", "end anew"]
    assert cut_alike(["..."], printed) == ["..."]
