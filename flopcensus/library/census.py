"""A census in memory: what stands where, whose it is, and how that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from flopcensus.library.answer import Answer, as_days
from flopcensus.library.asking import Paths, as_sources

if TYPE_CHECKING:
    import pandas as pd

    from accounting.census.ledger import Ledger
    from accounting.reference.facts import Facts

# a file, folder or prefix:path as on the command line, a frame, a census read before, or several lists
CensusLike: TypeAlias = "str | Path | pd.DataFrame | Census | Sequence[str | Path | pd.DataFrame]"

_NUMBERS = ("count_", "power_low_w", "power_best_w", "power_high_w", "cost_", "value_")
_NO_NUMBERS = ("count_family", "cost_of")


@dataclass(frozen=True, repr=False, eq=False)
class Census(Answer):
    """All deployments of one or more lists, resolved against the facts.

    Attributes:
        ledger: a row for each deployment, indexed by its id: medians of counts (accelerators), power (W) and
            cost (USD), owners joined by ``;``. For reading and selecting.
    """

    _ledger: Ledger = field(repr=False)
    _facts: Facts = field(repr=False)
    _sources: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the census is called in estimates."""
        return self._ledger.name

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know of the lists."""
        return self._ledger.warnings

    def __len__(self) -> int:
        """Return the number of deployments."""
        return len(self._ledger.entries)

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """A row for each deployment, indexed by its id."""
        return readable(self._ledger)

    def to_frame(self) -> pd.DataFrame:
        """Return every field of every deployment, indexed by ``id``; docs/convert.md has their meaning.

        `estimate` takes the frame back, changed or not. Counts are accelerators, power W, cost USD, dates
        are dates; ``owners`` and other lists are JSON.
        """
        import io

        import pandas as pd

        # NA is Namibia
        frame = pd.read_csv(io.StringIO(self.to_csv()), dtype=str, keep_default_na=False, na_values=[""])
        numbers = [c for c in map(str, frame) if c.startswith(_NUMBERS) and c not in _NO_NUMBERS]
        frame = frame.astype(dict.fromkeys(numbers, float))
        for name in ("duplicate", "standard"):
            frame[name] = frame[name] == "true"
        frame = as_days(frame, "in_service", "retired").set_index("id")
        if self._ledger.sites is not None:
            frame.attrs["joined"] = True
        return frame

    def keep(self, rows: Any) -> Census:
        """Return the census with some of its deployments.

        Args:
            rows: a boolean Series, array or list, one for each row of `ledger`, or ids of deployments.

        Raises:
            InputError: neither.

        >>> import flopcensus as fc
        >>> census = fc.load_census()
        >>> norway = census.keep(census.ledger.territory == "NO")
        >>> set(norway.ledger.territory)
        {'NO'}
        """
        import numpy as np
        import pandas as pd

        from bench.errors import InputError

        flags = np.asarray(rows)
        if flags.dtype == bool:
            if len(flags) != len(self):
                raise InputError(
                    f"a census of {len(self)} deployments needs as many marks (found {len(flags)})"
                )
            # a Series may have been sorted: its own index says whose mark each one is
            places = rows.index if isinstance(rows, pd.Series) else self.ledger.index
            wanted = set(places[flags])
        else:
            wanted = {rows} if isinstance(rows, str) else {str(name) for name in rows}
        if unknown := wanted - set(self.ledger.index):
            raise InputError(f"no such deployment: {', '.join(sorted(unknown)[:3])}")
        entries = tuple(entry for entry in self._ledger.entries if entry.id in wanted)
        kept = replace(self._ledger, name=f"part of {self.name}", entries=entries, readout=None)
        return replace(self, _ledger=kept, _sources=("part",))

    def to_csv(self) -> str:
        """Return every field as CSV, as ``flopcensus convert`` writes it."""
        from accounting.census.flat import to_csv

        return to_csv(self._ledger)

    def to_dict(self) -> dict[str, Any]:
        """Return the rows of `ledger` as ``catalogue facilities`` states them."""
        from flopcensus.documents.catalogue.rows import frame_rows, plain

        whole = frame_rows(self._ledger.to_frame())
        rows = [{key: plain(value) for key, value in row.items()} for row in whole]
        return {"schema": "flopcensus/catalogue/1", "table": "facilities", "rows": rows}

    def _title(self) -> str:
        return f"{self.name}: {len(self)} deployments"

    def _shown(self) -> dict[str, pd.DataFrame]:
        columns = ["name", "territory", "provider", "accelerator", "count", "in_service", "status"]
        return {"ledger": self.ledger[columns]}


def readable(ledger: Ledger) -> pd.DataFrame:
    """Return a ledger as a frame for reading, indexed by deployment."""
    return as_days(ledger.to_frame(), "in_service", "retired").set_index("deployment")


def load_census(census: CensusLike = (), *, overlay: Paths = ()) -> Census:
    """Read a census.

    Args:
        census: our YAML (a file or folder), a foreign file (``epoch-clusters:PATH``, or a path whose columns
            are recognised), a DataFrame of the same columns, ``shipped``, or several of these, of which the
            first that has a site is believed about it. The shipped census where left out.
        overlay: files of your own that correct or add facts.

    Raises:
        InputFaults: every fault of the files, each with its place.
        UnknownNameError: an unknown prefix.

    >>> import flopcensus as fc
    >>> fc.load_census().ledger.loc["lumi-g", "accelerator"]
    'amd-mi250x'
    """
    from flopcensus.answering.estimate import read_census
    from flopcensus.library.asking import options_of

    if isinstance(census, Census):
        return census
    options = options_of("estimate", {"overlay": overlay})
    with as_sources(census) as sources:
        ledger, facts = read_census(sources, options["overlays"])
    return Census(ledger, facts, tuple(sources))
