"""Files in which Linux tells of itself: absent or closed to us, they tell nothing."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/")


def read_text(path: Path) -> str:
    """Text of a file without white space around it; empty where it is absent or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Logical CPUs one by one; empty for text of another form.

    Source of the form: Linux kernel documentation, admin-guide/cputopology.

    >>> parse_cpu_list("0-2,8")
    (0, 1, 2, 8)
    """
    cpus: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            return ()
        cpus.extend(range(int(first), int(last or first) + 1))
    return tuple(cpus)
