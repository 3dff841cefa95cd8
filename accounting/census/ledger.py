"""The ledger: a row for each deployment, every attribute resolved, every figure with its source."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from accounting.census.facilities import Deployment, Facility, Holding
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from accounting.validation import Kind

if TYPE_CHECKING:
    import pandas as pd

    from accounting.census.readers.reading import Readout


# in the ids of entries made of the further models of a row
FURTHER = "further"


@dataclass(frozen=True)
class Owner:
    """An owner with its share (0 to 1); None where a source does not say who, or of what nation."""

    organisation: str | None
    nation: str | None
    share: float


@dataclass(frozen=True, slots=True)
class Chips:
    """Accelerators of one model: which and how many, None where not known."""

    accelerator: str | None
    count: Uncertain | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One deployment as the accounts see it.

    None stands for "not known" throughout.

    Attributes:
        owners: Their shares add to 1; an owner that is not known is one without organisation and nation.
        count: Accelerators of the first model. Those of other models in the same row are ``further_chips``.
        values: A foreign file's own figures of the whole row, further chips included: FLOP/s by precision,
            or H100e under ``h100e``. They serve where the file is valued by its own figures.
        superseded_by: Id of the later phase that includes this one.
        duplicate: Whether the source takes the row for a possible repetition of another.
        standard: Whether the source counts the row in its own analysis.
        power: Watts of this deployment; ``power_of`` says of what (:mod:`accounting.census.facilities`).
        cost: US dollars of this deployment; ``cost_of`` says of what.
        same_as: Rows of other lists that speak of the same site (:mod:`accounting.census.crosswalk`).
        part_of: A site that contains this one.
        access: Who has what share of the access; may add to less than 1.
        used_by: Who has what share of the use; may add to less than 1.
    """

    id: str
    facility: str
    facility_name: str
    territory: str | None
    owners: tuple[Owner, ...]
    operator: str | None
    sector: str | None
    accelerator: str | None
    vendor: str | None
    vendor_nation: str | None
    count: Uncertain | None
    in_service: datetime.date | None
    retired: datetime.date | None
    status: str
    kind: Kind
    source: str
    values: Mapping[str, float] = field(default_factory=dict)
    superseded_by: str | None = None
    duplicate: bool = False
    standard: bool = True
    further_chips: tuple[Chips, ...] = ()
    power: Uncertain | None = None
    users: str | None = None
    same_as: tuple[str, ...] = ()
    part_of: str | None = None
    power_of: str | None = None
    cost: Uncertain | None = None
    cost_of: str | None = None
    access: tuple[Owner, ...] = ()
    used_by: tuple[Owner, ...] = ()

    @property
    def chips(self) -> tuple[Chips, ...]:
        """All accelerators of the row: its first model, then the further ones."""
        return (Chips(self.accelerator, self.count), *self.further_chips)


def by_model(entry: Entry, facts: Facts) -> Iterator[Entry]:
    """Yield an entry for each model of accelerator that a row states, so that each is counted once.

    Power, cost and a file's own figures are of the whole row, and stay with its first model. Who designed
    a model that is not known is taken to be who designed the first.
    """
    yield replace(entry, further_chips=())
    for place, chips in enumerate(entry.further_chips, start=1):
        known = facts.accelerators.get(chips.accelerator or "")
        designer = known.designer if known else entry.vendor
        yield replace(
            entry,
            id=f"{entry.id}-{FURTHER}-{place}",
            accelerator=chips.accelerator,
            vendor=designer,
            vendor_nation=facts.nation_of(designer),
            count=chips.count,
            power=None,
            power_of=None,
            cost=None,
            cost_of=None,
            further_chips=(),
            values={},
        )


class Settling(Protocol):
    """What decides between entries of several lists that speak of the same site."""

    def settle(self, entries: Sequence[Entry]) -> tuple[list[Entry], Counter[str]]:
        """Return the entries that are kept, and how many gave way, by reason."""


