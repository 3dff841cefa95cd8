"""A fleet from its records and the options of ``flopcensus fleet``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    from bench.fleets.gathering import Gathered
    from bench.fleets.judging.verdicts import Judgement
    from bench.fleets.reading import Read, Reading


@dataclass(frozen=True)
class Fleet:
    """A folder of records, judged. ``public`` are the names nodes go by where the real ones must not show."""

    gathered: Gathered
    reading: Reading
    judgement: Judgement
    public: Mapping[str, str] = field(default_factory=dict)

    def name(self, node: str) -> str:
        """What a node is called in the output."""
        return self.public.get(node, node)

    def file(self, path: str) -> str:
        """What a file is called in the output."""
        return _numbered(path) if self.public else path

    @property
    def is_sick(self) -> bool:
        """Whether any node is, or the fleet as a whole fell below its baseline."""
        return bool(self.judgement.outliers) or any(one.slower for one in self.judgement.shifts)


def run_fleet(folder: Path, options: dict[str, Any], meter: MeterOf = Meter) -> Fleet:
    """Read a folder of records and judge it. Raises InputError and its kin."""
    from bench.fleets.anonymising import public_names
    from bench.fleets.judging.baseline import Before
    from bench.fleets.judging.judge import judge

    if options["history"] is None:
        gathered, reading = read_fleet(folder, meter=meter)
    else:
        gathered, reading = _added(folder, options["history"], meter)
    before = None
    if options["baseline"] is not None:
        earlier, read = read_fleet(options["baseline"], meter=meter)
        before = Before(earlier, tuple(read.withdrawn))
    judgement = judge(gathered, reading.withdrawn, options["rate"], force=options["force"], before=before)
    public = public_names(gathered.nodes) if options["anonymise"] else {}
    return Fleet(gathered, reading, judgement, public)


def _added(folder: Path, path: Path, meter: MeterOf) -> tuple[Gathered, Reading]:
    """Read a folder, and add what is read to a history."""
    from flopcensus.answering.fleet_history import adding
    from flopcensus.output import note

    take, finish = adding(path)
    found = read_fleet(folder, take, meter)
    note(finish())
    return found


def read_fleet(
    folder: Path, also: Callable[[Read], object] | None = None, meter: MeterOf = Meter
) -> tuple[Gathered, Reading]:
    """Read a folder's records; progress goes to ``meter``. ``also`` is given each record too.

    Raises:
        InputError: no such folder, or no record in it; the first reasons are named.
    """
    from bench.errors import InputError
    from bench.fleets.gathering import Gathered
    from bench.fleets.reading import Reading, record_files, stream

    gathered, reading = Gathered(), Reading()
    for read in stream(record_files(folder), reading, meter("files read")):
        gathered.add(read)
        if also is not None:
            also(read)
    if not reading.records:
        reasons = "; ".join(f"{one.file}: {one.reason}" for one in reading.set_aside[:3])
        raise InputError(f"{folder}: no file is a record of flopcensus bench ({reasons})")
    return gathered, reading


def _numbered(path: str) -> str:
    """A file's name that tells nothing of what it was called."""
    import hashlib

    return f"file-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
