"""Accounting's branches of the error tree (root: ``bench.errors.FlopcensusError``).

::

    InputError
    ├── InputFaults          every fault of the files read, one line each, with file:line:column
    ├── UnknownNameError     an id, name or code that no fact file knows; carries the nearest valid ones
    └── MixedValuesError     values of different precision, basis or unit met in one sum or comparison
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.errors import InputError

_FOUND_CHARS = 60
# letters from which on a beginning says what was meant
_LEAST_BEGUN = 4
# names that a message can list
_MOST_LISTED = 20


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong at one place of one file. Lines and columns count from 1; 0 means the whole file."""

    file: str
    line: int
    column: int
    path: str
    message: str
    found: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        """``file:line:column: path: what is wrong (found X); did you mean Y?``, always on one line."""
        place = self.file if self.line == 0 else f"{self.file}:{self.line}:{self.column}"
        parts = [place, self.path, self.message] if self.path else [place, self.message]
        text = ": ".join(parts)
        if self.found:
            text += f" (found {self.found})"
        if self.suggestion:
            text += f"; did you mean {self.suggestion}?"
        return " ".join(text.split())


class InputFaults(InputError):
    """All faults found in the files read; ``faults`` keeps them apart, the message has a line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UnknownNameError(InputError):
    """A name that is not known, with the nearest names that are."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.what = what
        self.name = name
        known = list(known)
        self.suggestion = nearest(name, known)
        listed = f" (there are {', '.join(known)})" if 0 < len(known) <= _MOST_LISTED else ""
        mend = f"; did you mean {self.suggestion}?" if self.suggestion else listed
        super().__init__(f"unknown {what} (found {quote(name)}){mend}")


class MixedValuesError(InputError):
    """Values that mean different things were added or compared."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that begins with ``name`` or is closest to it, an empty string where none is.

    >>> nearest("nvidia-h100-smx", ["nvidia-h100-sxm", "amd-mi300x"])
    'nvidia-h100-sxm'
    """
    candidates = {candidate.casefold(): candidate for candidate in known}
    folded = name.casefold()
    begun = [one for one in candidates if one.startswith(folded)] if len(folded) >= _LEAST_BEGUN else []
    if begun:
        return candidates[min(begun, key=len)]
    matches: Sequence[str] = difflib.get_close_matches(folded, list(candidates), n=1, cutoff=0.6)
    return candidates[matches[0]] if matches else ""


def quote(value: object) -> str:
    """Show a value found in a file: quoted, control characters escaped, cut to fit a line."""
    text = repr(value)
    return text if len(text) <= _FOUND_CHARS else text[: _FOUND_CHARS - 1] + "…"
