"""The formats of foreign files: which reader serves each, and how each is recognised from its columns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from accounting.census.ledger import Ledger
from accounting.census.readers import (
    cloud_regions,
    epoch_chips,
    epoch_clusters,
    epoch_data_centers,
    epoch_hardware,
    flat_ledger,
    fleet,
    mlperf,
    mlperf_power,
    top500,
)
from accounting.census.readers.tables import open_table
from accounting.errors import Fault, InputFaults
from accounting.reference.facts import Facts

Reader = Callable[[Path, Facts], Ledger]
Recognise = Callable[[Collection[str]], bool]

READERS: dict[str, Reader] = {
    epoch_clusters.PREFIX: epoch_clusters.read,
    epoch_data_centers.PREFIX: epoch_data_centers.read,
    top500.PREFIX: top500.read,
    flat_ledger.PREFIX: flat_ledger.read,
    fleet.PREFIX: fleet.read,
}
_RECOGNISE: dict[str, Recognise] = {
    epoch_clusters.PREFIX: epoch_clusters.recognises,
    epoch_data_centers.PREFIX: epoch_data_centers.recognises,
    top500.PREFIX: top500.recognises,
    flat_ledger.PREFIX: flat_ledger.recognises,
}
# known here, but of chips, sales, results or regions: nothing to take a census of
_NO_CENSUS: dict[str, Recognise] = {
    epoch_chips.PREFIX: epoch_chips.recognises,
    epoch_hardware.PREFIX: epoch_hardware.recognises,
    mlperf.PREFIX: mlperf.recognises,
    mlperf_power.PREFIX: mlperf_power.recognises,
    cloud_regions.PREFIX: cloud_regions.recognises,
}


def recognise(path: Path) -> str:
    """Return the prefix of the format that a table's columns are of.

    Raises:
        InputFaults: they are of none, or of one that states no deployments.
    """
    columns = open_table(path).columns
    for prefix, fits in _RECOGNISE.items():
        if fits(columns):
            return prefix
    for prefix, fits in _NO_CENSUS.items():
        if fits(columns):
            message = f"a file of the format {prefix} states no deployments; a census is expected"
            raise InputFaults([Fault(str(path), 1, 1, "", message)])
    known = ", ".join(READERS)
    message = f"the columns are of no file known here; name the format if it is one of them ({known}:PATH)"
    raise InputFaults([Fault(str(path), 1, 1, "", message, ", ".join(columns[:4]))])
