"""The records of many nodes merged, and the sick ones named."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.library.answer import Answer, table
from flopcensus.library.asking import meter_of, options_of

if TYPE_CHECKING:
    import pandas as pd

    from flopcensus.answering.fleet import Fleet as Found


@dataclass(frozen=True, repr=False, eq=False)
class Fleet(Answer):
    """Many nodes, judged by one another."""

    _found: Found = field(repr=False)

    @property
    def is_sick(self) -> bool:
        """Whether any node is, or the fleet fell below its baseline; the command line then exits with 1."""
        return self._found.is_sick

    @cached_property
    def results(self) -> pd.DataFrame:
        """Every metric of every device, by (node, device, workload, precision); values in ``unit``."""
        from flopcensus.documents.fleet import flat_rows

        return table(flat_rows(self._found), ("node", "device", "workload", "precision"))

    @cached_property
    def nodes(self) -> pd.DataFrame:
        """The nodes, indexed by name."""
        return table(self._document["nodes"], ("node",))

    @cached_property
    def outliers(self) -> pd.DataFrame:
        """Who is out of line, why and how far, indexed by (node, device)."""
        columns = ("kind", "signal", "effect", "value", "median", "unit", "words")
        return table(self._document["outliers"], ("node", "device"), columns)

    @cached_property
    def set_aside(self) -> pd.DataFrame:
        """Files that are no record, or one twice, and why, indexed by file."""
        return table(self._document["set_aside"], ("file",), ("reason",))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What limits the judgement."""
        return tuple(self._document["notes"])

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus fleet --format json`` prints."""
        from flopcensus.documents.fleet import document
        from flopcensus.output import to_json

        # what stands in tuples there are lists in JSON
        found: dict[str, Any] = json.loads(to_json(document(self._found)))
        return found

    def to_csv(self) -> str:
        """Return what ``flopcensus fleet --format csv`` prints."""
        from flopcensus.documents.fleet import COLUMNS, flat_rows
        from flopcensus.output import to_csv

        return to_csv(COLUMNS, flat_rows(self._found))

    def _title(self) -> str:
        found = self._document
        return f"{found['records']} records of {len(found['nodes'])} nodes, {len(found['outliers'])} outliers"

    def _shown(self) -> dict[str, pd.DataFrame]:
        tables = {"outliers": self.outliers, "set aside": self.set_aside}
        return {title: frame for title, frame in tables.items() if len(frame)}


def fleet(
    folder: str | Path,
    *,
    baseline: str | Path | None = None,
    false_alarms: float = 0.05,
    force: bool = False,
    anonymise: bool = False,
    progress: bool = False,
) -> Fleet:
    """Merge the records of many nodes, and name the nodes to drain.

    Args:
        folder: every .json and .json.gz file below it is read.
        baseline: earlier records of the same nodes.
        false_alarms: chance, at most, that a fleet without a fault shows any outlier.
        force: judge records that cannot be compared, each group apart.
        anonymise: leave out host names, serial numbers, users and paths.
        progress: say on stderr how far it is.

    Raises:
        InputError: no such folder, no record in it, or records that cannot be compared.
    """
    from flopcensus.answering.fleet import run_fleet

    given = {"baseline": baseline, "false_alarms": false_alarms, "force": force, "anonymise": anonymise}
    options = options_of("fleet", given | {"history": None})
    return Fleet(run_fleet(Path(folder), options, meter_of(progress)))
