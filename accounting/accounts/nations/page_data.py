"""What the parts of a page are made from: what all countries share, and one country's own."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from accounting.accounts.crossing import KIND, crossings
from accounting.accounts.crosstabs import Crosstab, fold, renamed
from accounting.accounts.nations.request import BriefRequest, valuer_and_unit
from accounting.accounts.sized import Resized, resize
from accounting.capacity.calibration import Calibration
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import Selected, select
from accounting.reference.clouds import Cloud, load_clouds
from accounting.reference.country_figures import CountryFigure, load_country_figures
from accounting.reference.facts import Facts
from accounting.reference.programmes import Programme, load_programmes
from accounting.reference.shipped import configs_root

# nations of owners, operators, designers and makers: first who can switch capacity off, then who can only
# stop it from growing
DEPTH = (
    "provider",
    "operator_nation",
    "vendor_nation",
    "foundry_nation",
    "memory_nation",
    "packaging_nation",
)
TERRITORY = ("territory",)
WHOLE = (KIND, "territory", *DEPTH)
_FIRMS = ("owner", "operator", "user", "vendor", "foundry", "memory", "packaging")
_SECTOR = ("territory", "sector")
_SITE = (KIND, "territory", "facility")


@dataclass(frozen=True)
class WorldData:
    """What the pages of all countries share, each read or valued when first asked for.

    ``request`` is that of any of them: countries of one ``WorldData`` differ in nothing but code and members.
    """

    ledger: Ledger
    request: BriefRequest
    facts: Facts
    calibration: Calibration

    @cached_property
    def selected(self) -> Selected:
        """What is counted at the date."""
        return select(self.ledger, self.request.selection)

    @cached_property
    def resized(self) -> Resized:
        """What is counted, with counts."""
        return resize(self.selected.entries, self.facts, self.request.precision)

    @cached_property
    def valued_in(self) -> tuple[Valuer, float]:
        """What values the census, and the unit of the pages in FLOP/s."""
        return valuer_and_unit(self.ledger, self.request, self.facts, self.calibration)

    @cached_property
    def world(self) -> Crosstab:
        """All capacity by kind, territory and the levels of nations."""
        return self._crossed(self.resized.entries, WHOLE)

    @cached_property
    def before(self) -> Crosstab:
        """All capacity a year before, by territory."""
        chosen = select(self.ledger, replace(self.request.selection, as_of=self.day_before)).entries
        return self._crossed(resize(chosen, self.facts, self.request.precision).entries, TERRITORY)

    @property
    def day_before(self) -> datetime.date:
        """The day from which growth is counted."""
        return self.request.selection.as_of - datetime.timedelta(days=365)

    @cached_property
    def clouds(self) -> Sequence[Cloud]:
        """The shipped clouds with their regions."""
        return load_clouds(configs_root() / "clouds", self.facts)

    @cached_property
    def figures(self) -> Mapping[tuple[str, str], CountryFigure]:
        """People and product of countries."""
        return load_country_figures(configs_root() / "country_figures.csv", self.facts.countries)

    @cached_property
    def programmes(self) -> Mapping[str, Programme]:
        """What nations aim at."""
        return load_programmes(configs_root() / "programmes", self.facts)

    def _crossed(self, entries: Sequence[Entry], level: tuple[str, ...]) -> Crosstab:
        valuer, unit = self.valued_in
        return crossings(entries, valuer, [level], self.request.basis, unit, joint=self.request.joint)[level]


@dataclass(frozen=True)
class CountryData:
    """What the parts of one country's or group's page are made from, each valued when first asked for.

    Capacity is in the unit of the request. A group's members are one holder at every level of nations.
    """

    request: BriefRequest
    common: WorldData

    @property
    def facts(self) -> Facts:
        """The reference facts."""
        return self.common.facts

    @property
    def valuer(self) -> Valuer:
        """What values the census."""
        return self.common.valued_in[0]

    @property
    def unit_flop_per_s(self) -> float:
        """The unit of the page in FLOP/s."""
        return self.common.valued_in[1]

    @cached_property
    def world(self) -> Crosstab:
        """All capacity by ``WHOLE``: kind, territory and the levels of nations."""
        return self.joined(self.common.world, WHOLE)

    @cached_property
    def home(self) -> tuple[Entry, ...]:
        """The entries that stand in the country."""
        return tuple(entry for entry in self.common.resized.entries if entry.territory in self.request.inside)

    @cached_property
    def _of_home(self) -> dict[tuple[str, ...], Crosstab]:
        return self.cross(self.home, _SITE, _SECTOR, *(("territory", name) for name in _FIRMS))

    @property
    def sites(self) -> Crosstab:
        """What stands in the country by territory and facility."""
        return fold(self.site_kinds, 1, 2)

    @property
    def site_kinds(self) -> Crosstab:
        """What stands in the country by kind, territory and facility."""
        return self._of_home[_SITE]

    @property
    def sectors(self) -> Crosstab:
        """What stands in the country by territory and sector of the owner."""
        return self._of_home[_SECTOR]

    @property
    def firms(self) -> Mapping[str, Crosstab]:
        """What stands in the country by territory and each level of firms."""
        return {name: self._of_home["territory", name] for name in _FIRMS}

    def cross(self, entries: Sequence[Entry], *levels: tuple[str, ...]) -> dict[tuple[str, ...], Crosstab]:
        """Return the crossings of entries, valued as the request asks."""
        valuer, unit = self.common.valued_in
        found = crossings(entries, valuer, levels, self.request.basis, unit, joint=self.request.joint)
        return {level: self.joined(sums, level) for level, sums in found.items()}

    def joined(self, sums: Crosstab, levels: Sequence[str]) -> Crosstab:
        """Make one holder of a group's members at the levels of nations."""
        if not self.request.members:
            return sums
        places = [i for i, name in enumerate(levels) if name == "territory" or name in DEPTH]
        return renamed(sums, self.request.inside, self.request.holder, places)
