"""Countries of a results document: whose the capacity on their soil is, and how sure that is.

What is not known is None, and ``reasons`` of the country says why.
"""

from __future__ import annotations

from pydantic import Field

from flopcensus.report.document.parts import NotNegative, Part, Share, ShareSpread, Spread


class Headline(Part):
    """The first figures; ``per_head`` and ``per_gdp_usd`` in FLOP/s a person and a dollar a year."""

    capacity: Spread
    share_of_world: ShareSpread
    rank: int | None
    hosts: int
    per_head: Spread | None
    per_gdp_usd: Spread | None
    growth: Spread | None
    provenance: dict[str, Share]


class Grade(Part):
    """A grade from A (best) to D, by how the figure is known and by how wide it is."""

    grade: str
    by_kind: str
    by_spread: str


class LevelOfCountry(Part):
    """One level on the soil; ``domestic_high`` counts what is unknown as domestic."""

    level: str
    domestic: ShareSpread
    domestic_high: ShareSpread
    unknown: ShareSpread
    nations: dict[str, ShareSpread]
    probability_weakest: Share


class Exposure(Part):
    """What one foreign government can switch off, or stop from growing: shares of the soil's capacity."""

    nation: str
    by_level: dict[str, ShareSpread]
    stop_now: ShareSpread
    stop_growth: ShareSpread


class Firm(ShareSpread):
    """A firm that the country depends on."""

    code: str
    name: str


class LargestSite(Part):
    """The largest site, which bounds what can be trained there; capacity in FLOP/s."""

    facility: str
    name: str
    capacity: Spread
    share: ShareSpread
    probability_largest: Share


class PublishedCategories(Part):
    """The published categories of Hawkins, Lehdonvirta and Wu (2025), from public cloud regions."""

    category: str
    at_most: str
    alignment: str
    training: int
    inference: int
    unnamed: int
    unknown: int
    without: int


class OwnCategories(Part):
    """Our own categories, as probabilities."""

    trains: Share
    run_flop: NotNegative
    run_days: NotNegative
    home_grown: Share


class ConcentrationOfCountry(Part):
    """How concentrated a level is on the soil, bounded by what is unknown; HHI from 0 to 10,000."""

    holders: int
    unknown: Spread
    hhi: Spread
    hhi_low: Spread
    hhi_high: Spread
    effective_number: Spread
    top: dict[str, Spread]


class CountryProfile(Part):
    """What is the country's own at all levels at once, and on whom it depends."""

    all_levels_domestic: ShareSpread
    all_levels_domestic_high: ShareSpread
    weakest: str
    exposures: tuple[Exposure, ...]
    firms: dict[str, tuple[Firm, ...]]
    largest_site: LargestSite | None
    published_categories: PublishedCategories | None
    own_categories: OwnCategories | None
    concentration: dict[str, ConcentrationOfCountry]


class Partner(Spread):
    """What a nation controls here, or this one controls there; FLOP/s."""

    code: str
    share: Share


class NationalAccount(Part):
    """Home, foreign and abroad, and their sums: the domestic and the national account; FLOP/s."""

    levels: dict[str, Spread]
    shares: dict[str, ShareSpread]
    controlled_from: tuple[Partner, ...]
    controls_in: tuple[Partner, ...]


class Stated(Part):
    """A count or a target as it is stated: 5th, 50th and 95th percentile."""

    low: float
    best: float
    high: float


class OwnerName(Part):
    """An owner of a facility and its nation."""

    name: str
    nation: str


class FacilityDeployment(Part):
    """One batch of accelerators with its source."""

    accelerator: str
    count: float | Stated | None
    in_service: str | None
    kind: str
    source: str


class CountryFacility(Spread):
    """One facility of the country, the largest first; FLOP/s."""

    facility: str
    name: str
    share: Share
    share_of_variance: float
    owners: tuple[OwnerName, ...]
    deployments: tuple[FacilityDeployment, ...]
    sources: tuple[str, ...]


class Target(Part):
    """How far the country is from an aim of its programmes; ``reached`` as a share of the aim."""

    programme: str
    aim: str
    name: str
    state: str
    by: str
    target: float | Stated
    kind: str
    reading: str
    source: str
    reached: Spread
    years_left: float
    growth_needed: Spread | None
    growth: Spread
    probability: Share
    counts: str


class TargetOfCountry(Target):
    """A target with whose it is."""

    country: str
    country_name: str


class Change(Part):
    """What would change the country's figures."""

    id: str
    words: str
    value: float | None


class Country(Part):
    """One country, or a group by its ``members``. ``planned`` is by status and in no other figure."""

    code: str
    name: str
    members: tuple[str, ...]
    headline: Headline
    grades: dict[str, Grade]
    levels: tuple[LevelOfCountry, ...]
    profile: CountryProfile
    national_account: NationalAccount
    planned: dict[str, Spread]
    facilities: tuple[CountryFacility, ...]
    facilities_in_all: int
    targets: tuple[Target, ...]
    targets_not_comparable: dict[str, str]
    what_would_change: tuple[Change, ...]
    unvalued: dict[str, int]
    reasons: dict[str, str]


class Countries(Part):
    """The countries of a study on one basis and in one precision; ``names`` of all nations in them.

    ``least_share`` is what a country hosts or owns of all at least, None where the study names them;
    ``null_means`` says why figures of targets may be null.
    """

    basis: str
    precision: str
    unit: str
    as_of: str
    seed: int
    draws: int
    least_share: Share | None
    facilities_at_most: int
    names: dict[str, str]
    null_means: dict[str, str] = Field(default_factory=dict)
    countries: tuple[Country, ...]
