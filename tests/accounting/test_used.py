"""What is used: delivered × occupancy × a year, entry by entry and in total."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from accounting.accounts.account import account
from accounting.accounts.drivers import drivers
from accounting.accounts.estimate import Request, estimate
from accounting.capacity.bases import Capacity, Denomination
from accounting.capacity.calibration import Calibration, load_calibration, shipped_evidence
from accounting.capacity.efficiency.evidence import load_evidence
from accounting.capacity.efficiency.occupancy import Occupancy, used_flop_per_year
from accounting.capacity.used import UsedValuer, shipped_occupancy
from accounting.capacity.valuation import Valued, Valuer
from accounting.census.ledger import Ledger
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.dimensions import YEAR_S
from accounting.errors import InputFaults, MixedValuesError
from accounting.reference.facts import Facts
from bench.errors import InputError

DAY = datetime.date(2026, 6, 30)
SIZE = 4_000


@pytest.fixture(scope="module")
def census(facts: Facts) -> Ledger:
    whole = load_census([], facts)
    return replace(whole, entries=tuple(e for e in whole.entries if e.territory in {"FI", "IT", "CH"}))


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def test_an_entry_is_worth_what_the_formula_says(
    census: Ledger, facts: Facts, calibration: Calibration
) -> None:
    fleets = shipped_occupancy(facts)
    used = UsedValuer(facts, calibration, bases=("delivered",), size=SIZE, fleets=fleets)
    delivered = Valuer(facts, calibration, bases=("delivered",), size=SIZE)
    seen = 0
    for entry in census.entries:
        mine, plain = used.value(entry), delivered.value(entry)
        if isinstance(mine, Valued) and isinstance(plain, Valued):
            expected = used_flop_per_year(plain.capacity["delivered"], fleets, 0, entry.facility)
            np.testing.assert_allclose(mine.capacity["delivered"].draws, expected, rtol=1e-9)
            seen += 1
    assert seen > 3


def test_the_account_adds_up_and_is_a_flow(census: Ledger, facts: Facts, calibration: Calibration) -> None:
    fleets = shipped_occupancy(facts)
    valuer = UsedValuer(facts, calibration, bases=("delivered",), size=SIZE, fleets=fleets)
    plain = Valuer(facts, calibration, bases=("delivered",), size=SIZE)
    levels = (("territory",), ("vendor",))
    flow = account(census.entries, valuer, levels, as_of=DAY)["delivered"]
    stock = account(census.entries, plain, levels, as_of=DAY)["delivered"]
    assert str(flow.denomination) == "bf16 dense used FLOP/year"
    for level in flow.accounts:
        assert sum(row.quantiles.mean for row in level.rows) == pytest.approx(flow.total.mean)
    ratio = flow.total.mean / (stock.total.mean * YEAR_S)
    # the fleet that is known was busy four fifths of the time
    assert 0.6 < ratio < 0.9


def test_a_flow_is_no_capacity() -> None:
    flow = Capacity(np.ones(3), Denomination("bf16", "delivered", "FLOP/year"))
    with pytest.raises(MixedValuesError, match="cannot be added") as caught:
        _ = flow + Capacity(np.ones(3), Denomination("bf16", "delivered"))
    # H100e would mend nothing here: the other side has none
    assert "in_h100e" not in str(caught.value)
    assert "a year" in str(caught.value)
    with pytest.raises(MixedValuesError, match="a flow"):
        flow.in_h100e(1.0)


@pytest.mark.parametrize("basis", ["peak", "sustained"])
def test_only_what_is_delivered_is_used(
    basis: str, census: Ledger, facts: Facts, calibration: Calibration
) -> None:
    request = Request(Selection(DAY), (basis,), unit="flop_per_year", draws=100)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a flow of what is delivered"):
        estimate(census, request, facts, calibration)


def test_what_drives_a_flow_is_named_after_its_steps(
    census: Ledger, facts: Facts, calibration: Calibration
) -> None:
    fleets = shipped_occupancy(facts)
    used = UsedValuer(facts, calibration, bases=("delivered",), size=500, fleets=fleets)
    names = {d.key: d.name for d in drivers(census.entries, used, facts, most=50).drivers}
    assert names["occupancy"] == "occupancy"
    assert names["delivered"] == "availability"
    assert names["site_spread:occupancy"] == "sites' own occupancy"
    assert names["site_spread:delivered"] == "sites' own availability"
    assert not any("any" in name for name in names.values())


@pytest.mark.parametrize("share", ["0%", "100%"])
def test_a_fleet_that_is_never_or_always_busy_is_refused_at_its_line(
    tmp_path: Path, facts: Facts, share: str
) -> None:
    row = f"{{where: x, occupancy: {share}, source: x, date: 2025-01-01, kind: reported}}"
    (tmp_path / "o.yaml").write_text(f"occupancy:\n  - {row}\n", encoding="utf-8")
    with pytest.raises(InputFaults, match=r"o.yaml:2:\d+: .*between 0 and 1"):
        load_evidence([tmp_path / "o.yaml"], facts)


def test_the_fleets_are_named(census: Ledger, facts: Facts, calibration: Calibration) -> None:
    request = Request(Selection(DAY), ("delivered",), unit="flop_per_year", draws=100)
    (found,) = estimate(census, request, facts, calibration)
    assert any("Meta research clusters" in text for text in found.warnings)


def test_without_a_fleet_there_is_no_flow(facts: Facts, calibration: Calibration) -> None:
    with pytest.raises(InputError, match="no occupancy is known"):
        UsedValuer(facts, calibration, bases=("delivered",), fleets=())
    assert isinstance(shipped_occupancy(facts)[0], Occupancy)


FLEET = Occupancy.model_validate(
    {"where": "x", "occupancy": "80%", "source": "x", "date": "2024-01-01", "kind": "reported"}
)


def test_used_is_a_flow_below_what_is_delivered_all_year() -> None:
    delivered = Capacity(np.full(20_000, 2e15), Denomination("bf16", "delivered"))
    used = used_flop_per_year(delivered, [FLEET], 0, "site")
    assert (used < 2e15 * YEAR_S).all()
    assert np.median(used) == pytest.approx(0.8 * 2e15 * YEAR_S, rel=0.02)


@pytest.mark.parametrize("stated", [Denomination("bf16", "peak"), Denomination("bf16", "delivered", "H100e")])
def test_used_is_of_delivered_flop_alone(stated: Denomination) -> None:
    with pytest.raises(MixedValuesError, match="what is used is a flow"):
        used_flop_per_year(Capacity(np.ones(3), stated), [FLEET], 0, "site")


def test_used_needs_an_occupancy() -> None:
    with pytest.raises(InputError, match="no occupancy is known"):
        used_flop_per_year(Capacity(np.ones(3), Denomination("bf16", "delivered")), [], 0, "site")


def test_shipped_occupancy_is_read(facts: Facts) -> None:
    assert [row.kind for row in shipped_evidence(facts).occupancy] == ["reported"]
