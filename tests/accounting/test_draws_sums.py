"""Sums of draws: the same to the last bit however they are made, and right against float64."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from math import erf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.account import account
from accounting.accounts.levels import Holders
from accounting.accounts.rows import GroupOf, LevelRow, Valuation
from accounting.capacity.bases import BASES, Basis, Draws
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.draws import product, standard_normal
from accounting.capacity.passes import TOTAL, RowKey
from accounting.capacity.streams import BLOCK, Streams
from accounting.capacity.sums import GRAIN, Summation, Work
from accounting.capacity.valuation import Chain, Factor, Skipped, Term, Valued, Valuer
from accounting.census.ledger import Entry, Owner
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from bench.errors import InputError
from tests.accounting.ledgers import BASE

DAY = datetime.date(2026, 1, 1)
DRAWS = 300
LEVELS = (("territory",), ("provider",), ("facility",), ("territory", "vendor"))
CHIPS = ["nvidia-h100-sxm", "amd-mi300x", "google-tpu-v4", "huawei-ascend-910b"]
Rows = dict[RowKey, tuple[Draws, ...]]


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


@st.composite
def entries(draw: st.DrawFn, most: int = 7) -> list[Entry]:
    return [draw(entry(number)) for number in range(draw(st.integers(1, most)))]


@st.composite
def entry(draw: st.DrawFn, number: int) -> Entry:
    best, share = draw(st.floats(1, 1e5)), draw(st.floats(0, 1))
    count = Uncertain(best / draw(st.floats(1.01, 3)), best, best * draw(st.floats(1.01, 3)), "lognormal")
    nation = draw(st.sampled_from(["US", "EU", None]))
    joint = (Owner("a", nation, share), Owner("b", draw(st.sampled_from(["CN", "US"])), 1 - share))
    return Entry(
        id=f"e{number}",
        facility=f"f{number % 5}",
        facility_name="",
        territory=draw(st.sampled_from(["FR", "US", "CN", None])),
        owners=draw(st.sampled_from([joint, (Owner("c", "DE", 1.0),)])),
        operator=None,
        sector=None,
        accelerator=draw(st.sampled_from(CHIPS)),
        vendor=draw(st.sampled_from(["nvidia", "amd"])),
        vendor_nation=None,
        count=draw(st.sampled_from([count, exact(round(best))])),
        in_service=DAY,
        retired=None,
        status="operational",
        kind=draw(st.sampled_from(["reported", "assumed"])),
        source=draw(st.sampled_from(["https://a.example", "https://b.example"])),
    )


def rows_of(entries: Sequence[Entry], valuer: Valuer, work: Work | None = None) -> Rows:
    items = Valuation(entries, valuer, LEVELS, valuer.facts.groups_on(DAY), Holders(valuer.facts))
    return dict(Summation(items, valuer, work).rows())


def the_valuer(facts: Facts, calibration: Calibration, size: int = DRAWS) -> Valuer:
    bias = {"https://a.example": Uncertain(0.8, 1.0, 1.25, "lognormal")}
    return Valuer(facts, calibration, "bf16", BASES, 7, size, source_bias=bias)


def assert_same_bits(found: Rows, expected: Rows) -> None:
    assert found.keys() == expected.keys()
    for row, columns in expected.items():
        for ours, theirs in zip(found[row], columns, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=str(row))


@settings(max_examples=25)
@given(rows=entries(), data=st.data())
def test_order_chunks_workers_and_passes_change_no_bit(
    facts: Facts, calibration: Calibration, rows: list[Entry], data: st.DataObject
) -> None:
    v = the_valuer(facts, calibration)
    expected = rows_of(rows, v, Work(workers=1))
    shuffled = data.draw(st.permutations(rows))
    work = Work(
        workers=data.draw(st.integers(1, 3)),
        chunk=data.draw(st.integers(1, 4)),
        # from two rows a pass to all at once
        sums_bytes=data.draw(st.sampled_from([0, 8 * DRAWS * len(BASES) * 5, 2**29])),
    )
    assert_same_bits(rows_of(shuffled, v, work), expected)


@settings(max_examples=25)
@given(rows=entries(), more=entry(99))
def test_other_entries_change_no_bit_of_rows_that_they_are_not_in(
    facts: Facts, calibration: Calibration, rows: list[Entry], more: Entry
) -> None:
    v = the_valuer(facts, calibration)
    other = replace(more, territory="JP", facility="elsewhere", owners=(Owner("d", "KR", 1.0),))
    before, after = rows_of(rows, v), rows_of([*rows, other], v)
    touched = {row for row in before if row == TOTAL or not isinstance(row, LevelRow | GroupOf)}
    touched |= {GroupOf((level,), group) for level in ("territory", "provider") for group in facts.groups}
    untouched = before.keys() - touched
    assert_same_bits({row: after[row] for row in untouched}, {row: before[row] for row in untouched})


@settings(max_examples=25)
@given(rows=entries(), data=st.data())
def test_levels_asked_for_change_no_bit(
    facts: Facts, calibration: Calibration, rows: list[Entry], data: st.DataObject
) -> None:
    v = the_valuer(facts, calibration)
    some = data.draw(st.lists(st.sampled_from(LEVELS), unique=True))
    few = dict(Summation(Valuation(rows, v, some, facts.groups_on(DAY), Holders(facts)), v).rows())
    every = rows_of(rows, v)
    assert_same_bits(few, {row: every[row] for row in few})


@settings(max_examples=25)
@given(rows=entries())
def test_rows_of_every_level_add_up_to_the_total_in_every_draw(
    facts: Facts, calibration: Calibration, rows: list[Entry]
) -> None:
    found = rows_of(rows, the_valuer(facts, calibration))
    for level in LEVELS:
        keys = [row for row in found if isinstance(row, LevelRow) and row.levels == level]
        for place in range(len(BASES)):
            parts = np.sum([np.broadcast_to(found[row][place], DRAWS) for row in keys], axis=0)
            np.testing.assert_allclose(parts, np.broadcast_to(found[TOTAL][place], DRAWS), rtol=1e-12)


@settings(max_examples=25)
@given(rows=entries())
def test_sums_are_those_of_float64_values(facts: Facts, calibration: Calibration, rows: list[Entry]) -> None:
    """Against Valuer.value, added up in float64: 3e-6 of each draw, and half a grain an entry and part."""
    v = the_valuer(facts, calibration)
    found = rows_of(rows, v)
    for place, basis in enumerate(BASES):
        for level in LEVELS:
            expected = by_hand(rows, v, level, basis)
            for code, draws in expected.items():
                ours = np.broadcast_to(found[LevelRow(level, code)][place], DRAWS)
                np.testing.assert_allclose(ours, draws, rtol=3e-6, atol=len(rows) * GRAIN["FLOP/s"])


def by_hand(
    rows: Sequence[Entry], v: Valuer, level: tuple[str, ...], basis: Basis
) -> dict[tuple[str, ...], Draws]:
    table: dict[tuple[str, ...], Draws] = {}
    for row in rows:
        valued = v.value(row)
        assert isinstance(valued, Valued)
        for code, weight in Holders(v.facts).codes(row, level):
            table[code] = table.get(code, np.zeros(v.size)) + weight * valued.capacity[basis].draws
    return table


def test_what_is_small_beside_the_sum_is_not_lost_by_order(facts: Facts, calibration: Calibration) -> None:
    """Single chips beside ten billion: float64 keeps both, but only of what is whole grains."""
    v = Valuer(facts, calibration, bases=("delivered",), size=50)
    huge = next_entry(id="huge", count=Uncertain(3.9e9, 4e9, 4.1e9, "lognormal"))
    small = [next_entry(id=f"e{i}", facility=f"f{i}", count=exact(1)) for i in range(40)]
    work = Work(workers=1, chunk=1)
    assert_same_bits(rows_of([*small, huge], v, work), rows_of([huge, *small], v, work))


def test_windows_of_draws_are_one_stream(facts: Facts, calibration: Calibration) -> None:
    """More draws than a window holds begin with those of fewer, and agree with float64 at the far end."""
    one = next_entry()
    short = rows_of([one], the_valuer(facts, calibration, 9_500))[TOTAL]
    v = the_valuer(facts, calibration, 23_456)
    long = rows_of([one], v)[TOTAL]
    for few, many in zip(short, long, strict=True):
        np.testing.assert_array_equal(few, many[:9_500])
    valued = v.value(one)
    assert isinstance(valued, Valued)
    np.testing.assert_allclose(long[3], valued.capacity["delivered"].draws, rtol=3e-6)


def next_entry(**changes: object) -> Entry:
    base = Entry(
        "e", "f", "", "FR", (Owner("a", "FR", 1.0),), None, None, "nvidia-h100-sxm", "nvidia", "US",
        Uncertain(700, 1000, 1800, "lognormal"), DAY, None, "operational", "reported", "https://c.example",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_bias_does_not_average_out(facts: Facts, calibration: Calibration) -> None:
    """A thousand facilities of one source keep its width; without it their spread shrinks by √1000."""
    ratio = Uncertain(0.8, 1.0, 1.25, "lognormal")
    rows = [next_entry(id=f"e{i}", facility=f"f{i}") for i in range(1000)]
    alone = Valuer(facts, calibration, bases=("peak",), size=2000)
    biased = replace(alone, source_bias={"https://c.example": ratio})
    q = account(rows, alone, (), as_of=DAY)["peak"].total
    assert q.p95 / q.p5 == pytest.approx(1.0, abs=0.05)
    q = account(rows, biased, (), as_of=DAY)["peak"].total
    assert q.p95 / q.p5 == pytest.approx(1.25 / 0.8, rel=0.06)


def test_steps_without_a_spread_of_their_own_multiply_the_sum(
    facts: Facts, calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sites that share a step in full: one sum is drawn, the other bases are made of it."""
    real = Valuer._chain

    def all_shared(self: Valuer, accelerator: str | None) -> Chain | Skipped:
        chain = real(self, accelerator)
        assert isinstance(chain, Chain)
        factors = tuple(
            Factor(f.basis, f.mean, f.shared_sd, 0.0 if f.basis != "sustained" else f.site_sd,
                   f.shared_name, f.site_name)
            for f in chain.factors
        )  # fmt: skip
        return Chain(factors, chain.known, chain.bases)

    monkeypatch.setattr(Valuer, "_chain", all_shared)
    v = the_valuer(facts, calibration)
    rows = [next_entry(id=f"e{i}", facility=f"f{i}", accelerator=CHIPS[i % 3]) for i in range(9)]
    found = rows_of(rows, v)
    for place, basis in enumerate(BASES):
        for code, draws in by_hand(rows, v, ("territory",), basis).items():
            np.testing.assert_allclose(found[LevelRow(("territory",), code)][place], draws, rtol=3e-6)
    assert_same_bits(rows_of(rows[::-1], v, Work(workers=2, chunk=2)), found)


