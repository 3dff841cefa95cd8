"""Reader of a fleet: the bench records of a site's nodes, as one facility whose chips were counted.

A record says which devices a node has, not where it stands nor whose it is. That is said in a file
``fleet.yaml`` in the folder, every line optional; what it does not say is unknown::

    id: our-cluster
    name: Our cluster
    territory: FI
    owner: csc
    operator: csc
    sector: public
    users: researchers
    in_service: 2026-03-01

A device counts once, by its UUID where it has one, else by node and id, however many records tell of it.
CPUs are no accelerators. What is no record is left out by reason, and so are devices of no known model.
Whether a device is sick is for ``flopcensus fleet`` to say: it stands there all the same.
"""

from __future__ import annotations

import datetime
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from pydantic import Field

from accounting.census.facilities import Sector, Users
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.errors import Fault, InputFaults
from accounting.quantities import exact
from accounting.reference.facts import Facts
from accounting.reference.names import CountryCode, OrganisationId
from accounting.validation import Date, FactModel, Id, Text, load_all
from bench.record import SCHEMA

PREFIX = "fleet"
ABOUT = "fleet.yaml"

NO_RECORD = "no record of flopcensus bench"
NO_MODEL = "devices of no known accelerator"
_SUFFIXES = (".json", ".json.gz")
# a record of a node with many devices has some megabytes; what is larger, or unpacks to more, is none
_MOST_BYTES = 256 * 2**20


class About(FactModel):
    """What a fleet's records cannot tell: where it stands and whose it is."""

    id: Id = "fleet"
    name: Text | None = None
    territory: CountryCode | None = Field(None, description="country that the fleet stands in")
    owner: OrganisationId | None = Field(None, description="who owns it")
    operator: OrganisationId | None = Field(None, description="who runs it")
    sector: Sector | None = Field(None, description="of the owner: private, public, or both")
    users: Users | None = Field(None, description="who may run jobs there")
    in_service: Date | None = Field(
        None, description="first day of use; the day of its first record where left out"
    )


class _Device(msgspec.Struct):
    id: str
    kind: str
    accelerator: str | None = None
    uuid: str | None = None


class _Record(msgspec.Struct):
    node: str
    created: datetime.datetime
    devices: list[_Device]
    schema_: str = msgspec.field(name="schema")


@dataclass
class _Seen:
    """Devices by what tells them apart, and days of the first record and the last."""

    devices: dict[tuple[str, str], str | None] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    first: datetime.date | None = None
    last: datetime.date | None = None

    def add(self, record: _Record) -> None:
        """Take a record; of two that tell of one device, the model that is known counts."""
        day = record.created.date()
        self.first, self.last = min(self.first or day, day), max(self.last or day, day)
        for one in record.devices:
            if one.kind != "cpu":
                key = ("", one.uuid) if one.uuid else (record.node, one.id)
                # the same whatever the order of files
                self.devices[key] = max(self.devices.get(key) or "", one.accelerator or "") or None


def read(path: Path, facts: Facts) -> Ledger:
    """Read the records below a folder into a ledger of one facility.

    Raises:
        InputFaults: no such folder, no record with a known accelerator in it, or faults of ``fleet.yaml``.
    """
    if not path.is_dir():
        raise InputFaults(
            [Fault(str(path), 0, 0, "", "no such folder; give one with records of flopcensus bench")]
        )
    about = _about(path, facts)
    seen = _seen(path)
    counts = Counter(one for one in seen.devices.values() if one and one in facts.accelerators)
    if unknown := len(seen.devices) - counts.total():
        seen.left_out[NO_MODEL] += unknown
    if not counts:
        message = "no record with an accelerator that is known here"
        raise InputFaults([Fault(str(path), 0, 0, "", message, ", ".join(seen.left_out))])
    entries = tuple(
        _entry(about, accelerator, count, seen, path, facts) for accelerator, count in sorted(counts.items())
    )
    return Ledger(
        f"{PREFIX}:{path.name}",
        entries,
        left_out=dict(seen.left_out),
        warnings=_warnings(about, path),
        snapshot=seen.last,
    )


def _about(path: Path, facts: Facts) -> About:
    file = path / ABOUT
    return load_all([file], About, facts.names)[0][1] if file.is_file() else About()


def _warnings(about: About, path: Path) -> tuple[str, ...]:
    missing = [name for name in ("territory", "owner") if getattr(about, name) is None]
    if not missing:
        return ()
    return (f"{path.name}: {' and '.join(missing)} not known: records do not tell; say it in {path / ABOUT}",)


def _seen(path: Path) -> _Seen:
    seen, decoder = _Seen(), msgspec.json.Decoder(_Record)
    for file in _files(path):
        try:
            record = decoder.decode(_content(file))
        except (OSError, EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            seen.left_out[NO_RECORD] += 1
            continue
        if record.schema_ == SCHEMA:
            seen.add(record)
        else:
            seen.left_out[NO_RECORD] += 1
    return seen


def _content(file: str) -> bytes:
    """Return the bytes of a file, unpacked. Raises EOFError where there are too many, or too few."""
    if Path(file).stat().st_size > _MOST_BYTES:
        raise EOFError
    data = Path(file).read_bytes()
    if not file.endswith(".gz"):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    text = unpacker.decompress(data, _MOST_BYTES)
    if not unpacker.eof:
        raise EOFError
    return text


def _files(path: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(_SUFFIXES) and not name.startswith("."):
                yield str(Path(parent) / name)


def _entry(about: About, accelerator: str, count: int, seen: _Seen, path: Path, facts: Facts) -> Entry:
    designer = facts.accelerators[accelerator].designer
    # an owner that is not known is one all the same, so that the shares add to 1
    owners = (Owner(about.owner, facts.nation_of(about.owner), 1.0),)
    return Entry(
        id=f"{about.id}-{accelerator}",
        facility=about.id,
        facility_name=about.name or path.name,
        territory=about.territory,
        owners=owners,
        operator=about.operator,
        sector=about.sector,
        accelerator=accelerator,
        vendor=designer,
        vendor_nation=facts.nation_of(designer),
        count=exact(float(count)),
        in_service=about.in_service or seen.first,
        retired=None,
        status="operational",
        kind="measured",
        source=f"{PREFIX}:{path.name}",
        users=about.users,
    )
