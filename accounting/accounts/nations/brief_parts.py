"""The parts of a page on one country: each from the same entries, valued the same way."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crossing import KIND, crossings
from accounting.accounts.crosstabs import Crosstab, Key, Share, fold, renamed, share_of, whole
from accounting.accounts.joint import Joint
from accounting.accounts.nations.categories import (
    CloudPresence,
    OwnCategories,
    cloud_presence,
    own_categories,
)
from accounting.accounts.nations.concentration import Concentration, concentration
from accounting.accounts.nations.demand import Gap, gap
from accounting.accounts.nations.inequality import weights
from accounting.accounts.nations.profile import Profile, Site
from accounting.accounts.nations.targets import Distance, NotComparable, counted, distance, stated
from accounting.accounts.over_time.growth import yearly_growth
from accounting.accounts.sized import Resized, resize
from accounting.capacity.bases import Basis, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.h100e import constant, load_h100e
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, Selected, Selection, planned, select
from accounting.reference.clouds import Cloud, load_clouds
from accounting.reference.country_figures import CountryFigure, load_country_figures
from accounting.reference.facts import Facts
from accounting.reference.names import EU, UNKNOWN
from accounting.reference.programmes import Programme, load_programmes
from accounting.reference.shipped import configs_root

# levels of nations, from what can be switched off to what can only stop growing
_DEPTH = (
    "provider",
    "operator_nation",
    "vendor_nation",
    "foundry_nation",
    "memory_nation",
    "packaging_nation",
)
_FIRMS = ("owner", "operator", "user", "vendor", "foundry", "memory", "packaging")
WHOLE = (KIND, "territory", *_DEPTH)
_PLAN = ("territory",)
_SECTOR = ("territory", "sector")
_SITE = (KIND, "territory", "facility")


@dataclass(frozen=True)
class BriefRequest:
    """What to brief on: a country, or a group by its ``members``; ``demand`` is a claimed share (0 to 1)."""

    code: str
    selection: Selection
    members: tuple[str, ...] = ()
    basis: Basis = "delivered"
    precision: str = "bf16"
    unit: str = "h100e"
    demand: float | None = None
    seed: int = 0
    draws: int = 10_000
    joint: Joint = "owner"

    @property
    def holder(self) -> str:
        """The code that stands for the country or group in the crossings."""
        return f"group {self.code}" if self.members else self.code

    @property
    def inside(self) -> frozenset[str]:
        """The codes that are home: the country, or the members and, for the EU, its bodies."""
        bodies = {EU} if self.code == EU else set()
        return frozenset({*self.members, *bodies} if self.members else {self.code})


@dataclass(frozen=True)
class FacilityLine:
    """One facility of the country, with what is known of it; ``spread_share`` is its part of the variance."""

    id: str
    name: str
    territory: str
    capacity: Quantiles
    share: Share
    spread_share: float
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Common:
    """What the pages of all countries share, each read or valued when first asked for.

    ``request`` is that of any of them: countries of one ``Common`` differ in nothing but code and members.
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
        return self._crossed(resize(chosen, self.facts, self.request.precision).entries, _PLAN)

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
class Work:
    """What every part of the page is made from."""

    request: BriefRequest
    common: Common
    facts: Facts
    valuer: Valuer
    unit_flop_per_s: float
    levels: tuple[str, ...]
    world: Crosstab
    home: tuple[Entry, ...]
    sites: Crosstab
    site_kinds: Crosstab
    firms: Mapping[str, Crosstab]
    sectors: Crosstab

    def cross(self, entries: Sequence[Entry], *levels: tuple[str, ...]) -> dict[tuple[str, ...], Crosstab]:
        """Return the crossings of entries, valued as the request asks."""
        request = self.request
        found = crossings(
            entries, self.valuer, levels, request.basis, self.unit_flop_per_s, joint=request.joint
        )
        return {level: self.joined(sums, level) for level, sums in found.items()}

    def joined(self, sums: Crosstab, levels: Sequence[str]) -> Crosstab:
        """Make one holder of a group's members at the levels of nations."""
        if not self.request.members:
            return sums
        places = [i for i, name in enumerate(levels) if name == "territory" or name in _DEPTH]
        return renamed(sums, self.request.inside, self.request.holder, places)