def test_exact_counts_draw_nothing(
    facts: Facts, calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Streams, "fill", None)
    v = Valuer(facts, calibration, bases=("peak",))
    total = account([next_entry(count=exact(3))], v, (), as_of=DAY)["peak"].total
    assert total.p5 == total.mean == total.p95 == 3 * 989.4e12


def test_without_entries_there_is_nothing(facts: Facts, calibration: Calibration) -> None:
    found = account([], Valuer(facts, calibration), (("territory",),), as_of=DAY)
    assert {basis: a.total.p95 for basis, a in found.items()} == {"peak": 0.0, "delivered": 0.0}
    assert all(group.row.share == 0 for a in found.values() for group in a.groups)


@pytest.mark.parametrize("count", [exact(1e60), Uncertain(1e58, 1e59, 1e60, "lognormal")])
def test_what_cannot_be_summed_is_refused_by_name(
    facts: Facts, calibration: Calibration, count: Uncertain
) -> None:
    huge = replace(BASE, count=count)
    with pytest.raises(InputError, match=f"{BASE.id}: .* more than can be added up"):
        account([huge], Valuer(facts, calibration, size=10), (), as_of=datetime.date(2026, 1, 1))


def test_progress_ends_at_all_entries(facts: Facts, calibration: Calibration) -> None:
    told: list[tuple[int, int]] = []
    v = Valuer(facts, calibration, size=100)
    rows = [next_entry(id=f"e{i}") for i in range(50)]
    work = Work(workers=2, chunk=8, progress=lambda done, whole: told.append((done, whole)))
    account(rows, v, (), as_of=DAY, work=work)
    assert told[-1] == (50, 50)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert len(told) == 7


