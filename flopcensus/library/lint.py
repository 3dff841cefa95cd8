"""What is wrong in a census, and by how much it moves the total."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.library.answer import Answer, table
from flopcensus.library.asking import as_sources, is_frame
from flopcensus.library.census import Census

if TYPE_CHECKING:
    import pandas as pd

    from accounting.lint.rule import Finding
    from flopcensus.library.census import CensusLike


@dataclass(frozen=True, repr=False, eq=False)
class Findings(Answer):
    """What the linter's rules find, errors first."""

    _found: tuple[Finding, ...] = field(repr=False)

    def __len__(self) -> int:
        """Return how many findings there are."""
        return len(self._found)

    @property
    def clean(self) -> bool:
        """Whether no finding is an error; the command line then exits with 0."""
        return not any(one.severity == "error" for one in self._found)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The findings, numbered; ``factor`` is the total as it stands ÷ as it should be."""
        rows = [
            {
                "finding": number,
                **one,
                "found": str(finding.evidence.found),
                "expected": str(finding.evidence.expected),
            }
            for number, (one, finding) in enumerate(zip(self._document["findings"], self._found, strict=True))
        ]
        columns = ("severity", "rule", "message", "found", "expected", "ratio", "factor", "rows")
        return table(rows, ("finding",), columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus lint --format json`` prints."""
        from flopcensus.documents.lint import document

        return document(self._found)

    def to_sarif(self) -> dict[str, Any]:
        """Return the findings as a SARIF 2.1.0 log."""
        from flopcensus.documents.lint import sarif

        return sarif(self._found)

    def to_csv(self) -> str:
        """Return what ``flopcensus lint --format csv`` prints."""
        from flopcensus.documents.lint import csv

        return csv(self._found)

    def _title(self) -> str:
        return f"{len(self)} findings"

    def _shown(self) -> dict[str, pd.DataFrame]:
        return {"findings": self.findings[["severity", "rule", "message", "factor"]]} if len(self) else {}


def lint(files: CensusLike) -> Findings:
    """Check files by the linter's rules, each on its own and against one another.

    Args:
        files: our YAML (files or folders), foreign files, ``PREFIX:PATH``, or DataFrames of their columns; a
            census, or what its ``to_frame`` gives.

    Raises:
        InputError: and its kin, with the message of the command line.
    """
    from accounting.lint.linting import lint as find
    from accounting.reference.facts import load_facts
    from flopcensus.answering.reading import today

    given = files.to_frame() if isinstance(files, Census) else files
    with as_sources(given) as sources:
        found = find(sources, load_facts(), today())
    return Findings(tuple(_of_frame(one, sources) if is_frame(given) else one for one in found))


def _of_frame(finding: Finding, sources: Sequence[str]) -> Finding:
    """Name a frame's rows by the frame, not by the file that it was for a while."""
    from dataclasses import replace

    folder = f"{Path(sources[0]).parent}{os.sep}"
    rows = tuple(row.removeprefix(folder) for row in finding.evidence.rows)
    return replace(finding, evidence=replace(finding.evidence, rows=rows))
