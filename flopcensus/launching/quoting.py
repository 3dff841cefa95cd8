"""How values stand in scripts and directives, so that nothing reads more into them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from bench.errors import InputError

# What a scheduler's own names are made of; nothing that a shell, or sbatch's reader, treats apart.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,:@+=/-]*")


def plain_name(option: str, value: str) -> str:
    """A value as it is, where it is a plain name.

    Raises:
        InputError: It holds anything that a scheduler's directive might read as more than a name.
    """
    if not _NAME.fullmatch(value):
        raise InputError(
            f"{option} must be a plain name of letters, digits and ._,:@+=/- after a letter or digit "
            f"(found {value[:60]!r})"
        )
    return value


def shell_line(words: Iterable[str]) -> str:
    """Words as a shell reads them back.

    Example:
        >>> shell_line(["flopcensus", "bench", "--out", "a b; reboot"])
        "flopcensus bench --out 'a b; reboot'"
    """
    return shlex.join(words)
