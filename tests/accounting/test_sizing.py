"""Counts from power and cost: against closed forms, against draws, and against published counts."""

from __future__ import annotations

import datetime
import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.accounts.estimate import Request, estimate
from accounting.accounts.sized import resize
from accounting.capacity.calibration import Calibration
from accounting.capacity.sizing.counts import (
    NO_CLUE,
    NO_FACTOR,
    NO_TYPICAL,
    NOBODY,
    Sized,
    Unsized,
    size,
)
from accounting.capacity.sizing.facts import SizingFacts, load_sizing
from accounting.capacity.sizing.lognormal import Lognormal, combine, mixture, uncertain
from accounting.census.facilities import load_facilities
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import Selection
from accounting.errors import InputFaults
from accounting.quantities import Uncertain, exact, read_uncertain
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from tests.accounting.ledgers import BASE

Z95 = 1.6448536269514722
DAY = datetime.date(2026, 1, 1)


@pytest.fixture(scope="module")
def sizing(facts: Facts) -> SizingFacts:
    return load_sizing(facts)


def of(facts: Facts, sizing: SizingFacts, **changes: object) -> Sized:
    found = size(replace(BASE, **changes), facts, sizing)  # type: ignore[arg-type]
    assert isinstance(found, Sized)
    return found


def log_of(value: Uncertain) -> tuple[float, float]:
    return math.log(value.best), math.log(value.high / value.low) / (2 * Z95)


def test_power_of_a_site_is_the_product_of_its_lognormals(facts: Facts, sizing: SizingFacts) -> None:
    power = read_uncertain("9 MW to 11 MW", "power")
    found = of(facts, sizing, count=None, power=power, power_of="site").entry.count
    overhead = next(row for row in sizing.overheads if "nvidia-hopper" in row.of).value
    site = sizing.facility_overheads[-1].value
    parts = [log_of(power), log_of(sizing.filled.value), log_of(overhead), log_of(site)]
    signs = (1, 1, -1, -1)
    mean = sum(sign * part[0] for sign, part in zip(signs, parts, strict=True)) - math.log(700)
    assert found is not None
    assert log_of(found) == pytest.approx((mean, math.sqrt(sum(part[1] ** 2 for part in parts))))


def test_power_of_computers_and_of_a_run_need_no_facility_overhead(facts: Facts, sizing: SizingFacts) -> None:
    overhead = next(row for row in sizing.overheads if "nvidia-hopper" in row.of).value.best
    for what, factor in (("it", sizing.filled.value.best), ("run", 1 / sizing.run_load.value.best)):
        found = of(facts, sizing, count=None, power=exact(7e6, "power"), power_of=what).entry.count
        assert found is not None
        assert found.best == pytest.approx(7e6 * factor / (700 * overhead))


def test_a_power_of_no_stated_kind_is_drawn_from_both(facts: Facts, sizing: SizingFacts) -> None:
    both = {
        what: of(facts, sizing, count=None, power=exact(1e7, "power"), power_of=what).entry.count
        for what in ("it", "site", None)
    }
    draws = np.random.default_rng(1)
    logs = []
    for what in ("it", "site"):
        mean, sd = log_of(both[what])  # type: ignore[arg-type]
        logs.append(draws.normal(mean, sd, 200_000))
    mean, sd = log_of(both[None])  # type: ignore[arg-type]
    assert mean == pytest.approx(np.concatenate(logs).mean(), abs=0.002)
    assert sd == pytest.approx(np.concatenate(logs).std(), rel=0.01)


def test_a_cost_buys_systems_at_the_price_of_its_day(facts: Facts, sizing: SizingFacts) -> None:
    price = next(row for row in sizing.prices if "nvidia-h100-sxm" in row.of).value.best
    cost = read_uncertain("200 M$", "money")
    systems = of(facts, sizing, count=None, cost=cost, cost_of="systems").entry.count
    site = of(facts, sizing, count=None, cost=cost, cost_of="site").entry.count
    assert systems is not None
    assert site is not None
    assert systems.best == pytest.approx(2e8 / price)
    assert site.best == pytest.approx(2e8 * sizing.systems_share.value.best / price)
    before = replace(BASE, count=None, cost=cost, in_service=datetime.date(2021, 1, 1))
    assert size(before, facts, sizing) == Unsized(NO_FACTOR)


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 2)), min_size=1, max_size=4),
)
def test_clues_are_weighted_by_precision(pairs: list[tuple[float, float]]) -> None:
    means, sds = (np.array(column) for column in zip(*pairs, strict=True))
    found, ratio = combine([Lognormal(*pair) for pair in pairs])
    # generalised least squares with one unknown, and numpy's weighted mean
    assert found.mean == pytest.approx(np.average(means, weights=sds**-2.0))
    birge = 1.0
    if len(pairs) > 1:
        birge = max(1.0, float(np.sqrt((((means - found.mean) / sds) ** 2).sum() / (len(pairs) - 1))))
    assert ratio == pytest.approx(birge)
    assert found.sd == pytest.approx(birge / np.sqrt((sds**-2.0).sum()))