def work_of(request: BriefRequest, common: Common) -> Work:
    """Return what all parts share: the entries valued once, in the unit asked for."""
    valuer, unit = common.valued_in
    home = tuple(entry for entry in common.resized.entries if entry.territory in request.inside)
    empty = Work(request, common, common.facts, valuer, unit, _DEPTH, {}, home, {}, {}, {}, {})
    world = empty.joined(common.world, WHOLE)
    firms = {name: ("territory", name) for name in _FIRMS}
    sums = empty.cross(home, _SITE, _SECTOR, *firms.values())
    return replace(
        empty,
        world=world,
        sites=fold(sums[_SITE], 1, 2),
        site_kinds=sums[_SITE],
        sectors=sums[_SECTOR],
        firms={name: sums[level] for name, level in firms.items()},
    )


def valuer_and_unit(
    ledger: Ledger, request: BriefRequest, facts: Facts, calibration: Calibration
) -> tuple[Valuer, float]:
    """Return what values a ledger as requested, and the unit of the page in FLOP/s."""
    bases, values = (request.basis,), ledger.valued_by
    valuer = Valuer(facts, calibration, request.precision, bases, request.seed, request.draws, values)
    if request.unit != "h100e":
        return valuer, 1.0
    return valuer, constant(load_h100e(configs_root() / "h100e.yaml"), request.basis, request.precision)


def growth_of(work: Work, now: Draws, world: Draws) -> tuple[Draws | None, Draws | None]:
    """Return growth over the year before, of the country and of the world; None where there was nothing."""
    day, before = work.request.selection.as_of, work.common.day_before
    then = work.joined(work.common.before, _PLAN)
    own = whole(then, lambda key: key[0] == work.request.holder)
    pairs = ((own, now), (whole(then), world))
    grown = [
        yearly_growth(past, present, before, day) if (past > 0).all() and (present > 0).all() else None
        for past, present in pairs
    ]
    return grown[0], grown[1]


def targets_of(
    work: Work, current: Draws, growth: Draws | None
) -> tuple[tuple[Distance, ...], dict[str, str]]:
    """Return the distance to each aim of the country's programmes, and why others have none."""
    request = work.request
    own = [p for p in work.common.programmes.values() if p.nation == request.code]
    nothing = np.zeros_like(current)
    public = whole(work.sectors, lambda key: key[1] == "public") if work.sectors else nothing
    held = {"all": current, "public": public}
    one_h100e = load_h100e(configs_root() / "h100e.yaml").get((request.basis, request.precision))
    pace = growth if growth is not None else np.ones_like(current)
    found, others = [], {}
    for programme, aim in ((p, aim) for p in own for aim in p.aims):
        meant, name = stated(aim, work.facts, request.precision), f"{programme.id}/{aim.id}"
        if isinstance(meant, NotComparable):
            others[name] = meant.reason
        elif one_h100e is None:
            unit = f"{request.precision} on basis {request.basis}"
            others[name] = f"is read as a number of H100, and none is published for {unit}"
        else:
            now, per_h100 = held[counted(programme, aim)], one_h100e / work.unit_flop_per_s
            day = request.selection.as_of
            found.append(distance(programme, aim, meant, now, pace, as_of=day, unit_per_h100=per_h100))
    return tuple(sorted(found, key=lambda d: (d.by, d.programme, d.aim))), others


def figures_of(request: BriefRequest, common: Common) -> tuple[float | None, float | None]:
    """Return people and product in dollars; None where a country, or any member of a group, has none."""
    found: list[float | None] = []
    for name in ("population", "gdp_usd"):
        table = weights(common.figures, name)
        values = [table.get(code) for code in (request.members or (request.code,))]
        known = [value for value in values if value is not None]
        found.append(sum(known) if len(known) == len(values) else None)
    return found[0], found[1]


