"""Accounts: what every level's rows add up to, and an independent computation of the same figures."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.account import Account, Accounts, account
from accounting.accounts.levels import LEVELS, Holders, read_levels
from accounting.capacity.bases import BASES, Capacity, Denomination
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.valuation import Valued, Valuer
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.selection import Selection, select
from accounting.errors import MixedValuesError, UnknownNameError
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from tests.accounting.ledgers import BASE

DAY = datetime.date(2026, 1, 1)
DRAWS = 200
ALL_LEVELS = tuple((level,) for level in LEVELS)
CROSSINGS = (("territory", "provider"), ("territory", "provider", "vendor_nation"))
CHIPS = ["nvidia-h100-sxm", "amd-mi300x", "google-tpu-v4", "huawei-ascend-910b"]


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def entry(number: int, **changes: object) -> Entry:
    public = {
        "owners": (Owner("eurohpc-ju", "EU", 1.0),),
        "sector": "public",
        "in_service": datetime.date(2025, 1, 1),
    }
    return replace(BASE, id=f"e{number}", facility=f"f{number}", **{**public, **changes})  # type: ignore[arg-type]


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    rows = []
    for number in range(draw(st.integers(1, 6))):
        low = draw(st.floats(1, 1e5))
        share = draw(st.floats(0, 1))
        nations = draw(st.tuples(st.sampled_from(["US", "EU", None]), st.sampled_from(["CN", "AE"])))
        rows.append(
            entry(
                number,
                territory=draw(st.sampled_from(["FR", "US", "CN", None])),
                owners=(Owner("a", nations[0], share), Owner("b", nations[1], 1 - share)),
                accelerator=draw(st.sampled_from(CHIPS)),
                vendor=draw(st.sampled_from(["nvidia", "amd", None])),
                vendor_nation=draw(st.sampled_from(["US", "CN"])),
                count=Uncertain(low, low * 1.5, low * 3, "lognormal"),
            )
        )
    return rows


def valuer(facts: Facts, calibration: Calibration, **changes: object) -> Valuer:
    return replace(Valuer(facts, calibration, "bf16", BASES, 7, DRAWS), **changes)  # type: ignore[arg-type]


def shares(one: Account) -> dict[str, float]:
    return {row.code: row.share for row in one.rows}


@settings(max_examples=25, deadline=None)
@given(rows=entries())
def test_every_level_and_crossing_adds_up_to_the_total_in_every_draw(
    facts: Facts, calibration: Calibration, rows: list[Entry]
) -> None:
    v = valuer(facts, calibration)
    values = [v.value(row) for row in rows]
    results = account(rows, v, (*ALL_LEVELS, *CROSSINGS), as_of=DAY)
    for basis in BASES:
        for levels in (*ALL_LEVELS, *CROSSINGS):
            total = np.zeros(DRAWS)
            parts: dict[tuple[str, ...], object] = {}
            for row, valued in zip(rows, values, strict=True):
                assert isinstance(valued, Valued)
                draws = valued.capacity[basis].draws
                total = total + draws
                for key, weight in Holders(facts).codes(row, levels):
                    parts[key] = parts.get(key, 0.0) + draws * weight  # type: ignore[operator]
            np.testing.assert_allclose(sum(parts.values()), total, rtol=1e-12)  # type: ignore[arg-type]
        result = results[basis]
        for one in result.accounts:
            assert sum(row.share for row in one.rows) == pytest.approx(1)
            assert sum(row.quantiles.mean for row in one.rows) == pytest.approx(result.total.mean)
        assert sum(result.provenance.values()) == pytest.approx(1)


@settings(max_examples=15, deadline=None)
@given(rows=entries(), data=st.data())
def test_the_order_of_entries_does_not_matter(
    facts: Facts, calibration: Calibration, rows: list[Entry], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))
    v = valuer(facts, calibration)
    first = account(rows, v, ALL_LEVELS, as_of=DAY)["delivered"]
    second = account(shuffled, v, ALL_LEVELS, as_of=DAY)["delivered"]
    assert second.total.p5 == pytest.approx(first.total.p5, rel=1e-12)
    for a, b in zip(first.accounts, second.accounts, strict=True):
        assert shares(b) == pytest.approx(shares(a))


@settings(max_examples=15, deadline=None)
@given(rows=entries(), factor=st.floats(0.1, 10))
def test_counts_times_k_give_totals_times_k(
    facts: Facts, calibration: Calibration, rows: list[Entry], factor: float
) -> None:
    v = valuer(facts, calibration)

    def scaled(c: Uncertain) -> Uncertain:
        return Uncertain(c.low * factor, c.best * factor, c.high * factor, c.family)

    more = [replace(row, count=scaled(row.count)) for row in rows if row.count]
    for basis in BASES:
        before = account(rows, v, (("territory",),), as_of=DAY)[basis]
        after = account(more, v, (("territory",),), as_of=DAY)[basis]
        # values are rounded to a GFLOP/s, a millionth of the smallest batch here, and drawn in float32
        assert after.total.p95 == pytest.approx(before.total.p95 * factor, rel=2e-5)
        assert shares(after.accounts[0]) == pytest.approx(shares(before.accounts[0]), abs=2e-5)


@settings(max_examples=15, deadline=None)
@given(rows=entries())
def test_adding_a_facility_leaves_the_others_draws_as_they_were(
    facts: Facts, calibration: Calibration, rows: list[Entry]
) -> None:
    v = valuer(facts, calibration)
    alone = v.value(rows[0])
    account([*rows, entry(99)], v, (("territory",),), as_of=DAY)
    again = v.value(rows[0])
    assert isinstance(alone, Valued)
    assert isinstance(again, Valued)
    np.testing.assert_array_equal(alone.capacity["delivered"].draws, again.capacity["delivered"].draws)


@settings(max_examples=25, deadline=None)
@given(rows=entries())
def test_each_basis_is_at_most_the_one_before_in_every_draw(
    facts: Facts, calibration: Calibration, rows: list[Entry]
) -> None:
    v = valuer(facts, calibration)
    for row in rows:
        valued = v.value(row)
        assert isinstance(valued, Valued)
        for before, after in pairwise(BASES):
            assert (valued.capacity[after].draws < valued.capacity[before].draws).all()


def test_peak_shares_against_a_group_by_of_plain_numbers(facts: Facts, calibration: Calibration) -> None:
    rows = [
        entry(1, count=exact(10)),
        entry(2, count=exact(20), territory="US", accelerator="amd-mi300x", vendor="amd"),
        entry(3, count=exact(5), territory=None, owners=(Owner("a", "US", 0.25), Owner("b", "CN", 0.75))),
    ]
    peak = {"nvidia-h100-sxm": 989.4e12, "amd-mi300x": 1307.4e12}
    by_territory: dict[str, float] = defaultdict(float)
    for row in rows:
        assert row.count is not None
        by_territory[row.territory or "unknown"] += row.count.best * peak[str(row.accelerator)]
    result = account(rows, valuer(facts, calibration), (("territory",), ("provider",)), as_of=DAY)["peak"]
    total = sum(by_territory.values())
    assert result.total.mean == pytest.approx(total, rel=1e-9)
    expected = {k: v / total for k, v in by_territory.items()}
    assert shares(result.accounts[0]) == pytest.approx(expected, rel=1e-9)
    h = 989.4e12
    assert shares(result.accounts[1]) == pytest.approx(
        {"EU": (10 * h + 20 * 1307.4e12) / total, "US": 1.25 * h / total, "CN": 3.75 * h / total}
    )


def test_concentration_of_equal_holders(facts: Facts, calibration: Calibration) -> None:
    rows = [entry(i, territory=code) for i, code in enumerate(["FR", "US", "CN", "JP"])]
    one = account(rows, valuer(facts, calibration), (("territory",),), as_of=DAY)["peak"].accounts[0]
    assert one.hhi == pytest.approx(2500)
    assert one.effective_number == pytest.approx(4)


def test_groups_are_sums_of_their_members_and_no_rows(facts: Facts, calibration: Calibration) -> None:
    rows = [entry(i, territory=code) for i, code in enumerate(["FR", "DE", "US", "GB"])]
    result = account(rows, valuer(facts, calibration), (("territory",), ("provider",)), as_of=DAY)[
        "delivered"
    ]
    groups = {(g.level, g.row.code): g.row.share for g in result.groups}
    by_code = shares(result.accounts[0])
    assert groups["territory", "EU"] == pytest.approx(by_code["FR"] + by_code["DE"])
    assert groups["provider", "EU"] == pytest.approx(1.0)
    assert "EU" not in by_code
    before_brexit = account(
        rows, valuer(facts, calibration), (("territory",),), as_of=datetime.date(2020, 1, 31)
    )
    union = next(g for g in before_brexit["delivered"].groups if g.row.code == "EU")
    assert "GB" in union.members


def test_planned_capacity_is_not_counted_unless_named() -> None:
    ledger = Ledger("t", (entry(1), entry(2, status="announced"), entry(3, in_service=None)))
    assert [e.id for e in select(ledger, Selection(DAY)).entries] == ["e1"]
    both = Selection(DAY, frozenset({"operational", "announced"}))
    assert [e.id for e in select(ledger, both).entries] == ["e1", "e2"]


def test_the_status_is_that_of_the_day() -> None:
    gone = entry(1, status="retired", retired=datetime.date(2025, 6, 1))
    ledger = Ledger("t", (gone,))
    assert len(select(ledger, Selection(datetime.date(2025, 3, 1))).entries) == 1
    assert len(select(ledger, Selection(datetime.date(2025, 6, 1))).entries) == 0
    assert select(ledger, Selection(datetime.date(2024, 12, 31))).skipped == {
        "in service after 2024-12-31": 1
    }


@given(st.lists(st.sampled_from(["operational", "announced", "retired", "cancelled"]), max_size=8))
def test_selected_and_left_out_are_all_rows(statuses: list[str]) -> None:
    rows = tuple(entry(i, status=status, duplicate=i % 3 == 0) for i, status in enumerate(statuses))
    ledger = Ledger("t", rows, left_out={"unreadable": 2})
    chosen = select(ledger, Selection(DAY))
    assert len(chosen.entries) + sum(chosen.skipped.values()) == ledger.rows


def test_what_cannot_be_valued_is_counted_by_reason(facts: Facts, calibration: Calibration) -> None:
    rows = [entry(1), entry(2, accelerator=None), entry(3, accelerator="google-tpu-v4")]
    result: Accounts = account(
        rows, valuer(facts, calibration, precision="fp8", bases=("peak",)), (), as_of=DAY
    )["peak"]
    assert result.deployments == 1
    assert result.skipped == {"no known accelerator and count": 1, "its accelerator has no fp8": 1}


PEAK = Denomination("bf16", "peak")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(PEAK, basis="delivered"), ["differ in basis", "Valuer(…, bases=('peak',))"]),
        (replace(PEAK, precision="fp8"), ["differ in precision", "value both in one precision"]),
        (replace(PEAK, sparse=True), ["differ in sparse", "dense spec peak"]),
        (replace(PEAK, unit="H100e"), ["differ in unit", "in_h100e"]),
    ],
)
def test_values_that_mean_different_things_do_not_mix(other: Denomination, words: list[str]) -> None:
    a, b = Capacity(np.ones(3), PEAK), Capacity(np.ones(3), other)
    for mix in (lambda: a + b, lambda: a.ratio(b)):
        with pytest.raises(MixedValuesError) as caught:
            mix()
        text = str(caught.value)
        assert str(PEAK) in text
        assert str(other) in text
        assert all(word in text for word in words)


def test_levels_are_read_or_refused() -> None:
    assert read_levels("territory, vendor-nation") == ("territory", "vendor_nation")
    with pytest.raises(UnknownNameError, match="did you mean provider"):
        read_levels("provder")
