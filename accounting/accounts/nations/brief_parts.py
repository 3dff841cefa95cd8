"""The parts of a page on one country, each a function of the same valued entries."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import Crosstab, whole
from accounting.accounts.nations.categories import OwnCategories, own_categories
from accounting.accounts.nations.concentration import Concentration, concentration
from accounting.accounts.nations.demand import Gap, gap
from accounting.accounts.nations.inequality import weights
from accounting.accounts.nations.page_data import TERRITORY, CountryData, WorldData
from accounting.accounts.nations.profile import Profile, Site
from accounting.accounts.nations.request import BriefRequest
from accounting.accounts.nations.targets import Distance, NotComparable, counted, distance, stated
from accounting.accounts.over_time.growth import yearly_growth
from accounting.accounts.sized import resize
from accounting.capacity.bases import Draws
from accounting.capacity.h100e import load_h100e
from accounting.census.ledger import Ledger
from accounting.census.selection import PLANNED, planned
from accounting.reference.shipped import configs_root


def growth_of(data: CountryData, now: Draws, world: Draws) -> tuple[Draws | None, Draws | None]:
    """Return growth over the year before, of the country and of the world; None where there was nothing."""
    day, before = data.request.selection.as_of, data.common.day_before
    then = data.joined(data.common.before, TERRITORY)
    own = whole(then, lambda key: key[0] == data.request.holder)
    pairs = ((own, now), (whole(then), world))
    grown = [
        yearly_growth(past, present, before, day) if (past > 0).all() and (present > 0).all() else None
        for past, present in pairs
    ]
    return grown[0], grown[1]


def targets_of(
    data: CountryData, current: Draws, growth: Draws | None
) -> tuple[tuple[Distance, ...], dict[str, str]]:
    """Return the distance to each aim of the country's programmes, and why others have none."""
    request = data.request
    own = [p for p in data.common.programmes.values() if p.nation == request.code]
    nothing = np.zeros_like(current)
    public = whole(data.sectors, lambda key: key[1] == "public") if data.sectors else nothing
    held = {"all": current, "public": public}
    one_h100e = load_h100e(configs_root() / "h100e.yaml").get((request.basis, request.precision))
    pace = growth if growth is not None else np.ones_like(current)
    found, others = [], {}
    for programme, aim in ((p, aim) for p in own for aim in p.aims):
        meant, name = stated(aim, data.facts, request.precision), f"{programme.id}/{aim.id}"
        if isinstance(meant, NotComparable):
            others[name] = meant.reason
        elif one_h100e is None:
            unit = f"{request.precision} on basis {request.basis}"
            others[name] = f"is read as a number of H100, and none is published for {unit}"
        else:
            now, per_h100 = held[counted(programme, aim)], one_h100e / data.unit_flop_per_s
            day = request.selection.as_of
            found.append(distance(programme, aim, meant, now, pace, as_of=day, unit_per_h100=per_h100))
    return tuple(sorted(found, key=lambda d: (d.by, d.programme, d.aim))), others


def figures_of(request: BriefRequest, common: WorldData) -> tuple[float | None, float | None]:
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


def own_of(data: CountryData, site: Site | None, found: Profile, domestic: Draws) -> OwnCategories | None:
    """Return our own categories, None where the country has no site."""
    if site is None:
        return None
    draws = data.sites[data.request.holder, site.code] * data.unit_flop_per_s
    return own_categories(draws, found.joint_draws, domestic)


def demand_of(
    request: BriefRequest, bloc: Draws, world: Draws, growth: Draws | None, world_growth: Draws | None
) -> Gap | None:
    """Return the gap to a stated share of demand, None where none is stated or growth is not known."""
    if request.demand is None or growth is None or world_growth is None:
        return None
    return gap(bloc, world, request.demand, growth, world_growth)


def planned_of(ledger: Ledger, data: CountryData) -> dict[str, Quantiles]:
    """Return capacity that does not operate yet, by status; never part of any other figure.

    Where several lists speak of one site, the one that is believed counts, as it does for what operates.
    """
    entries = planned(ledger, data.request.selection)
    found = {}
    for status in PLANNED:
        here = [e for e in entries if e.status == status and e.territory in data.request.inside]
        sized = resize(here, data.facts, data.request.precision).entries if here else ()
        sums = data.cross(sized, TERRITORY)[TERRITORY] if sized else {}
        if sums:
            found[status] = Quantiles.of(whole(sums))
    return found
