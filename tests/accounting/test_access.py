"""Access scenarios: by hand, and laws of conservation on random ledgers and random moves."""

from __future__ import annotations

import datetime
import math
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import Calibration
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.selection import Selection
from accounting.errors import InputFaults
from accounting.planning.scenarios.access import Access, Scenario, play
from accounting.planning.scenarios.access_files import load_access
from accounting.planning.scenarios.parts import MOVED, Move, Selector, Target, parts_of
from accounting.planning.scenarios.supply_cut_files import shipped_scenarios
from accounting.quantities import Uncertain, exact, read_uncertain
from accounting.reference.facts import Facts
from bench.errors import InputError
from tests.accounting.ledgers import BASE, FACTS

DAY = datetime.date(2026, 1, 1)
NOTHING = Calibration.of((), FACTS)
PEAK = FACTS.accelerators["nvidia-h100-sxm"].peak_flop_per_s("bf16") or math.nan
ORGANISATIONS = ("microsoft", "nscale", "g42", "alibaba", "eurohpc-ju")
CODES = {
    "territory": ("GB", "FR", "AE", "CN"),
    "owner": ORGANISATIONS,
    "provider": ("US", "GB", "AE", "CN"),
    "operator": ORGANISATIONS,
    "vendor_nation": ("US", "CN"),
    "user_nation": ("US", "GB", "AE", "CN", "unknown"),
}


def entry(name: str, count: float | Uncertain = 10, **changes: Any) -> Entry:
    size = count if isinstance(count, Uncertain) else exact(count)
    given = {"id": name, "facility": name, "count": size, "territory": "GB", "users": None}
    return replace(BASE, **{**given, **changes})


def owned(*holders: tuple[str, float]) -> tuple[Owner, ...]:
    return tuple(Owner(name, FACTS.nation_of(name), share) for name, share in holders)


def played(
    entries: list[Entry],
    *moves: tuple[Move, Uncertain],
    levels: tuple[str, ...] = (),
    draws: int = 3,
    **changes: Any,
) -> Access:
    ledger = Ledger("test", tuple(entries), snapshot=DAY)
    request = Request(Selection(DAY), ("peak",), draws=draws)
    scenario = Scenario("s", "S", True, moves, **changes)
    return play(ledger, request, scenario, FACTS, NOTHING, levels)


def move(name: str, select: dict[str, tuple[str, ...]], users: Any = (), **codes: str) -> Move:
    return Move(name, Selector({k: frozenset(v) for k, v in select.items()}), Target(codes, tuple(users)))


def table(found: Access, level: str) -> dict[str, tuple[float, float]]:
    """Accelerators before and after by code."""
    return {
        row.code: (row.before.mean / PEAK, row.after.mean / PEAK)
        for row in found.levels[level]
        if row.before.mean or row.after.mean
    }


def near(expected: dict[str, tuple[float, float]]) -> dict[str, Any]:
    return {code: pytest.approx(pair) for code, pair in expected.items()}


def share(text: object) -> Uncertain:
    return read_uncertain(text, "fraction")


def test_hosting_by_hand() -> None:
    """100 chips of G42 in the Emirates, four fifths let to American users; 50 stand in Britain."""
    entries = [
        entry("gulf", 100, territory="AE", owners=owned(("g42", 1.0)), users="own_use"),
        entry("home", 50, owners=owned(("nscale", 1.0)), users="own_use"),
    ]
    let = move("let", {"territory": ("AE",)}, [("microsoft", "US", 1.0)])
    found = played(entries, (let, share(0.8)))
    assert table(found, "user_nation") == near({"AE": (100, 20), "US": (0, 80), "GB": (50, 50)})
    assert table(found, "territory") == near({"AE": (100, 100), "GB": (50, 50)})
    assert table(found, "provider") == near({"AE": (100, 100), "GB": (50, 50)})
    assert [one.deployments for one in found.moved] == [1]
    assert found.moved[0].capacity.mean / PEAK == pytest.approx(80)
    assert next(row.code for row in found.levels["user_nation"]) == "US"


