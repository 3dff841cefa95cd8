"""Reader of a list of public cloud regions: who offers accelerators where. Presence only, never FLOP.

A region tells that a provider has accelerators of some designer in a territory, not how many. The three
levels are those of Hawkins, Lehdonvirta and Wu (2025), *AI Compute Sovereignty* (SSRN 5312977): territory,
nation of the provider, nation of the accelerators' designer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from accounting.census.readers.cells import truth
from accounting.census.readers.reading import Reading, Readout
from accounting.census.readers.tables import Row, open_table
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN
from accounting.reference.unresolved import Unresolved, load_unresolved

PREFIX = "cloud-regions"

# what stands in place of a designer's nation where a region has no accelerators
NO_ACCELERATORS = "none"

_REQUIRED = ("provider", "region", "country", "gpu", "gpu_types")

NO_REGION = "no provider or no region"
LISTED_TWICE = "the region stands in an earlier row"
OTHER_CODE = "names another country than the code; unknown is taken"
FROM_CODE = "a country that is not known; that of the code is taken"
CHIPS_NAMED = "accelerators are denied or blank, but some are named; the region has some"


@dataclass(frozen=True)
class CloudRegion:
    """One region of one provider.

    Attributes:
        organisation: Who ultimately controls the provider; None where not known.
        accelerated: Whether it offers accelerators.
        chips: Their names, as far as the list names any.
        accelerators: Ids of those that are models of the catalogue.
        vendors: Their designers; ``unknown`` for a name that tells none.
        vendor_nations: Nations of these, without repeats.
    """

    line: int
    provider: str
    organisation: str | None
    provider_nation: str | None
    region: str
    territory: str | None
    kind: str | None
    status: str | None
    accelerated: bool
    chips: tuple[str, ...]
    accelerators: tuple[str, ...]
    vendors: tuple[str, ...]
    vendor_nations: tuple[str, ...]


@dataclass(frozen=True)
class CloudRegions:
    """All regions of a list, and what became of its rows."""

    regions: tuple[CloudRegion, ...]
    readout: Readout


@dataclass(frozen=True, order=True)
class Presence:
    """Regions of one territory, provider nation and vendor nation, and how many providers they are of.

    ``vendor_nation`` is ``none`` for regions without accelerators and ``unknown`` where the list names none
    of those that are there.
    """

    territory: str
    provider_nation: str
    vendor_nation: str
    regions: int
    providers: int


@dataclass(frozen=True)
class TerritoryPresence:
    """What stands in one territory: regions by nation of the provider, accelerated ones of the vendor too."""

    territory: str
    regions: int
    accelerated: int
    by_provider_nation: Mapping[str, int]
    accelerated_by_provider_nation: Mapping[str, int]
    accelerated_by_vendor_nation: Mapping[str, int]


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of a list of cloud regions."""
    return set(_REQUIRED) <= set(columns)


def read(path: Path, facts: Facts) -> CloudRegions:
    """Read a list of cloud regions.

    Raises:
        InputFaults: the file cannot be read, is no such list, or lacks columns.
    """
    table = open_table(path)
    table.require(_REQUIRED)
    reading = Reading(table)
    source = _Source(reading, facts, load_unresolved(facts))
    regions: list[CloudRegion] = []
    seen: set[tuple[str, str]] = set()
    for row in reading.rows():
        key = (row.text("provider").casefold(), row.text("region").casefold())
        if not all(key) or key in seen:
            reading.leave_out(row.line, LISTED_TWICE if all(key) else NO_REGION, row.text("region"))
            continue
        seen.add(key)
        regions.append(source.region(row))
        reading.keep(row.line)
    local = sum(region.kind == "china" for region in regions)
    if local:
        reading.warn(f"{local} regions in China are run by local partners; they count for who owns the brand")
    return CloudRegions(tuple(regions), reading.finish())