@dataclass(frozen=True)
class Ledger:
    """All entries of a census.

    Attributes:
        valued_by: Whose peaks serve: ``chips``, those of our catalogue by chip and count, or ``file``, the
            file's own figures under the names in ``columns``.
        left_out: Rows of the source that did not become entries, counted by reason.
        readout: What became of each row of a foreign file.
        sites: Where several lists were joined, what settles which of them is believed of a site.
        snapshot: The day that statuses are of; None where nobody says.
        seen: By entry id the day that its list's statuses are of, where lists of several days were joined.
        ranks: By entry id the place that the source gave a system when it came into service.
    """

    name: str
    entries: tuple[Entry, ...]
    valued_by: Literal["chips", "file"] = "chips"
    columns: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    readout: Readout | None = None
    sites: Settling | None = None
    snapshot: datetime.date | None = None
    seen: Mapping[str, datetime.date] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of the source: entries and those left out."""
        return len(self.entries) + sum(self.left_out.values())

    def to_frame(self) -> pd.DataFrame:
        """Return one line an entry; counts are medians, owners joined by ';'."""
        import pandas as pd  # noqa: PLC0415  (a third of a second that most commands need not spend)

        return pd.DataFrame([_flat(entry) for entry in self.entries])


def from_facilities(name: str, facilities: Iterable[Facility], facts: Facts) -> Ledger:
    """Resolve facilities into a ledger, whose snapshot is the newest date of a source."""
    known = tuple(facilities)
    entries = tuple(_entry(f, d, facts) for f in known for d in f.deployments)
    newest = max((day for f in known for day in _source_dates(f)), default=None)
    return Ledger(name, entries, snapshot=newest)


def _source_dates(facility: Facility) -> Iterator[datetime.date]:
    yield from (source.date for source in facility.sources)
    yield from (d.sized_by.date for d in facility.deployments)


def _entry(facility: Facility, deployment: Deployment, facts: Facts) -> Entry:
    known = facts.accelerators.get(deployment.accelerator or "")
    designer = known.designer if known else deployment.vendor
    sized = deployment.sized_by
    owners = tuple(Owner(o, facts.nation_of(o), share) for o, share in facility.owner_shares())
    return Entry(
        id=deployment.id,
        facility=facility.id,
        facility_name=facility.name,
        territory=facility.territory,
        owners=owners,
        operator=facility.operator,
        sector=facility.sector,
        accelerator=deployment.accelerator,
        vendor=designer,
        vendor_nation=facts.nation_of(designer),
        count=deployment.count.value if deployment.count else None,
        in_service=deployment.in_service,
        retired=deployment.retired,
        status=deployment.status,
        kind=sized.kind,
        source=sized.source,
        power=deployment.power.value if deployment.power else None,
        users=facility.users,
        same_as=facility.same_as,
        part_of=facility.part_of,
        power_of=deployment.power_of,
        cost=deployment.cost.value if deployment.cost else None,
        cost_of=deployment.cost_of,
        access=_holders(facility.access, facts),
        used_by=_holders(facility.used_by, facts),
    )


def _holders(holdings: Iterable[Holding], facts: Facts) -> tuple[Owner, ...]:
    return tuple(
        Owner(h.organisation, facts.nation_of(h.organisation), h.share.best if h.share else 1.0)
        for h in holdings
    )


def _flat(entry: Entry) -> dict[str, object]:
    return {
        "deployment": entry.id,
        "facility": entry.facility,
        "name": entry.facility_name,
        "territory": entry.territory,
        "owners": ";".join(owner.organisation or "unknown" for owner in entry.owners),
        "provider": ";".join(owner.nation or "unknown" for owner in entry.owners),
        "operator": entry.operator,
        "sector": entry.sector,
        "accelerator": entry.accelerator,
        "vendor": entry.vendor,
        "vendor_nation": entry.vendor_nation,
        "count": entry.count.best if entry.count else None,
        "power_w": entry.power.best if entry.power else None,
        "cost_usd": entry.cost.best if entry.cost else None,
        "users": entry.users,
        "in_service": entry.in_service,
        "retired": entry.retired,
        "status": entry.status,
        "kind": entry.kind,
        "source": entry.source,
    }