def test_a_move_takes_the_part_that_its_selection_owns() -> None:
    """Of a site that two own half each, one sells its half: the other keeps all of its own."""
    site = entry("joint", 100, owners=owned(("microsoft", 0.5), ("nscale", 0.5)))
    sold = move("sold", {"provider": ("US",)}, owner="g42", provider="AE")
    found = played([site], (sold, share(1.0)), levels=("provider", "owner"))
    assert table(found, "provider") == near({"US": (50, 0), "GB": (50, 50), "AE": (0, 50)})
    assert table(found, "owner") == near({"microsoft": (50, 0), "nscale": (50, 50), "g42": (0, 50)})


def test_moves_follow_one_another() -> None:
    """A quarter goes to the Emirates, then a tenth of what stands there goes on to France."""
    first = move("first", {"territory": ("GB",)}, territory="AE")
    second = move("second", {"territory": ("AE",)}, territory="FR")
    found = played([entry("a", 400)], (first, share(0.25)), (second, share(0.1)), levels=("territory",))
    assert table(found, "territory") == near({"GB": (400, 300), "AE": (0, 90), "FR": (0, 10)})


def test_pooling_in_equal_parts() -> None:
    entries = [
        entry("gb", 30, owners=owned(("nscale", 1.0))),
        entry("us", 90, owners=owned(("microsoft", 1.0))),
    ]
    users = [("unknown", nation, 0.5) for nation in ("GB", "US")]
    pool = move("pool", {"territory": ("GB",)}, users)
    found = played(entries, (pool, share(1.0)), unstated_use="provider", levels=("user_nation",))
    assert table(found, "user_nation") == near({"GB": (30, 60), "US": (90, 60)})


def test_stated_users_come_before_the_owner() -> None:
    """Of 100, 60 are used by a named firm, the rest is the owner's own; a move of those users leaves it."""
    site = entry("a", 100, owners=owned(("nscale", 1.0)), users="own_use", used_by=owned(("microsoft", 0.6)))
    back = move("back", {"user_nation": ("US",)}, [("unknown", "FR", 1.0)])
    found = played([site], (back, share(0.5)), levels=("user_nation",))
    assert table(found, "user_nation") == near({"US": (60, 30), "GB": (40, 40), "FR": (0, 30)})


def test_an_uncertain_share_is_common_to_all_that_it_takes_from() -> None:
    entries = [entry("a", 60), entry("b", 40)]
    away = move("away", {"territory": ("GB",)}, territory="AE")
    found = played(entries, (away, share("20% to 60%")), levels=("territory",), draws=4000)
    gained = next(row for row in found.levels["territory"] if row.code == "AE")
    assert gained.change.p5 / PEAK == pytest.approx(20, rel=0.05)
    assert gained.change.p95 / PEAK == pytest.approx(60, rel=0.05)
    lost = next(row for row in found.levels["territory"] if row.code == "GB")
    assert lost.change.p5 == pytest.approx(-gained.change.p95)


def test_growth_is_stated() -> None:
    new = entry("scenario/new", 7, territory="AE", owners=owned(("g42", 1.0)))
    found = played(
        [entry("a", 10)],
        levels=("territory",),
        additions=((new, tuple(parts_of(new, FACTS))),),
    )
    assert table(found, "territory") == near({"GB": (10, 10), "AE": (0, 7)})
    assert (found.before.mean / PEAK, found.after.mean / PEAK) == pytest.approx((10, 17))


def test_before_is_the_estimate() -> None:
    """The accounts of ``estimate`` on the same ledger are the oracle for what is there before."""
    entries = [
        entry("a", read_uncertain("5 to 20", "count")),
        entry("b", 30, territory="FR", owners=owned(("microsoft", 0.3), ("g42", 0.7))),
    ]
    ledger = Ledger("test", tuple(entries), snapshot=DAY)
    request = Request(Selection(DAY), ("peak",), draws=200, levels=(("territory",), ("provider",)))
    (expected,) = estimate(ledger, request, FACTS, NOTHING)
    none = move("none", {"territory": ("GB",)}, territory="GB")
    found = play(ledger, request, Scenario("s", "S", True, ((none, exact(0.5)),)), FACTS, NOTHING)
    for account in expected.accounts.accounts:
        rows = {row.code: row for row in found.levels[account.key]}
        for row in account.rows:
            assert rows[row.code].before.mean == pytest.approx(row.quantiles.mean, rel=1e-5)
            assert rows[row.code].after.p95 == pytest.approx(row.quantiles.p95, rel=1e-5)


