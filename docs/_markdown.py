"""Tables and plain text in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; ``|`` within a cell is escaped."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return a text in one line, with the signs escaped that Markdown would take for its own."""
    return re.sub(r"(?<!`)([<*\[\]])", r"\\\1", " ".join(text.replace("\b", "").split()))
