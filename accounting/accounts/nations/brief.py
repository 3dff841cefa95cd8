"""All that a page on one country rests on: every account of this folder, for one country or group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crossing import unvalued
from accounting.accounts.crosstabs import PARTNERS, Share, fold, share_of, whole
from accounting.accounts.nations.brief_parts import (
    concentrations_of,
    demand_of,
    figures_of,
    growth_of,
    own_of,
    planned_of,
    targets_of,
)
from accounting.accounts.nations.categories import CloudPresence, OwnCategories, cloud_presence
from accounting.accounts.nations.concentration import Concentration
from accounting.accounts.nations.demand import Gap
from accounting.accounts.nations.facility_lines import FacilityLine, kinds_of, lines_of
from accounting.accounts.nations.inequality import per_unit
from accounting.accounts.nations.national import Bilateral, NationalAccount, bilateral, national_account
from accounting.accounts.nations.page_data import WHOLE, CountryData, WorldData
from accounting.accounts.nations.profile import Profile, Site, dependence, largest_site, profile
from accounting.accounts.nations.request import BriefRequest
from accounting.accounts.nations.targets import Distance
from accounting.accounts.sized import warnings as sizing_warnings
from accounting.capacity.calibration import Calibration
from accounting.census.ledger import Ledger
from accounting.reference.facts import Facts


@dataclass(frozen=True)
class Brief:
    """Everything on the page, as figures; capacity is in the unit of the request."""

    request: BriefRequest
    census: str
    unit: str
    national: NationalAccount
    share_of_world: Share
    world: Quantiles
    rank: int | None
    hosts: int
    per_head: Quantiles | None
    per_gdp: Quantiles | None
    kinds: Mapping[str, float]
    national_kinds: Mapping[str, float]
    site_kinds: Mapping[str, float]
    profile: Profile
    firms: Mapping[str, Mapping[str, Share]]
    concentration: Mapping[str, Concentration]
    controllers: Bilateral
    site: Site | None
    facilities: tuple[FacilityLine, ...]
    clouds: CloudPresence | None
    own: OwnCategories | None
    growth: Quantiles | None
    world_growth: Quantiles | None
    targets: tuple[Distance, ...]
    not_comparable: Mapping[str, str]
    demand: Gap | None
    planned: Mapping[str, Quantiles]
    unvalued: Mapping[str, int]
    skipped: Mapping[str, int]
    warnings: tuple[str, ...]


def brief(
    ledger: Ledger,
    request: BriefRequest,
    facts: Facts,
    calibration: Calibration,
    common: WorldData | None = None,
) -> Brief:
    """Put together the page of one country or group.

    Args:
        ledger: the census.
        request: which country, and how to value the census.
        facts: the reference facts.
        calibration: the efficiencies.
        common: what this page shares with those of other countries that ask the same; saves their time.

    Raises:
        InputError: a basis or precision without H100e, or a census that holds nothing at the date.
    """
    common = common or WorldData(ledger, request, facts, calibration)
    chosen, resized = common.selected, common.resized
    data = CountryData(request, common)
    code = request.holder
    hosting = fold(data.world, 1)
    everything = whole(hosting)
    controllers = fold(data.world, 1, 2)
    national = national_account(controllers, code)
    growth, world_growth = growth_of(data, national.domestic, everything)
    # WHOLE begins with the kind, which a profile has no use for
    found = profile(fold(data.world, *range(1, len(WHOLE))), WHOLE[1:], code)
    site, at_sites = largest_site(data.sites, code), {key[1]: draws for key, draws in data.sites.items()}
    targets, others = targets_of(data, national.domestic, world_growth)
    means = {key[0]: float(np.mean(draws)) for key, draws in hosting.items() if key[0] not in PARTNERS}
    people, product = figures_of(request, common)
    firms = data.firms
    return Brief(
        request=request,
        census=ledger.name,
        unit="H100e" if request.unit == "h100e" else "FLOP/s",
        national=national,
        share_of_world=share_of(national.domestic, everything),
        world=Quantiles.of(everything),
        rank=1 + sum(mean > means[code] for mean in means.values()) if code in means else None,
        hosts=len(means),
        per_head=per_unit(national.domestic, people),
        per_gdp=per_unit(national.domestic, product),
        kinds=kinds_of(data.world, lambda key: key[1] == code),
        national_kinds=kinds_of(data.world, lambda key: key[2] == code),
        site_kinds=kinds_of(data.site_kinds, lambda key: site is not None and key[2] == site.code),
        profile=found,
        firms={name: dependence(sums, code) for name, sums in firms.items()},
        concentration=concentrations_of(firms, code),
        controllers=bilateral(controllers),
        site=site,
        facilities=lines_of(at_sites, data.home, national.domestic),
        clouds=None if request.members else cloud_presence(request.code, common.clouds, facts),
        own=own_of(data, site, found, national.domestic),
        growth=Quantiles.of(growth) if growth is not None else None,
        world_growth=Quantiles.of(world_growth) if world_growth is not None else None,
        targets=targets,
        not_comparable=others,
        demand=demand_of(request, national.domestic, everything, growth, world_growth),
        planned=planned_of(ledger, data),
        unvalued=unvalued(data.home, data.valuer),
        skipped={**chosen.skipped, **resized.skipped},
        warnings=(*ledger.warnings, *sizing_warnings(resized.summary)),
    )