def test_a_product_of_lognormals_is_one_lognormal() -> None:
    factors = [Uncertain(0.5, 1, 2, "lognormal"), Uncertain(2, 3, 4.5, "lognormal"), exact(10)]
    one = product(factors)
    log = sum(np.log(f.high / f.best) * standard_normal(3, str(i), 200_000) for i, f in enumerate(factors))
    drawn = 30 * np.exp(log / 1.6448536269514722)
    assert [one.low, one.best, one.high] == pytest.approx(np.quantile(drawn, [0.05, 0.5, 0.95]), rel=0.01)
    with pytest.raises(ValueError, match="midway"):
        product([Uncertain(1, 2, 5, "lognormal")])
    with pytest.raises(ValueError, match="only lognormals"):
        product([Uncertain(0.2, 0.5, 0.8, "logit-normal")])


@given(seed=st.integers(), name=st.text(max_size=9), block=st.integers(0, 5), size=st.integers(1, 2500))
def test_a_stream_can_be_entered_at_any_block(seed: int, name: str, block: int, size: int) -> None:
    whole = Streams(seed).fill(name, np.empty(9 * BLOCK, np.float32))
    part = Streams(seed).fill(name, np.empty(size, np.float32), start=block * BLOCK)
    np.testing.assert_array_equal(part, whole[block * BLOCK :][:size])


def test_normals_are_normal() -> None:
    """Kolmogorov and Smirnov's distance against the closed form, the fourth moment, and neighbours."""
    n = 400_000
    z = Streams(11).fill("z", np.empty(n, np.float32)).astype(float)
    # 1.95 ÷ √n is exceeded once in a thousand seeds; this one is fixed
    ordered = np.sort(z)[::100]
    closed = np.array([0.5 * (1 + erf(x / sqrt(2))) for x in ordered])
    assert np.abs(closed - np.arange(0, n, 100) / n).max() < 1.95 / sqrt(n)
    assert (z**4).mean() == pytest.approx(3, abs=0.06)
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 4 / sqrt(n)
    # cosine and sine of one pair
    blocks = z.reshape(-1, BLOCK)
    assert abs(
        np.corrcoef(blocks[:, : BLOCK // 2].ravel(), blocks[:, BLOCK // 2 :].ravel())[0, 1]
    ) < 6 / sqrt(n)


def test_an_entry_that_cannot_be_valued_is_no_term(facts: Facts, calibration: Calibration) -> None:
    v = Valuer(facts, calibration)
    assert isinstance(v.term(next_entry()), Term)
    assert v.term(next_entry(accelerator=None)) == v.value(next_entry(accelerator=None))