organisations = st.sampled_from(ORGANISATIONS)


@st.composite
def entries_of(draw: st.DrawFn) -> list[Entry]:
    found = []
    for n in range(draw(st.integers(1, 5))):
        names = draw(st.lists(organisations, min_size=1, max_size=3, unique=True))
        cuts = sorted(draw(st.lists(st.floats(0.01, 0.99), min_size=len(names) - 1, max_size=len(names) - 1)))
        shares = [b - a for a, b in zip([0.0, *cuts], [*cuts, 1.0], strict=True)]
        found.append(
            entry(
                f"e{n}",
                draw(st.floats(1, 1000)),
                territory=draw(st.sampled_from([*CODES["territory"], None])),
                owners=owned(*zip(names, shares, strict=True)),
                operator=draw(st.none() | organisations),
                users=draw(st.sampled_from([None, "own_use", "customers"])),
                vendor_nation=draw(st.sampled_from(["US", "CN", None])),
            )
        )
    return found


@st.composite
def moves_of(draw: st.DrawFn, number: int) -> Move:
    levels = draw(st.lists(st.sampled_from(sorted(CODES)), min_size=1, max_size=3, unique=True))
    select = {
        level: tuple(draw(st.lists(st.sampled_from(CODES[level]), min_size=1, max_size=3)))
        for level in levels
    }
    codes = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "territory": st.sampled_from(CODES["territory"]),
                "owner": organisations,
                "operator": organisations,
            },
        )
    )
    if "owner" in codes:
        codes["provider"] = FACTS.nation_of(codes["owner"]) or "unknown"
    if "operator" in codes:
        codes["operator_nation"] = FACTS.nation_of(codes["operator"]) or "unknown"
    nations = draw(st.lists(st.sampled_from(CODES["provider"]), max_size=3, unique=True))
    users = tuple(("unknown", nation, 1 / len(nations)) for nation in nations)
    return Move(f"m{number}", Selector({k: frozenset(v) for k, v in select.items()}), Target(codes, users))


ALL_LEVELS = (*MOVED, "vendor_nation", "accelerator")


@settings(max_examples=150)
@given(data=st.data())
def test_nothing_is_lost_or_made(data: st.DataObject) -> None:
    """Every level adds up to the total before and after; what does not move stays; nothing is negative."""
    entries = data.draw(entries_of())
    count = data.draw(st.integers(1, 3))
    shares = [data.draw(st.sampled_from([0.0, 0.25, 1.0, "10% to 70%"])) for _ in range(count)]
    moves = [(data.draw(moves_of(n)), share(shares[n])) for n in range(count)]
    try:
        found = played(entries, *moves, levels=ALL_LEVELS)
    except InputError:
        # a selection that finds nothing is refused; all else must work
        ledger = [parts_of(one, FACTS) for one in entries]
        assert not all(_selects(step, ledger, entries, moves) for step, _ in moves)
        return
    whole = found.before.mean
    assert found.after.mean == pytest.approx(whole, rel=1e-9)
    for level in ALL_LEVELS:
        rows = found.levels[level]
        assert math.fsum(row.before.mean for row in rows) == pytest.approx(whole, rel=1e-9)
        assert math.fsum(row.after.mean for row in rows) == pytest.approx(whole, rel=1e-9)
        assert math.fsum(row.change.mean for row in rows) == pytest.approx(0, abs=1e-9 * whole)
        assert all(row.after.p5 >= -1e-9 * whole for row in rows)
        if level not in MOVED:
            assert all(row.change.mean == pytest.approx(0, abs=1e-9 * whole) for row in rows)
    assert all(one.capacity.p95 <= whole * (1 + 1e-9) for one in found.moved)


