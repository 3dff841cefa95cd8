"""Confidential cells: the rules by hand, and what an outsider can work out by LP and by counting."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from accounting.accounts.release.disclosure import published, table
from accounting.accounts.release.sensitive_cells import Rules, parse_rules
from accounting.accounts.release.suppression import Cell, Table, feasible_interval, suppress
from bench.errors import InputError, MissingExtraError

T = ("total", "total")
RULES = (
    Rules(threshold=3),
    Rules(threshold=None, dominance=(1, 75.0)),
    Rules(threshold=2, dominance=(2, 85.0), p=10.0),
)


def crossed(inner: dict[tuple[str, str], dict[str, float]]) -> Table:
    """A two-way table with its margins and its total, from what each contributor has in each inner cell."""
    contributions: dict[Cell, dict[str, float]] = {}
    for (a, b), held in inner.items():
        for cell in (("ab", f"{a} / {b}"), ("a", a), ("b", b), T):
            for who, value in held.items():
                mine = contributions.setdefault(cell, {})
                mine[who] = mine.get(who, 0.0) + value
    values = {cell: float(sum(held.values())) for cell, held in contributions.items()}
    equations: list[tuple[Cell, tuple[Cell, ...]]] = []
    for place, level in enumerate("ab"):
        codes = sorted({key[place] for key in inner})
        equations.append((T, tuple((level, code) for code in codes)))
        for code in codes:
            parts = tuple(("ab", f"{a} / {b}") for a, b in inner if (a, b)[place] == code)
            equations.append(((level, code), parts))
    return Table(values, tuple(equations), contributions)


@st.composite
def tables(draw: st.DrawFn, sides: tuple[int, int] = (4, 3), largest: int = 1000) -> Table:
    rows, columns = (draw(st.integers(2, side)) for side in sides)
    inner = {}
    for a, b in itertools.product(range(rows), range(columns)):
        held = draw(st.dictionaries(st.sampled_from("uvwxyz"), st.integers(1, largest), max_size=5))
        if held:
            inner[f"r{a}", f"c{b}"] = {who: float(value) for who, value in held.items()}
    return crossed(inner or {("r0", "c0"): {"u": 1.0}})


def bounds_by_lp(given_: Table, withheld: frozenset[Cell], cell: Cell) -> tuple[float, float]:
    """What an outsider can work out, from the published values alone, stated independently."""
    cells = list(given_.values)
    left, right = [], []
    for total, parts in given_.equations:
        left.append([(c in parts) - float(c == total) for c in cells])
        right.append(0.0)
    for c in cells:
        if c not in withheld:
            left.append([float(other == c) for other in cells])
            right.append(given_.values[c])
    aim = np.array([float(c == cell) for c in cells])
    limits = [(0.0, 1e9)] * len(cells)
    ends = [linprog(s * aim, A_eq=left, b_eq=right, bounds=limits, method="highs") for s in (1.0, -1.0)]
    assert all(end.status == 0 for end in ends)
    return float(ends[0].fun), -float(ends[1].fun)


@settings(max_examples=25)
@given(tables(), st.sampled_from(RULES))
def test_no_withheld_cell_can_be_worked_out_closer_than_its_protection(made: Table, rules: Rules) -> None:
    pattern = suppress(made, rules)
    assert set(pattern.primary) == {c for c, held in made.contributions.items() if rules.reason(held)}
    assert not pattern.secondary & set(pattern.primary)
    for cell in pattern.primary:
        low, high = bounds_by_lp(made, pattern.withheld, cell)
        value, needed = made.values[cell], pattern.protection[cell]
        assert low <= value - needed * (1 - 1e-4)
        assert high >= value + needed * (1 - 1e-4)
        ours = feasible_interval(made, pattern.withheld, cell)
        assert ours[0] == pytest.approx(low, abs=1e-3 * value)
        assert ours[1] == pytest.approx(high, rel=1e-3) or high > 1e4 * value


def consistent(made: Table, withheld: frozenset[Cell]) -> Iterator[dict[Cell, int]]:
    """Every table of whole numbers with the same published cells."""
    inner = [cell for cell in made.values if cell[0] == "ab"]
    choices = [
        range(int(made.values[T]) + 1) if cell in withheld else [int(made.values[cell])] for cell in inner
    ]
    for values in itertools.product(*choices):
        found = dict(zip(inner, values, strict=True))
        for total, parts in sorted(made.equations, key=lambda e: e[0] == T):
            found[total] = sum(found[part] for part in parts)
        if all(found[c] == made.values[c] for c in made.values if c not in withheld):
            yield found


@settings(max_examples=15)
@given(tables(sides=(2, 2), largest=2))
def test_counting_every_table_finds_the_same_limits(made: Table) -> None:
    rules = Rules(threshold=None, dominance=(1, 60.0))
    pattern = suppress(made, rules)
    if T in pattern.withheld:
        return
    every = list(consistent(made, pattern.withheld))
    for cell in pattern.primary:
        low, high = feasible_interval(made, pattern.withheld, cell)
        # the sums of a two-way table leave whole numbers at the ends
        assert min(one[cell] for one in every) == pytest.approx(low, abs=1e-6)
        assert max(one[cell] for one in every) == pytest.approx(high, abs=1e-6)
        assert low < made.values[cell] < high


MANY = {"x": 4.0, "y": 4.0, "z": 4.0, "w": 4.0}


def one_way(cells: dict[str, dict[str, float]]) -> Table:
    held: dict[Cell, dict[str, float]] = {("a", code): dict(mine) for code, mine in cells.items()}
    values = {cell: sum(mine.values()) for cell, mine in held.items()}
    return Table(values | {T: sum(values.values())}, ((T, tuple(held)),), held)


def test_a_lone_sensitive_cell_takes_a_second_one_with_it() -> None:
    pattern = suppress(one_way({"A": {"u": 5.0}, "B": MANY, "C": MANY | {"v": 40.0}}), Rules(threshold=3))
    # B is the cheaper
    assert pattern.primary == {("a", "A"): "fewer than 3 contributors"}
    assert pattern.secondary == {("a", "B")}


def test_two_lone_contributors_do_not_give_each_other_away() -> None:
    made = one_way({"A": {"u": 5.0}, "B": {"v": 6.0}, "C": MANY})
    pattern = suppress(made, Rules(threshold=2))
    # withholding A and B alone would let u subtract itself and read v
    assert pattern.secondary == {("a", "C")}
    assert pattern.weak == ()


def test_a_lone_contributor_who_cannot_be_hidden_from_is_named() -> None:
    made = one_way({"A": {"u": 5.0}, "B": {"v": 5.0}})
    pattern = suppress(made, Rules(threshold=2, margin=1.0))
    # the total had to go, and with it all is hidden
    assert pattern.withheld == set(made.values)
    assert pattern.weak == ()


def test_nothing_is_withheld_where_nothing_is_sensitive() -> None:
    pattern = suppress(one_way({"A": MANY, "B": MANY}), Rules(threshold=3, dominance=(1, 75.0), p=10.0))
    assert pattern.withheld == frozenset()


@pytest.mark.parametrize(
    ("rules", "held", "sensitive"),
    [
        (Rules(threshold=3), [1, 1], True),
        (Rules(threshold=3), [1, 1, 1], False),
        (Rules(None, (1, 75.0)), [75, 25], False),
        (Rules(None, (1, 75.0)), [76, 24], True),
        (Rules(None, (2, 85.0)), [50, 36, 14], True),
        (Rules(None, (2, 85.0)), [50, 35, 15], False),
        # total − largest − second = 9 is less than 10 % of 100
        (Rules(None, None, 10.0), [100, 50, 9], True),
        (Rules(None, None, 10.0), [100, 50, 10], False),
        (Rules(None, None, 10.0), [100], True),
    ],
)
def test_rules_by_hand(rules: Rules, held: list[float], sensitive: bool) -> None:
    contributions = {str(place): float(value) for place, value in enumerate(held)}
    assert (rules.reason(contributions) is not None) == sensitive


def test_who_holds_nothing_stands_behind_no_cell() -> None:
    # two have something: a third with nothing hides neither
    assert Rules(threshold=3).reason({"a": 5.0, "b": 4.0, "c": 0.0}) == "fewer than 3 contributors"
    # who stands alone beside nothing knows the cell: it hides no other from that one
    alone = {"A": {"u": 5.0}, "B": {"v": 5.0, "w": 0.0}, "C": {str(n): 9.0 for n in range(4)}}
    pattern = suppress(one_way(alone), Rules(threshold=3))
    assert pattern.secondary == {("a", "C")}


def test_protection_is_what_the_rules_lack() -> None:
    # dominance: 100/75 × 90 − 100 = 20; p%: 10 % of 90 − 4 = 5; the margin asks 10
    held = {"a": 90.0, "b": 6.0, "c": 4.0}
    assert Rules(None, (1, 75.0), 10.0, 0.1).protection(held) == pytest.approx(20.0)
    assert Rules(None, None, 10.0, 0.01).protection(held) == pytest.approx(5.0)
    assert Rules(3).protection(held) == pytest.approx(10.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "threshold",
        "threshold=x",
        "k=3",
        "dominance=1",
        "dominance=1:200",
        "p=0",
        "margin=0.1",
        "threshold=0",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="suppression"):
        parse_rules(text)


def test_rules_are_read() -> None:
    assert parse_rules("threshold=3, dominance=2:85.5,p=10") == Rules(3, (2, 85.5), 10.0)


def test_sums_that_do_not_add_up_are_refused() -> None:
    made = one_way({"A": {"u": 5.0}, "B": MANY})
    with pytest.raises(InputError, match="add up"):
        suppress(Table(dict(made.values) | {T: 1.0}, made.equations, made.contributions), Rules())


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"flopcensus\[tables\]"):
        suppress(one_way({"A": {"u": 5.0}, "B": MANY}), Rules())


ESTIMATE = {
    "total": {"mean": 10.0},
    "accounts": {
        "territory": [{"code": "FR", "mean": 6.0}, {"code": "EU", "mean": 1.0}, {"code": "US", "mean": 3.0}],
        "territory,vendor,owner": [
            {"code": "", "codes": {"territory": t, "vendor": v, "owner": o}, "mean": m}
            for t, v, o, m in (
                ("FR", "v", "o", 4.0),
                ("FR", "w", "o", 2.0),
                ("US", "v", "p", 3.0),
                ("EU", "v", "q", 1.0),
            )
        ],
    },
    "groups": [{"level": "territory", "code": "EU", "members": ["FR", "DE"], "mean": 7.0}],
}


def test_cells_sums_and_contributors_are_read_from_an_estimate() -> None:
    made = table(ESTIMATE, "owner")
    assert published(ESTIMATE, "owner") == ("territory",)
    total, union = made.equations
    assert total == (T, (("territory", "FR"), ("territory", "EU"), ("territory", "US")))
    # the Union's own bodies are part of its group
    assert union == (("group of territory", "EU"), (("territory", "FR"), ("territory", "EU")))
    assert made.contributions["territory", "FR"] == {"o": 6.0}
    assert made.contributions["group of territory", "EU"] == {"o": 6.0, "q": 1.0}
    assert made.contributions[T] == {"o": 6.0, "p": 3.0, "q": 1.0}


def test_a_missing_crossing_is_named() -> None:
    with pytest.raises(InputError, match="--by territory,facility"):
        table(ESTIMATE, "facility")
