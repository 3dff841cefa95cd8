"""The commands shown in README.md and docs/, and what they are shown to print.

A fenced block with the info string ``console`` holds commands after ``$ `` and what each prints to stdout;
a line ``...`` stands for any lines left out. In a block ``console measured`` the figures are those of one
machine: there only the command's success and the first word of each line are looked at, and time is cut.

``python -m tests.docs.examples [FILE…]`` runs them and writes what they print into the files.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300
CUT = "..."
_BLOCK = re.compile(r"^```console(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One command of one file, and the lines shown after it."""

    file: Path
    command: str
    shown: tuple[str, ...]
    measured: bool

    def __str__(self) -> str:
        """Name it in test reports."""
        return f"{self.file.name}: {self.command}"

    @property
    def runs_in_tests(self) -> bool:
        """Whether it is one of ours that a test can run (not make, pip or git)."""
        return self.command.startswith("flopcensus ")


def files() -> list[Path]:
    """Return the files that hold examples."""
    docs = REPOSITORY / "docs"
    return [REPOSITORY / "README.md", *sorted([*docs.glob("*.md"), *docs.glob("tutorials/*.md")])]


def blocks() -> list[tuple[Example, ...]]:
    """Return the examples of every file; those of one block run one after another in one folder."""
    return [block for file in files() for block in _blocks(file)]


def _blocks(file: Path) -> Iterator[tuple[Example, ...]]:
    for block in _BLOCK.finditer(file.read_text(encoding="utf-8")):
        measured = "measured" in block["info"]
        parts = [part.partition("\n") for part in re.split(r"^\$ ", block["body"], flags=re.MULTILINE)[1:]]
        made = [
            Example(file, command.strip(), tuple(output.rstrip("\n").splitlines()), measured)
            for command, _, output in parts
        ]
        if ours := tuple(example for example in made if example.runs_in_tests):
            yield ours


def run(example: Example, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example in ``folder``; a measuring one gets little time."""
    words = shlex.split(example.command)[1:]
    if example.measured:
        words = [w for w in words if w != "--quick"]
        words += ["--time-budget", "20"] if words[0] == "bench" and "--time-budget" not in words else []
    command = [sys.executable, "-m", "flopcensus", *words]
    return subprocess.run(
        command, check=False, cwd=folder, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S
    )


def agrees(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Whether what is printed is what is shown, with ``...`` for any lines left out."""
    pattern = [
        r"(?:[^\n]*\n)*?" if line.strip() == CUT else re.escape(line.rstrip()) + r"\n" for line in shown
    ]
    text = "".join(line.rstrip() + "\n" for line in printed)
    return re.fullmatch("".join(pattern), text) is not None


def cut_alike(shown: Sequence[str], printed: list[str]) -> list[str]:
    """Cut lines out of what is printed where they were cut out of what is shown.

    The first stretch begins with the first line, the last ends with the last; one in between begins where
    a line is most like its first.
    """
    stretches = [list(lines) for cut, lines in groupby(shown, key=lambda line: line == CUT) if not cut]
    if not stretches:
        return [CUT]
    kept, place = [], 0
    for number, lines in enumerate(stretches):
        first, last = number == 0 and shown[0] != CUT, number == len(stretches) - 1 and shown[-1] != CUT
        if last:
            place = max(place, len(printed) - len(lines))
        elif not first:
            begin = lines[0]
            later = range(place, len(printed))
            place = max(later, key=lambda n: (SequenceMatcher(None, printed[n], begin).ratio(), -n))
        kept.append(printed[place : place + len(lines)])
        place += len(lines)
    ends = [CUT] if shown[0] == CUT else [], [CUT] if shown[-1] == CUT else []
    between = [line for lines in kept for line in (*lines, CUT)][:-1]
    return [*ends[0], *between, *ends[1]]


def refresh(file: Path) -> None:
    """Write into ``file`` what its examples print now; long output is cut in the middle as it was shown."""
    text = file.read_text(encoding="utf-8")
    for block in _blocks(file):
        with tempfile.TemporaryDirectory() as folder:
            for example in block if not block[0].measured else ():
                printed = run(example, Path(folder)).stdout.rstrip("\n").splitlines()
                before = "\n".join(["$ " + example.command, *example.shown])
                text = text.replace(before, "\n".join(["$ " + example.command, *_shown(example, printed)]))
    file.write_text(text, encoding="utf-8")


def _shown(example: Example, printed: list[str]) -> list[str]:
    lines = [line.rstrip() for line in printed]
    return cut_alike(example.shown, lines) if CUT in example.shown else lines


if __name__ == "__main__":
    for path in map(Path.absolute, map(Path, sys.argv[1:])) if sys.argv[1:] else files():
        refresh(path)