def test_two_clues_meet_and_their_disagreement_is_shown(facts: Facts, sizing: SizingFacts) -> None:
    count = read_uncertain("800 to 1250", "count")
    power = exact(1e7, "power")
    alone = of(facts, sizing, count=None, power=power, power_of="it").entry.count
    assert alone is not None
    found = of(facts, sizing, count=count, power=power, power_of="it")
    a, b = log_of(count), log_of(alone)
    z = (a[0] - b[0]) / math.hypot(a[1], b[1])
    assert [clue.z for clue in found.clues] == [pytest.approx(z), pytest.approx(-z)]
    weights = a[1] ** -2, b[1] ** -2
    assert found.entry.count is not None
    mean, sd = log_of(found.entry.count)
    assert mean == pytest.approx((a[0] * weights[0] + b[0] * weights[1]) / sum(weights))
    # of two, χ² is z², so that the Birge ratio is |z|
    assert found.widening == pytest.approx(max(1.0, abs(z)))
    assert sd == pytest.approx(found.widening / math.sqrt(sum(weights)))
    assert abs(z) > 3


@pytest.mark.parametrize(
    "stated", [{"count": exact(900.0)}, {"count": read_uncertain("800 to 1000", "count"), "kind": "derived"}]
)
def test_a_count_that_is_exact_or_derived_stands(
    facts: Facts, sizing: SizingFacts, stated: dict[str, object]
) -> None:
    entry = replace(BASE, power=exact(1e7, "power"), **stated)  # type: ignore[arg-type]
    found = size(entry, facts, sizing)
    assert isinstance(found, Sized)
    assert found.entry == entry
    assert [clue.used for clue in found.clues] == [True, False]
    count, power = found.clues
    assert count.z is None
    assert power.z is not None
    assert power.z > 3


def test_an_unknown_accelerator_is_what_its_designer_sold(facts: Facts, sizing: SizingFacts) -> None:
    blind = {"accelerator": None, "count": None, "power": exact(1e8, "power"), "power_of": "it"}
    found = of(facts, sizing, **blind, in_service=datetime.date(2025, 6, 1))
    shares = next(
        row.shares
        for row in sizing.typical
        if row.designer == "nvidia" and row.year == 2025 and not row.territories
    )
    standard = max(shares, key=lambda name: shares[name])
    assert found.entry.accelerator == standard
    assert found.typical
    assert found.entry.kind == "assumed"
    # capacity in FLOP/s, candidate by candidate, drawn as a mixture
    draws = np.random.default_rng(2)
    logs = []
    for name, share in shares.items():
        chip = facts.accelerators[name]
        parts = [log_of(sizing.filled.value)]
        overhead = next(r.value for r in sizing.overheads if not r.of or {name, chip.family} & set(r.of))
        parts.append(log_of(overhead))
        rate = chip.peak_flop_per_s("bf16")
        assert chip.tdp
        assert rate
        mean = math.log(1e8) + parts[0][0] - parts[1][0] + math.log(rate / chip.tdp)
        logs.append(draws.normal(mean, math.hypot(parts[0][1], parts[1][1]), int(share * 400_000)))
    every = np.concatenate(logs)
    assert found.entry.count is not None
    mean, sd = log_of(found.entry.count)
    peak = facts.accelerators[standard].peak_flop_per_s("bf16")
    assert peak
    assert mean + math.log(peak) == pytest.approx(every.mean(), abs=0.005)
    assert sd == pytest.approx(every.std(), rel=0.01)
    known = of(facts, sizing, **{**blind, "accelerator": standard}).entry.count
    assert known is not None
    assert sd > log_of(known)[1]


def test_a_designer_that_sold_one_accelerator_is_assumed_to_have_sold_it_here(
    facts: Facts, sizing: SizingFacts
) -> None:
    day = datetime.date(2025, 6, 1)
    typical = sizing.candidates("amazon", day.year, "US")
    assert typical is not None
    assert len(typical.shares) == 1
    found = of(facts, sizing, accelerator=None, vendor="amazon", count=exact(1000.0), in_service=day)
    assert found.typical
    assert found.entry.kind == "assumed"


@pytest.mark.parametrize("power", [None, exact(1e7, "power")])
def test_no_accelerators_are_none_whatever_the_power(facts: Facts, power: Uncertain | None) -> None:
    none = replace(BASE, count=exact(0.0), power=power)
    assert resize([none], facts, "bf16").entries == (none,)
    assert resize([none], facts, "bf16").summary.entries == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"accelerator": None, "vendor": None}, NOBODY),
        ({"accelerator": None, "vendor": "cerebras"}, NO_TYPICAL),
        ({"accelerator": None, "in_service": None}, NO_TYPICAL),
        ({"accelerator": None, "in_service": datetime.date(2012, 1, 1)}, NO_TYPICAL),
        ({"count": None}, NO_CLUE),
        ({"count": None, "accelerator": "amd-mi455x", "power": exact(1e6, "power")}, NO_FACTOR),
        ({"count": None, "accelerator": "amd-mi300x", "cost": exact(1e6, "money")}, NO_FACTOR),
    ],
)
def test_what_nothing_leads_to_has_a_reason(
    facts: Facts, sizing: SizingFacts, changes: dict[str, object], reason: str
) -> None:
    assert size(replace(BASE, **changes), facts, sizing) == Unsized(reason)  # type: ignore[arg-type]


