"""No file names the host of a package index or a folder of one person's machine: each user has their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

# in pieces, so that this file does not match itself
HOSTS = [
    "py" + "pi.org",
    "py" + "pi.python.org",
    "python" + "hosted.org",
    "download." + "pytorch.org",
    "conda." + "anaconda.org",
    "registry." + "npmjs.org",
]
OPTIONS = ["--" + "index-url", "--" + "extra-index-url", "--" + "find-links", "--" + "trusted-host"]
FORBIDDEN = re.compile(
    "|".join([re.escape(word) for word in HOSTS + OPTIONS] + [r"(?<![\w.])/(?:home|root|Users)/\w"]),
    re.IGNORECASE,
)
UNTRACKED = {"dist", "build", "results", "__pycache__"}


def files_of(repository: Path) -> Iterator[Path]:
    """Every file that is or will be tracked; in an unpacked sdist every file."""
    if (repository / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout
        names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
        yield from (path for name in names if (path := repository / name).is_file())
        return
    for path in sorted(repository.rglob("*")):
        parts = path.relative_to(repository).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts)
        if path.is_file() and not hidden and not UNTRACKED & set(parts):
            yield path


def found_in(text: str) -> list[str]:
    """The lines with a forbidden word."""
    lines = enumerate(text.splitlines(), start=1)
    return [f"{number}: {line.strip()[:120]}" for number, line in lines if FORBIDDEN.search(line)]


def test_no_file_names_an_index_or_a_home(repository: Path) -> None:
    files = list(files_of(repository))
    assert len(files) > 80
    texts = {path: path.read_bytes() for path in files}
    found = [
        f"{path.relative_to(repository)}:{where}"
        for path, content in texts.items()
        if b"\0" not in content
        # what a reader of files once failed on need not be text
        for where in found_in(content.decode("utf-8", "replace"))
    ]
    assert not found


@pytest.mark.parametrize("word", [*HOSTS, *OPTIONS, "/" + "home/someone", "/" + "Users/someone"])
def test_a_forbidden_word_is_noticed(word: str) -> None:
    assert found_in(f"see {word} there")


def test_an_ordinary_address_is_not() -> None:
    assert not found_in("https://pytorch.org/get-started and docs/home/index.md and the root / of it")


def test_constraints_pin_every_line(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    names = [re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins]
    assert len(names) == len(set(names))
    assert "kernels" not in names