def concentrations_of(firms: Mapping[str, Crosstab], code: str) -> dict[str, Concentration]:
    """Return how concentrated each level of firms is on the soil; none where nothing is held."""
    found = {}
    for name, sums in firms.items():
        soil = {key[1:]: draws for key, draws in sums.items() if key[0] == code}
        if soil and (whole(soil) > 0).all():
            found[name] = concentration(soil)
    return found


def kinds_of(sums: Crosstab, keep: Callable[[Key], bool]) -> dict[str, float]:
    """Return shares by kind (first level) of the means that ``keep`` takes, largest first."""
    held: Counter[str] = Counter()
    for key in sorted(sums):
        if keep(key):
            held[key[0]] += float(np.mean(sums[key]))  # type: ignore[assignment]
    weight = sum(held.values())
    return {kind: value / weight for kind, value in held.most_common()} if weight else {}


def site_kinds_of(work: Work, site: Site | None) -> dict[str, float]:
    """Return how the capacity of the largest site is known, as shares by kind."""
    return kinds_of(work.site_kinds, lambda key: site is not None and key[2] == site.code)


def facilities_of(work: Work, domestic: Draws) -> tuple[FacilityLine, ...]:
    """Return the facilities of the country, the largest mean first."""
    return lines_of({key[1]: draws for key, draws in work.sites.items()}, work.home, domestic)


def lines_of(sites: Mapping[str, Draws], entries: Iterable[Entry], every: Draws) -> tuple[FacilityLine, ...]:
    """Return facilities by id as lines, the largest mean first; ``every`` is what they are a share of."""
    known: dict[str, list[Entry]] = {}
    for entry in entries:
        known.setdefault(entry.facility, []).append(entry)
    variance, from_mean = float(np.var(every)), every - every.mean()
    lines = []
    for facility, draws in sites.items():
        mine = tuple(known[facility])
        spread = float(np.mean((draws - draws.mean()) * from_mean))
        lines.append(
            FacilityLine(
                facility,
                mine[0].facility_name,
                mine[0].territory or UNKNOWN,
                Quantiles.of(draws),
                share_of(draws, every),
                spread / variance if variance else 0.0,
                mine,
            )
        )
    return tuple(sorted(lines, key=lambda line: (-line.capacity.mean, line.id)))


def clouds_of(code: str, common: Common) -> CloudPresence:
    """Return the published categories from the shipped cloud regions."""
    return cloud_presence(code, common.clouds, common.facts)


def own_of(work: Work, site: Site | None, found: Profile, domestic: Draws) -> OwnCategories | None:
    """Return our own categories, None where the country has no site."""
    if site is None:
        return None
    draws = work.sites[work.request.holder, site.code] * work.unit_flop_per_s
    return own_categories(draws, found.joint_draws, domestic)


def demand_of(
    request: BriefRequest, bloc: Draws, world: Draws, growth: Draws | None, world_growth: Draws | None
) -> Gap | None:
    """Return the gap to a stated share of demand, None where none is stated or growth is not known."""
    if request.demand is None or growth is None or world_growth is None:
        return None
    return gap(bloc, world, request.demand, growth, world_growth)


def planned_of(ledger: Ledger, work: Work) -> dict[str, Quantiles]:
    """Return capacity that does not operate yet, by status; never part of any other figure.

    Where several lists speak of one site, the one that is believed counts, as it does for what operates.
    """
    entries = planned(ledger, work.request.selection)
    found = {}
    for status in PLANNED:
        here = [e for e in entries if e.status == status and e.territory in work.request.inside]
        sized = resize(here, work.facts, work.request.precision).entries if here else ()
        sums = work.cross(sized, _PLAN)[_PLAN] if sized else {}
        if sums:
            found[status] = Quantiles.of(whole(sums))
    return found