def three_levels(regions: Iterable[CloudRegion]) -> tuple[Presence, ...]:
    """Count regions by territory, provider nation and vendor nation, sorted.

    A region with accelerators of several nations counts once for each, so that the counts of a territory
    may exceed its regions: presence does not add up.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    providers: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for region in regions:
        for vendor_nation in _vendor_nations(region):
            key = (region.territory or UNKNOWN, region.provider_nation or UNKNOWN, vendor_nation)
            counts[key] += 1
            providers[key].add(region.organisation or region.provider)
    return tuple(sorted(Presence(*key, count, len(providers[key])) for key, count in counts.items()))


def by_territory(regions: Iterable[CloudRegion]) -> tuple[TerritoryPresence, ...]:
    """Return what stands in each territory, that with most accelerated regions first."""
    groups: defaultdict[str, list[CloudRegion]] = defaultdict(list)
    for region in regions:
        groups[region.territory or UNKNOWN].append(region)
    rows = [_territory(territory, members) for territory, members in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.accelerated, -row.regions, row.territory)))


def _territory(territory: str, members: Collection[CloudRegion]) -> TerritoryPresence:
    accelerated = [region for region in members if region.accelerated]
    return TerritoryPresence(
        territory,
        len(members),
        len(accelerated),
        _tally(region.provider_nation or UNKNOWN for region in members),
        _tally(region.provider_nation or UNKNOWN for region in accelerated),
        _tally(nation for region in accelerated for nation in _vendor_nations(region)),
    )


def _tally(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _vendor_nations(region: CloudRegion) -> tuple[str, ...]:
    if not region.accelerated:
        return (NO_ACCELERATORS,)
    return region.vendor_nations or (UNKNOWN,)


@dataclass(frozen=True)
class _Source:
    """What it takes to read the rows of one list."""

    reading: Reading
    facts: Facts
    unresolved: Unresolved

    def region(self, row: Row) -> CloudRegion:
        names = self.facts.names
        organisation = self.reading.resolve(row, "provider", names.organisations)
        chips = tuple(
            dict.fromkeys(part.strip() for part in row.text("gpu_types").split("|") if part.strip())
        )
        found = {chip: self.reading.resolve(row, "gpu_types", names.accelerators, chip) for chip in chips}
        vendors = tuple(dict.fromkeys(self._vendor(chip, known) for chip, known in found.items()))
        return CloudRegion(
            line=row.line,
            provider=row.text("provider"),
            organisation=organisation,
            provider_nation=self.facts.nation_of(organisation),
            region=row.text("region"),
            territory=self._territory(row),
            kind=row.text("type") or None,
            status=row.text("status") or None,
            accelerated=self._accelerated(row, chips),
            chips=chips,
            accelerators=tuple(known for known in found.values() if known is not None),
            vendors=vendors,
            vendor_nations=tuple(dict.fromkeys(self.facts.nation_of(v) or UNKNOWN for v in vendors)),
        )

    def _vendor(self, chip: str, accelerator: str | None) -> str:
        if accelerator is not None:
            return self.facts.accelerators[accelerator].designer
        return self.unresolved.designer(chip) or UNKNOWN

    def _accelerated(self, row: Row, chips: Collection[str]) -> bool:
        said = bool(self.reading.take(row, "gpu", truth))
        if chips and not said:
            self.reading.repair(row.line, "gpu", row.text("gpu"), "true", CHIPS_NAMED)
        return said or bool(chips)

    def _territory(self, row: Row) -> str | None:
        """The country, checked by its code: where the two differ, neither is taken."""
        table = self.facts.names.countries
        country = table.find(row.text("country")) if table else None
        code = table.find(row.text("cc")) if table and row.text("cc") else None
        if country and code and country != code:
            self.reading.repair(
                row.line, "country", f"{row.text('country')}, {row.text('cc')}", "", OTHER_CODE
            )
            return None
        if country is None and code is not None:
            self.reading.repair(row.line, "country", row.text("country"), code, FROM_CODE)
            return code
        return self.reading.resolve(row, "country", table)
