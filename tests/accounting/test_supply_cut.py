"""Supply cuts: every formula against numbers worked out another way, and laws for any parameters."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.estimate import Request
from accounting.accounts.levels import Holders
from accounting.capacity.calibration import Calibration
from accounting.capacity.stock.rates import StockRates, load_stock_rates
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.selection import Selection
from accounting.errors import InputFaults, UnknownNameError
from accounting.planning.scenarios.baseline import growth_factor
from accounting.planning.scenarios.cut import STOPS, TOGETHER, Cut, Stop, kept
from accounting.planning.scenarios.cut_parameters import OVERRIDDEN, Parameter, load_cut_parameters
from accounting.planning.scenarios.losses import Replacement, Wear
from accounting.planning.scenarios.origin import origin, places
from accounting.planning.scenarios.outcome import Grounds, SupplyCut
from accounting.planning.scenarios.supply_cut import supply_cut
from accounting.planning.scenarios.supply_cut_files import load_supply_cut, shipped_scenarios
from accounting.quantities import exact, read_uncertain
from accounting.reference.facts import Facts
from bench.errors import InputError
from tests.accounting.ledgers import BASE, FACTS

SNAPSHOT = datetime.date(2026, 1, 1)
NOTHING: Calibration = Calibration.of((), FACTS)
# nothing is ever retired, and every plan comes on its day
FOREVER = {"median_years": 1e6, "shape": 1.0}
H100_FLOP_PER_S = FACTS.accelerators["nvidia-h100-sxm"].peak_flop_per_s("bf16") or math.nan


def rates(**life: float) -> StockRates:
    data = load_stock_rates().model_dump()
    for key, value in {**FOREVER, **life}.items():
        data["lifetime"][key]["value"] = value
    for plan in ("under_construction", "contracted", "announced"):
        data["planned"][plan]["realised"]["value"] = 1
        data["planned"][plan]["mean_delay_years"]["value"] = 1e-9
    return StockRates.model_validate(data)


def entry(name: str, count: float = 100, **changes: Any) -> Entry:
    given = {"id": name, "facility": name, "count": exact(count), "territory": "GB", "status": "operational"}
    return replace(BASE, **{**given, "in_service": datetime.date(2025, 1, 1), **changes})


def cut_of(*at: str, stops: tuple[Stop, ...] = STOPS, **changes: Any) -> Cut:
    given = {"cutting": ("US",), "scope": "nation", "on": SNAPSHOT, "years": 4}
    return Cut(**{**given, "at": at or ("vendor",), "stops": frozenset(stops), **changes})


def parameters(**values: object) -> dict[str, object]:
    """Parameters that take nothing and make good nothing, and ``values`` in their place (__ for a dot)."""
    none: dict[str, object] = {
        "service.failures": 0,
        "service.worsening": 1,
        "service.mended_locally": 0,
        "service.spares": 0,
        "licence.vendor": 0,
        "licence.provider": 0,
    }
    for place in ("vendor", "provider"):
        for scope in ("nation", "firm"):
            key = f"substitutes.{place}.{scope}"
            none |= {f"{key}.share": 0, f"{key}.delay_years": 1, f"{key}.capacity": 1}
    return none | {name.replace("__", "."): value for name, value in values.items()}


def worked(
    entries: list[Entry],
    cut: Cut,
    values: dict[str, object],
    growth: float | None = None,
    stock: StockRates | None = None,
    draws: int = 4,
    countries: frozenset[str] = frozenset(),
) -> SupplyCut:
    ledger = Ledger("test", tuple(entries), snapshot=SNAPSHOT)
    request = Request(Selection(SNAPSHOT), ("peak",), draws=draws, countries=countries)
    given = (
        Parameter("growth.stated", exact(growth, "ratio"), "times a year", "assumed", "x") if growth else None
    )
    grounds = Grounds(
        FACTS,
        NOTHING,
        stock or rates(),
        load_cut_parameters(None, values),
        datetime.date(2026, 6, 1),
        given,
        "stated",
        growth is not None,
    )
    return supply_cut(ledger, request, cut, grounds)


def lost(found: SupplyCut, place: str = "vendor") -> list[float]:
    years = next(one for one in found.places if one.at == place).years
    return [year.share_lost.p50 for year in years]


one = np.ones(1)


@given(
    rate=st.floats(0, 2),
    spares=st.floats(0, 0.5),
    delay=st.floats(0.05, 8),
    share=st.floats(0, 1),
    years=st.floats(0, 12),
)
def test_what_is_missing_is_the_sum_over_all_failures(
    rate: float, spares: float, delay: float, share: float, years: float
) -> None:
    """The closed form is the integral over failures, each made good after an exponential delay."""
    wear, replacement = Wear(rate * one, spares * one), Replacement(share * one, delay * one, 0.9 * one)
    steps = 20_000
    unserviced = max(years - spares / rate, 0.0) if rate else 0.0
    at = (np.arange(steps) + 0.5) / steps * unserviced
    failing = rate * np.exp(-rate * at) * unserviced / steps
    waited = unserviced - at
    expected = float(np.sum(failing * (1 - 0.9 * share * (1 - np.exp(-waited / delay)))))
    assert float(wear.missing(years, replacement)[0]) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_equal_rates_of_failing_and_replacing_have_their_own_limit() -> None:
    wear, replacement = Wear(0.5 * one, 0 * one), Replacement(one, 2 * one, one)
    near = Wear((0.5 + 1e-6) * one, 0 * one)
    assert float(wear.missing(3.0, replacement)[0]) == pytest.approx(1.5 * math.exp(-1.5))
    assert float(near.missing(3.0, replacement)[0]) == pytest.approx(1.5 * math.exp(-1.5), rel=1e-5)


@given(first=st.floats(0.8, 4), long_run=st.floats(0.8, 2), half=st.floats(0.2, 9), years=st.floats(0, 20))
def test_growth_is_the_integral_of_its_rate(first: float, long_run: float, half: float, years: float) -> None:
    steps = 20_000
    at = (np.arange(steps) + 0.5) / steps * years
    rate = math.log(long_run) + (math.log(first) - math.log(long_run)) * 2 ** (-at / half)
    expected = math.exp(float(np.sum(rate)) * years / steps)
    assert float(growth_factor(years, first * one, long_run * one, half * one)[0]) == pytest.approx(
        expected, rel=1e-5
    )


def test_failures_by_hand() -> None:
    """10 % fail a year, twice as many without service, a fifth is mended; spares of 8 % last half a year."""
    values = parameters(
        service__failures=0.1, service__worsening=2, service__mended_locally=0.2, service__spares=0.08
    )
    found = worked([entry("a")], cut_of(stops=("service",)), values)
    rate = -math.log(0.9) * 2 * 0.8
    expected = [1 - math.exp(-max(rate * n - 0.08, 0.0)) for n in range(5)]
    assert lost(found) == pytest.approx(expected)
    assert found.places[0].years[0].baseline.p50 == pytest.approx(100 * H100_FLOP_PER_S)
    assert found.places[0].years[3].cut.p50 == pytest.approx(100 * H100_FLOP_PER_S * (1 - expected[3]))


def test_licences_are_gone_on_the_day_and_substitutes_come_late() -> None:
    values = parameters(
        licence__vendor=0.25,
        substitutes__vendor__nation__share=0.5,
        substitutes__vendor__nation__delay_years=2,
        substitutes__vendor__nation__capacity=0.8,
    )
    found = worked([entry("a")], cut_of(stops=("licence",)), values)
    expected = [0.25 * (1 - 0.4 * (1 - math.exp(-n / 2))) for n in range(5)]
    assert lost(found) == pytest.approx(expected)


def test_a_cloud_is_switched_off_with_what_its_nation_owns_of_it() -> None:
    joint = (Owner("microsoft", "US", 0.4), Owner("nscale", "GB", 0.6))
    entries = [entry("joint", 100, owners=joint), entry("own", 300, owners=(Owner("nscale", "GB", 1.0),))]
    found = worked(entries, cut_of("provider", stops=("licence",)), parameters(licence__provider=1))
    assert lost(found, "provider") == pytest.approx([0.1] * 5)
    share = found.places[0].share_of_stock
    assert share is not None
    assert share.p50 == pytest.approx(0.1)


def test_growth_that_stops_by_hand() -> None:
    """Doubling each year with no retirement: without new chips the stock stays, and 1 - 2^-n is lost."""
    found = worked([entry("a")], cut_of(stops=("sales",)), parameters(), growth=2.0)
    assert lost(found) == pytest.approx([1 - 2.0**-n for n in range(5)], abs=1e-5)
    assert found.places[0].years[4].cut.p50 == pytest.approx(100 * H100_FLOP_PER_S, rel=1e-4)
    assert found.added_share == pytest.approx(15 / 16, abs=1e-4)


def test_growth_that_is_substituted_by_hand() -> None:
    values = parameters(
        substitutes__vendor__nation__share=0.5,
        substitutes__vendor__nation__delay_years=2,
        substitutes__vendor__nation__capacity=0.8,
    )
    found = worked([entry("a")], cut_of(stops=("sales",)), values, growth=2.0)
    # of the 2^(m-1) that are added in year m, on average in its middle
    missing = [
        sum(2.0 ** (m - 1) * (1 - 0.4 * (1 - math.exp(-(n - m + 0.5) / 2))) for m in range(1, n + 1)) / 2**n
        for n in range(5)
    ]
    assert lost(found) == pytest.approx(missing, abs=1e-4)


def test_half_of_the_growth_is_of_another_origin() -> None:
    other = entry("b", 100, accelerator="nvidia-h100-sxm", vendor="huawei", vendor_nation="CN")
    found = worked([entry("a"), other], cut_of(stops=("sales",)), parameters(), growth=2.0)
    assert lost(found) == pytest.approx([(1 - 2.0**-n) / 2 for n in range(5)], abs=1e-5)


def test_a_plan_does_not_come_after_sales_have_stopped() -> None:
    """A plan of 50 for the middle of the second year; half of it is made good, on average a year late."""
    plan = entry("plan", 50, status="contracted", in_service=datetime.date(2027, 7, 2))
    values = parameters(substitutes__vendor__nation__share=0.5, substitutes__vendor__nation__capacity=1)
    found = worked([entry("a"), plan], cut_of(stops=("sales",)), values)
    missing = [0, 0, *(50 * (1 - 0.5 * (1 - math.exp(-(n + 0.5)))) / 150 for n in range(3))]
    assert lost(found) == pytest.approx(missing, abs=1e-6)
    # what is announced is there before the day of a later cut, and then keeps running
    later = worked([entry("a"), plan], cut_of(stops=("sales",), on=datetime.date(2028, 1, 1)), values)
    assert lost(later) == pytest.approx([0] * 5)


def test_what_retires_is_replaced_in_the_baseline_alone() -> None:
    """With growth of 1 the baseline stays; cut off from sales, the stock falls as it is retired."""
    stock = rates(median_years=3.0, shape=1.0)
    entries = [entry(f"e{n}", 1) for n in range(300)]
    found = worked(entries, cut_of(stops=("sales",)), parameters(), growth=1.0, stock=stock, draws=50)
    years = found.places[0].years
    assert [year.baseline.mean for year in years] == pytest.approx([300 * H100_FLOP_PER_S] * 5, rel=1e-3)
    assert [year.share_lost.mean for year in years] == pytest.approx(
        [1 - 0.5 ** (n / 3) for n in range(5)], abs=0.02
    )


def test_together_is_the_product_of_what_is_kept() -> None:
    entries = [entry("a", owners=(Owner("microsoft", "US", 1.0),))]
    values = parameters(licence__vendor=0.2, licence__provider=0.5)
    found = worked(entries, cut_of("vendor", "provider", stops=("licence",)), values)
    assert lost(found, TOGETHER) == pytest.approx([1 - 0.8 * 0.5] * 5)
    assert float(kept([0.5, 0.0], [np.array(0.4), np.array(1.0)])) == pytest.approx(0.8)


def test_unknown_origin_is_not_cut_but_told() -> None:
    entries = [entry("a"), entry("b", vendor="anonymized", vendor_nation=None)]
    found = worked(entries, cut_of(stops=("licence",)), parameters(licence__vendor=1))
    assert lost(found) == pytest.approx([0.5] * 5)
    assert found.places[0].share_unknown == pytest.approx(0.5)
    assert any("unknown origin" in text for text in found.warnings)


def test_alternatives_are_shared_out_evenly() -> None:
    assert origin([("KR+US", 0.5), ("US", 0.25), ("KR", 0.25)], {"US"}).sure == 0.25
    both = origin([("KR+US", 1.0)], {"US", "KR"})
    assert both.sure == 1.0
    assert not both.possible
    assert origin([("micron+samsung+sk-hynix", 1.0)], {"micron"}).possible[0][2:] == (1, 3)


def test_what_may_be_of_either_is_drawn_evenly() -> None:
    """Memory that two nations may have made: the part of one is uniform between nothing and all."""
    holders = Holders(FACTS)
    of_either = next(a for a in FACTS.accelerators if holders.makers("memory", a)[1] == [("KR+US", 1.0)])
    peak = FACTS.accelerators[of_either].peak_flop_per_s("bf16")
    assert peak
    found = worked([entry("a", accelerator=of_either)], cut_of("memory"), {}, draws=4000)
    share = found.places[0].share_of_stock
    assert share is not None
    assert (share.p5, share.mean, share.p95) == pytest.approx((0.05, 0.5, 0.95), abs=0.03)


amounts = st.floats(0, 1)


@settings(max_examples=60)
@given(
    values=st.fixed_dictionaries(
        {
            "service.failures": st.floats(0, 0.5),
            "service.spares": amounts,
            "licence.vendor": amounts,
            "licence.provider": amounts,
            "substitutes.vendor.nation.share": amounts,
            "substitutes.vendor.nation.delay_years": st.floats(0.1, 9),
            "substitutes.vendor.nation.capacity": amounts,
            "substitutes.provider.nation.share": amounts,
        }
    ),
    owned=st.floats(0, 1),
    growth=st.none() | st.floats(0.5, 3),
    stops=st.sets(st.sampled_from(STOPS), min_size=1),
    others=st.integers(0, 3),
)
def test_laws_of_any_cut(
    values: dict[str, object], owned: float, growth: float | None, stops: set[Stop], others: int
) -> None:
    """A share lost is a share; together is no less than either place; more stops lose no less."""
    owners = (Owner("microsoft", "US", owned), Owner("nscale", "GB", 1 - owned))
    plan = entry("plan", 40, status="announced", in_service=datetime.date(2027, 3, 1))
    rest = [entry(f"o{n}", 10, vendor="huawei", vendor_nation="CN") for n in range(others)]
    entries = [entry("a", owners=owners), plan, *rest]
    stock = rates(median_years=6.0, shape=3.0)
    some = worked(
        entries, cut_of("vendor", "provider", stops=tuple(stops)), parameters() | values, growth, stock
    )
    every = worked(entries, cut_of("vendor", "provider"), parameters() | values, growth, stock)
    for place in some.places:
        for year in place.years:
            assert 0 <= year.share_lost.p5 <= year.share_lost.p95 <= 1
            assert year.cut.p50 <= year.baseline.p50 * (1 + 1e-12)
    for at in ("vendor", "provider"):
        assert all(a <= b + 1e-9 for a, b in zip(lost(some, at), lost(some, TOGETHER), strict=True))
        assert all(a <= b + 1e-9 for a, b in zip(lost(some, at), lost(every, at), strict=True))
    # the baseline does not know of the cut
    first, second = some.places[0].years, every.places[-1].years
    assert [y.baseline for y in first] == [y.baseline for y in second]


def test_another_territory_is_not_counted() -> None:
    entries = [entry("a"), entry("b", 900, territory="FR")]
    found = worked(entries, cut_of(), parameters(), countries=frozenset({"GB"}))
    assert found.places[0].years[0].baseline.p50 == pytest.approx(100 * H100_FLOP_PER_S)
    assert found.skipped["in another territory"] == 1


def test_what_cannot_be_worked_out_is_refused() -> None:
    with pytest.raises(InputError, match="before the census' snapshot"):
        worked([entry("a")], cut_of(on=datetime.date(2025, 1, 1)), parameters())
    with pytest.raises(InputError, match="nothing to cut off"):
        worked([entry("a")], cut_of(), parameters(), countries=frozenset({"FR"}))
    with pytest.raises(InputError, match="nation or a firm"):
        cut_of(cutting=())
    with pytest.raises(InputError, match="years must lie"):
        cut_of(years=0)
    with pytest.raises(UnknownNameError, match="place where supply may be cut"):
        cut_of("vendors")


def test_a_replaced_parameter_is_the_users() -> None:
    found = load_cut_parameters(None, {"service.spares": "2% to 8%"})
    mine = found["service.spares"]
    assert (mine.value, mine.kind, mine.source) == (
        read_uncertain("2% to 8%", "fraction"), "assumed", OVERRIDDEN,
    )  # fmt: skip
    assert found["service.failures"].source.startswith("http")
    with pytest.raises(UnknownNameError, match=r"service\.spares"):
        load_cut_parameters(None, {"service.spare": 0.1})
    with pytest.raises(InputFaults, match="fraction"):
        load_cut_parameters(None, {"service.spares": "3 GW"})


def test_every_parameter_used_is_told_with_its_source() -> None:
    found = worked([entry("a")], cut_of("vendor", "provider"), {})
    names = {one.name for one in found.parameters}
    assert {"service.spares", "licence.provider", "substitutes.vendor.nation.delay_years"} <= names
    assert all(one.source.startswith("http") for one in found.parameters)


@pytest.mark.parametrize("name", ["us-stops-selling", "nvidia-stops", "tsmc-stops"])
def test_shipped_cuts_are_read(name: str, facts: Facts) -> None:
    spec = load_supply_cut(name, facts)
    assert spec.id == name
    assert spec.hypothetical
    assert name in shipped_scenarios()


def test_a_scenario_says_who_cuts(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "cut.yaml"
    path.write_text(
        "supply_cut:\n  id: mine\n  name: Mine\n  hypothetical: true\n  on: 2027-01-01\n"
        '  sources:\n    - {url: "https://example.org", title: x, date: 2026-01-01}\n',
        encoding="utf-8",
    )
    with pytest.raises(InputFaults, match="either from_nations or from_firms"):
        load_supply_cut(str(path), facts)
    with pytest.raises(UnknownNameError, match="did you mean nvidia-stops"):
        load_supply_cut("nvidia-stop", facts)


def test_places_are_those_that_accounts_know() -> None:
    assert {"vendor", "provider"} <= set(places("nation"))


def test_a_share_of_failures_of_one_leaves_nothing_but_spares() -> None:
    one = np.ones(1)
    wear = Wear.of(one, one, 0 * one, 0 * one)
    assert wear.failed(0.0) == 0.0
    assert wear.failed(1.0) == pytest.approx(1.0)
    assert np.isfinite(wear.missing(1.0, Replacement(one, one, one))).all()