def _stated(one: Entry, level: str) -> list[tuple[str, float]]:
    return [(getattr(one, level) or "unknown", 1.0)]


def _selects(
    wanted: Move, ledger: list[Any], entries: list[Entry], moves: list[tuple[Move, Uncertain]]
) -> bool:
    for parts, one in zip(ledger, entries, strict=True):
        here = list(parts)
        for step, _ in moves:
            here, moved = step.apply(here, partial(_stated, one))
            if step is wanted and moved:
                return True
    return False


@given(entries=entries_of())
def test_parts_are_a_division(entries: list[Entry]) -> None:
    for one in entries:
        for unstated in ("unknown", "provider"):
            parts = parts_of(one, FACTS, unstated)
            assert math.fsum(part.fixed for part in parts) == pytest.approx(1)
            held: dict[str, float] = defaultdict(float)
            for part in parts:
                held[part.codes["owner"]] += part.fixed
            assert held == pytest.approx({o.organisation: o.share for o in one.owners})


def test_there_and_back_changes_nothing() -> None:
    entries = [entry("a", 10, users="own_use"), entry("b", 20, territory="FR")]
    there = move("there", {"territory": ("GB",)}, territory="AE")
    back = move("back", {"territory": ("AE",)}, territory="GB")
    found = played(entries, (there, share("20% to 60%")), (back, share(1.0)), levels=ALL_LEVELS, draws=50)
    for rows in found.levels.values():
        assert all(row.change.p5 == pytest.approx(0, abs=1e-9 * found.before.mean) for row in rows)


def test_a_move_that_selects_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="the move away selects nothing"):
        played([entry("a")], (move("away", {"territory": ("CN",)}, territory="AE"), share(1)))


TEXT = """\
access:
  id: mine
  name: Mine
  hypothetical: true
  mimics: nothing
  moves:
    - id: m
      select: {{{select}}}
      to: {{{to}}}
  sources:
    - {{url: "https://example.org", title: x, date: 2026-01-01}}
"""


@pytest.mark.parametrize(
    ("select", "to", "said"),
    [
        ("teritory: [GB]", "territory: FR", "did you mean territory"),
        ("territory: [Atlantis]", "territory: FR", "unknown country"),
        ("owner: [microsft]", "territory: FR", "did you mean Microsoft"),
        ("territory: [GB]", "users_of: EUU", "unknown group"),
        ("territory: [GB]", "", "name what changes"),
        ("territory: [GB]", "users: [{nation: FR, share: 0.5}]", "must add to 1"),
        ("territory: [GB]", "users: [{nation: FR, organisation: g42}]", "either an organisation or a nation"),
    ],
)
def test_faults_of_a_file(tmp_path: Path, facts: Facts, select: str, to: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.format(select=select, to=to), encoding="utf-8")
    with pytest.raises(InputFaults, match=said):
        load_access(str(path), facts, DAY)


def test_groups_stand_for_their_members(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.format(select="territory: [EU]", to="users_of: G7"), encoding="utf-8")
    spec, scenario = load_access(str(path), facts, DAY)
    ((made, taken),) = scenario.moves
    assert {"FR", "DE", "EU"} <= made.select.wanted["territory"]
    assert sorted(nation for _, nation, _ in made.to.users) == ["CA", "DE", "FR", "GB", "IT", "JP", "US"]
    assert math.fsum(part for _, _, part in made.to.users) == pytest.approx(1)
    assert taken.best == 1.0
    assert spec.status == ("operational",)


def test_every_shipped_scenario_is_read_and_named_for_its_id(facts: Facts) -> None:
    seen = 0
    for name, path in shipped_scenarios().items():
        if path.read_text(encoding="utf-8").partition("\naccess:")[1]:
            spec, _ = load_access(name, facts, DAY)
            assert spec.id == name
            assert spec.sources
            seen += 1
    assert seen >= 6


def test_a_group_without_members_on_the_day_uses_nothing(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.format(select="territory: [GB]", to="users_of: G7"), encoding="utf-8")
    with pytest.raises(InputFaults, match="no members on the day"):
        load_access(str(path), facts, datetime.date(1950, 1, 1))