@given(factor=st.floats(0.01, 1000), power=st.floats(1e3, 1e10))
def test_twice_the_power_is_twice_the_accelerators(facts: Facts, factor: float, power: float) -> None:
    sizing = load_sizing(facts)
    one = of(facts, sizing, count=None, power=exact(power, "power")).entry.count
    more = of(facts, sizing, count=None, power=exact(power * factor, "power")).entry.count
    assert one is not None
    assert more is not None
    assert more.best / one.best == pytest.approx(factor)
    assert log_of(more)[1] == pytest.approx(log_of(one)[1])
    assert one.low < one.best < one.high


def test_a_mixture_of_one_is_itself() -> None:
    only = mixture([(0.3, Lognormal(1.0, 0.5))])
    found = log_of(uncertain(only))
    assert found[0] == pytest.approx(1.0)
    assert found[1] == pytest.approx(0.5)


def rows() -> tuple[Entry, ...]:
    power = {"count": None, "power": exact(1e7, "power"), "power_of": "it"}
    return (
        BASE,
        replace(BASE, id="b", facility="b", **power),  # type: ignore[arg-type]
        replace(BASE, id="c", facility="c", accelerator=None, vendor=None, **power),  # type: ignore[arg-type]
        replace(BASE, id="d", facility="d", count=None),
    )


def test_an_estimate_values_them_or_leaves_them_out(facts: Facts) -> None:
    ledger, none = Ledger("t", rows()), Calibration.of((), facts)
    request = Request(Selection(DAY), ("peak",), draws=2000)
    kept = estimate(ledger, request, facts, none)[0]
    dropped = estimate(ledger, replace(request, sized="drop"), facts, none)[0]
    assert dropped.accounts.skipped["no known accelerator and count"] == 3
    assert dropped.sized is None
    assert kept.accounts.deployments == 2
    assert kept.accounts.skipped[f"power known, but {NOBODY}"] == 1
    assert kept.accounts.skipped["no known accelerator and count"] == 1
    assert sum(kept.accounts.skipped.values()) + 2 == ledger.rows
    more = kept.accounts.total.mean - dropped.accounts.total.mean
    assert kept.sized is not None
    assert kept.sized.entries == 1
    assert kept.sized.clues == {"power": 1}
    assert kept.sized.share == pytest.approx(more / kept.accounts.total.mean, rel=0.02)
    assert kept.accounts.provenance["assumed"] == pytest.approx(kept.sized.share, rel=0.02)
    assert any("number: 1, or" in text and "--sized drop" in text for text in kept.warnings)


def test_a_source_s_own_figure_comes_first(facts: Facts) -> None:
    own = replace(rows()[1], values={"bf16": 1e15})
    assert resize([own], facts, "bf16").entries == (own,)
    assert resize([own], facts, "fp8").entries != (own,)


def test_what_a_power_is_of_needs_a_power(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "f.yaml"
    text = (configs_root() / "facilities" / "mexico.yaml").read_text(encoding="utf-8")
    head = text.index("facilities:")
    path.write_text(
        text[head:].split("\n")[0]
        + """
  - id: a
    name: A
    territory: FR
    owners: [{organisation: xai}]
    sector: private
    sources: [{url: "https://example.org", title: T, date: 2025}]
    deployments:
      - {id: a-1, cost_of: systems, status: operational}
      - id: a-2
        cost: {value: 2 B$, kind: reported, source: "https://example.org", date: 2025}
        power_of: site
        status: operational
""",
        encoding="utf-8",
    )
    with pytest.raises(InputFaults) as caught:
        load_facilities([path], facts)
    assert "a deployment needs a count, a power or a cost" in str(caught.value)
    assert "power_of: says what a power is of, but no power is stated" in str(caught.value)


def test_published_counts_lie_inside(repository: Path, facts: Facts, sizing: SizingFacts) -> None:
    spec = importlib.util.spec_from_file_location("sizing_check", repository / "benchmarks" / "sizing.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    checks = {check.facility: check for check in module.checks(facts, sizing)}
    assert {"jupiter", "xai-colossus", "isambard-ai", "el-capitan"} <= set(checks)
    independent = [check for check in checks.values() if check.independent]
    assert len(independent) > 60
    assert sum(check.inside for check in independent) / len(independent) >= 0.8
    assert sum(check.inside for check in checks.values()) / len(checks) >= 0.8
    assert checks["jupiter"].inside
    assert checks["xai-colossus"].inside
