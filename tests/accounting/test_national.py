"""Domestic and national accounts: the laws they keep, and the same figures from a pandas group-by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.crosstabs import Crosstab, fold, renamed, share_of, size_of, total, whole
from accounting.accounts.nations.national import bilateral, imbalance, national_account, world_accounts
from tests.accounting.crossings import DRAWS, HOLDERS, PLACES, crossings, frame

# a table of pandas for each example takes as long as thousands of sums
PIVOTS = 25
# territory, provider
SMALL: Crosstab = {
    ("FR", "FR"): np.array([1.0, 2.0]),
    ("FR", "US"): np.array([3.0, 3.0]),
    ("FR", "EU"): np.array([0.5, 0.5]),
    ("US", "US"): np.array([10.0, 10.0]),
    ("US", "FR"): np.array([0.25, 0.75]),
    ("unknown", "unknown"): np.array([7.0, 7.0]),
}


def test_the_accounts_of_a_small_world() -> None:
    france = national_account(SMALL, "FR")
    assert france.home.tolist() == [1.0, 2.0]
    assert france.foreign.tolist() == [3.5, 3.5]
    assert france.abroad.tolist() == [0.25, 0.75]
    assert france.domestic.tolist() == [4.5, 5.5]
    assert france.national.tolist() == [1.25, 2.75]
    bodies, unknown = national_account(SMALL, "EU"), national_account(SMALL, "unknown")
    assert (bodies.home.tolist(), bodies.domestic.tolist()) == ([0, 0], [0, 0])
    assert bodies.national.tolist() == [0.5, 0.5]
    # a place and a controller that nobody knows are no home of each other
    assert (unknown.home.tolist(), unknown.foreign.tolist(), unknown.abroad.tolist()) == (
        [0, 0],
        [7, 7],
        [7, 7],
    )
    assert france.shares()["home_of_domestic"].share == pytest.approx(1.5 / 5.0)
    assert france.quantiles()["domestic"].mean == pytest.approx(5.0)


@settings(max_examples=PIVOTS)
@given(crossings())
def test_domestic_national_and_the_world_close_in_every_draw(sums: Crosstab) -> None:
    accounts = world_accounts(sums)
    everything = whole(sums)
    table = frame(sums, "territory", "provider")
    for code, account in accounts.items():
        rows = table[table.territory == code].groupby("draw").value.sum()
        np.testing.assert_allclose(account.domestic, rows.reindex(range(DRAWS), fill_value=0), rtol=1e-12)
        rows = table[table.provider == code].groupby("draw").value.sum()
        np.testing.assert_allclose(account.national, rows.reindex(range(DRAWS), fill_value=0), rtol=1e-12)
    for side in ("domestic", "national"):
        summed = total((getattr(a, side) for a in accounts.values()), DRAWS)
        np.testing.assert_allclose(summed, everything, rtol=1e-12)
    assert imbalance(accounts.values()) <= 1e-12


@given(crossings(), st.sampled_from(PLACES[1:]), st.sampled_from(HOLDERS), st.floats(0, 1e20))
def test_a_facility_abroad_leaves_the_domestic_account_to_the_last_bit(
    sums: Crosstab, place: str, holder: str, size: float
) -> None:
    more = dict(sums)
    more[place, holder] = more.get((place, holder), np.zeros(DRAWS)) + size
    before, after = national_account(sums, "FR"), national_account(more, "FR")
    for part in ("home", "foreign", "domestic"):
        np.testing.assert_array_equal(getattr(before, part), getattr(after, part))


@given(crossings(), st.randoms(use_true_random=False))
def test_order_changes_nothing_to_the_last_bit(sums: Crosstab, random: object) -> None:
    keys = list(sums)
    random.shuffle(keys)  # type: ignore[attr-defined]
    shuffled = {key: sums[key] for key in keys}
    for code, account in world_accounts(sums).items():
        other = national_account(shuffled, code)
        np.testing.assert_array_equal(account.domestic, other.domestic)
        np.testing.assert_array_equal(account.national, other.national)


@settings(max_examples=PIVOTS)
@given(crossings(levels=3))
def test_the_bilateral_matrix_is_a_pivot_table(sums: Crosstab) -> None:
    found = bilateral(sums, 0, 2)
    table = frame(sums, "territory", "provider", "vendor")
    table["value"] /= DRAWS
    expected = table.pivot_table(
        index="territory", columns="vendor", values="value", aggfunc="sum", fill_value=0.0, margins=True
    )
    got = found.to_frame().rename(index={"total": "All"}, columns={"total": "All"})
    pd.testing.assert_frame_equal(
        got.sort_index(axis=0).sort_index(axis=1),
        expected.sort_index(axis=0).sort_index(axis=1),
        check_names=False,
        rtol=1e-12,
    )
    for margin in (found.rows, found.columns):
        np.testing.assert_allclose(total(margin.values(), DRAWS), found.total, rtol=1e-12)
    for code in {key[0] for key in sums}:
        shares = [share.share for _, share in found.partners_of_row(code).values()]
        assert sum(shares) == pytest.approx(1) or found.rows[code,].sum() < 1e-300


def test_partners_come_largest_first() -> None:
    matrix = bilateral(SMALL)
    assert list(matrix.partners_of_row("FR")) == ["US", "FR", "EU"]
    assert matrix.partners_of_row("FR")["US"][1].share == pytest.approx(0.6)
    assert list(matrix.partners_of_column("FR")) == ["FR", "US"]
    assert matrix.partners_of_row("JP") == {}


@given(crossings())
def test_a_bloc_of_one_name_keeps_the_total_and_turns_partners_into_home(sums: Crosstab) -> None:
    bloc = renamed(sums, ["FR", "DE", "EU"], "EU members", (0, 1))
    np.testing.assert_allclose(whole(bloc), whole(sums), rtol=1e-12)
    home = national_account(bloc, "EU members").home
    inside = whole(sums, lambda key: key[0] in {"FR", "DE"} and key[1] in {"FR", "DE", "EU"})
    np.testing.assert_allclose(home, inside, rtol=1e-12)


@given(crossings(levels=3))
def test_fold_is_a_group_by(sums: Crosstab) -> None:
    expected = frame(sums, "a", "b", "c").groupby(["a", "c", "draw"]).value.sum()
    found = fold(sums, 0, 2)
    assert size_of(found) == DRAWS
    for (a, c), draws in found.items():
        np.testing.assert_allclose(draws, expected[a, c], rtol=1e-12)


def test_a_share_of_nothing_is_nought() -> None:
    assert share_of(np.zeros(4), np.zeros(4)).share == 0.0
    assert whole({}).tolist() == [0.0]
    assert imbalance([]) == 0.0
