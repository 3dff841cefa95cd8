"""The facts that the accounts rest on, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flopcensus.library.answer import table as framed
from flopcensus.library.asking import Paths, options_of

if TYPE_CHECKING:
    import pandas as pd


def catalogue(table: str = "accelerators", *, overlay: Paths = ()) -> pd.DataFrame:
    """Return a table of the shipped facts, indexed by its first column; units stand in the columns' names.

    Args:
        table: accelerators, organisations, countries, groups, facilities, sites, clusters, clouds,
            programmes, unrecorded, export-rules, measurements, workloads or freshness.
        overlay: files that correct or add facts.

    Raises:
        InputError: no such table, or a fault of an overlay.

    >>> import flopcensus as fc
    >>> float(fc.catalogue("accelerators").loc["nvidia-h100-sxm", "bf16_flop_per_s"])
    989400000000000.0
    """
    from accounting.reference.facts import load_facts
    from flopcensus.documents.catalogue.tables import TABLES

    options = options_of("catalogue", {"table": table, "overlay": overlay})
    rows = TABLES[options["table"]](load_facts(overlays=options["overlays"]))
    return framed(rows, (next(iter(rows[0])),))
