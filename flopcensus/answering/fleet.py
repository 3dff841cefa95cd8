"""A fleet from its records and the options of ``flopcensus fleet``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    from bench.fleets.gathering import Gathered
    from bench.fleets.reading import Reading
    from flopcensus.documents.fleet import Fleet


def run_fleet(folder: Path, options: dict[str, Any], meter: MeterOf = Meter) -> Fleet:
    """Read a folder of records and judge it. Raises InputError and its kin."""
    from bench.fleets.anonymising import public_names
    from bench.fleets.baseline import Before
    from bench.fleets.judging import judge
    from flopcensus.documents.fleet import Fleet, read_fleet

    if options["history"] is None:
        gathered, reading = read_fleet(folder, meter=meter)
    else:
        gathered, reading = _added(folder, options["history"])
    before = None
    if options["baseline"] is not None:
        earlier, read = read_fleet(options["baseline"], meter=meter)
        before = Before(earlier, tuple(read.withdrawn))
    judgement = judge(gathered, reading.withdrawn, options["rate"], force=options["force"], before=before)
    public = public_names(gathered.nodes) if options["anonymise"] else {}
    return Fleet(gathered, reading, judgement, public)


def _added(folder: Path, path: Path) -> tuple[Gathered, Reading]:
    """Read a folder, and add what is read to a history."""
    from flopcensus.documents.fleet import read_fleet
    from flopcensus.documents.fleet_history import adding
    from flopcensus.output import note

    take, finish = adding(path)
    found = read_fleet(folder, take)
    note(finish())
    return found
