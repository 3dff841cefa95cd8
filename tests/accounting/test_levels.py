"""Deeper levels (foundry, memory, packaging, operator, user, access) and joint ventures."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from accounting.accounts.account import account
from accounting.accounts.crossing import crossings
from accounting.accounts.crosstabs import Crosstab, fold, renamed, whole
from accounting.accounts.joint import READINGS, Joint, divided
from accounting.accounts.levels import LEVELS, MEANING, NATIONAL, Holders
from accounting.accounts.nations.concentration import concentration
from accounting.accounts.nations.profile import profile
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.valuation import Valued
from accounting.census.ledger import Entry, Owner
from accounting.reference.accelerators import Accelerator
from accounting.reference.facts import Facts
from tests.accounting.test_accounts import CHIPS, DAY, entries, entry, valuer


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def held(facts: Facts, one: Entry, level: str, joint: Joint = "owner") -> dict[str, float]:
    return {code: weight for (code,), weight in Holders(facts, joint).codes(one, (level,))}


def with_chip(facts: Facts, **changes: object) -> Facts:
    chip = facts.accelerators["nvidia-h100-sxm"].model_copy(update=changes)
    return dataclasses.replace(facts, accelerators={**facts.accelerators, chip.id: chip})


def test_every_level_has_a_meaning() -> None:
    assert set(MEANING) == set(LEVELS)
    assert {"operator_nation", "user_nation", "foundry_nation", "memory_nation"} <= NATIONAL


def test_makers_of_dies_memory_and_packages(facts: Facts) -> None:
    one = entry(1)
    assert held(facts, one, "foundry") == {"tsmc": 1}
    assert held(facts, one, "foundry_nation") == held(facts, one, "packaging_nation") == {"TW": 1}
    assert held(facts, one, "memory") == {"sk-hynix": 1}
    for level in ("foundry", "memory_nation", "packaging"):
        assert held(facts, entry(2, accelerator=None), level) == {"unknown": 1}


def test_several_suppliers_are_one_code_until_their_shares_are_known(facts: Facts) -> None:
    one = entry(1)
    two = with_chip(facts, memory_suppliers=("sk-hynix", "micron"))
    assert held(two, one, "memory") == {"micron+sk-hynix": 1}
    assert held(two, one, "memory_nation") == {"KR+US": 1}
    # both of one nation: the nation is known, the firm is not
    korean = with_chip(facts, memory_suppliers=("sk-hynix", "samsung"))
    assert held(korean, one, "memory_nation") == {"KR": 1}
    assert korean.label("samsung+sk-hynix") == "Samsung Electronics or SK hynix"
    shared = with_chip(
        facts, memory_suppliers=("sk-hynix", "micron"), memory_shares={"sk-hynix": 0.7, "micron": 0.3}
    )
    assert held(shared, one, "memory_nation") == pytest.approx({"KR": 0.7, "US": 0.3})


def test_memory_on_the_die_is_the_foundrys(facts: Facts) -> None:
    chip = with_chip(facts, memory_suppliers=(), memory_type="SRAM")
    assert held(chip, entry(1), "memory") == {"tsmc": 1}
    assert held(with_chip(facts, memory_suppliers=()), entry(1), "memory") == {"unknown": 1}


@pytest.mark.parametrize("shares", [{"sk-hynix": 0.5}, {"sk-hynix": 0.5, "micron": 0.6}, {"micron": 1.0}])
def test_shares_of_memory_must_be_of_all_suppliers(facts: Facts, shares: dict[str, float]) -> None:
    chip = facts.accelerators["nvidia-h100-sxm"]
    plain = {name: getattr(chip, name) for name in ("id", "name", "designer", "family", "kind")}
    plain |= {
        "peak": {"bf16": "1 PFLOP/s"},
        "memory_suppliers": ["sk-hynix", "micron"],
        "memory_shares": shares,
    }
    covers = ["peak", "memory_suppliers", "memory_shares"]
    plain["sources"] = [{"url": "https://example.org", "title": "Sheet", "date": "2026", "covers": covers}]
    with pytest.raises(ValidationError, match="a share for each of memory_suppliers"):
        Accelerator.model_validate(plain, context=facts.names)


def test_operators_users_and_access(facts: Facts) -> None:
    own = entry(1, operator="openai", users="own_use", owners=(Owner("meta", "US", 1.0),))
    assert held(facts, own, "operator_nation") == {"US": 1}
    assert held(facts, own, "user") == {"meta": 1}
    assert held(facts, own, "access") == {"internal": 1}
    let = dataclasses.replace(own, users="customers", used_by=(Owner("anthropic", "US", 0.75),))
    assert held(facts, let, "user") == {"anthropic": 0.75, "unknown": 0.25}
    assert held(facts, let, "user_nation") == {"US": 0.75, "unknown": 0.25}
    assert held(facts, entry(2, users="customers"), "user") == {"unknown": 1}
    assert held(facts, entry(2), "access") == {"unknown": 1}


JOINT = (Owner("eurohpc-ju", "EU", 0.35), Owner("izum", "SI", 0.65))


@pytest.mark.parametrize(
    ("one", "joint", "expected"),
    [
        (entry(1, territory="SI", owners=JOINT), "owner", {"EU": 0.35, "SI": 0.65}),
        (entry(1, territory="SI", owners=JOINT), "host", {"SI": 1.0}),
        # half of the hours are the undertaking's; the other owner has the rest
        (
            entry(1, territory="SI", owners=JOINT, access=(Owner("eurohpc-ju", "EU", 0.5),)),
            "access",
            {"EU": 0.5, "SI": 0.5},
        ),
        # a sole owner that is a joint undertaking: the rest is the host's
        (
            entry(1, territory="FI", access=(Owner("eurohpc-ju", "EU", 0.4),)),
            "access",
            {"EU": 0.4, "FI": 0.6},
        ),
        (entry(1, territory="FI"), "host", {"FI": 1.0}),
        # no joint venture: the owner's, whoever has access
        (
            entry(1, owners=(Owner("meta", "US", 1.0),), access=(Owner("openai", "US", 1.0),)),
            "access",
            {"US": 1.0},
        ),
        (entry(1, owners=(Owner("meta", "US", 1.0),)), "host", {"US": 1.0}),
        (entry(1, territory=None, owners=JOINT), "host", {"unknown": 1.0}),
    ],
)
def test_joint_ventures_three_ways(
    facts: Facts, one: Entry, joint: Joint, expected: dict[str, float]
) -> None:
    found: dict[str, float] = defaultdict(float)
    for (code,), weight in Holders(facts, joint).codes(one, ("provider",)):
        found[code] += weight
    assert found == pytest.approx(expected)


def test_an_undertakings_own_access_shares_serve_where_a_machine_has_none(facts: Facts) -> None:
    stake = facts.organisations["eurohpc-ju"].access[0].share.best
    found = {o.nation: o.share for o in divided(entry(1, territory="FI", operator="csc"), "access", facts)}
    assert found == pytest.approx({"EU": stake, "FI": 1 - stake})


@st.composite
def shared_entries(draw: st.DrawFn) -> list[Entry]:
    return [
        dataclasses.replace(
            row,
            users=draw(st.sampled_from([None, "own_use", "customers", "military"])),
            # in two parts at most: see the test of three owners below
            access=draw(st.sampled_from([(), (Owner("izum", "SI", 0.3), Owner("eurohpc-ju", "EU", 0.7))])),
            used_by=draw(st.sampled_from([(), (Owner("openai", "US", 0.4),)])),
            accelerator=draw(st.sampled_from([*CHIPS, "nvidia-gb300", "nvidia-gb200"])),
        )
        for row in draw(entries())
    ]


@settings(max_examples=15, deadline=None)
@given(rows=shared_entries(), joint=st.sampled_from(READINGS))
def test_every_level_adds_up_in_every_reading(
    facts: Facts, calibration: Calibration, rows: list[Entry], joint: Joint
) -> None:
    v, levels = valuer(facts, calibration), [(level,) for level in LEVELS]
    found = crossings(rows, v, levels, "delivered", joint=joint)
    values = [v.value(row) for row in rows]
    total = whole(found["territory",])
    for level in levels:
        np.testing.assert_allclose(whole(found[level]), total, rtol=1e-12)
        by_hand: dict[str, float] = defaultdict(float)
        for row, valued in zip(rows, values, strict=True):
            assert isinstance(valued, Valued)
            for (code,), weight in Holders(facts, joint).codes(row, level):
                by_hand[code] += weight * float(np.mean(valued.capacity["delivered"].draws))
        means = {code: float(np.mean(draws)) for (code,), draws in found[level].items()}
        assert means == pytest.approx(by_hand, rel=1e-5, abs=1e10)
    tables = account(rows, v, levels, as_of=DAY, joint=joint)["delivered"]
    for one in tables.accounts:
        means = {row.code: row.quantiles.mean for row in one.rows}
        assert means == pytest.approx(
            {code: float(np.mean(draws)) for (code,), draws in found[one.levels].items()}, rel=1e-9
        )


def test_three_owners_get_their_shares(facts: Facts, calibration: Calibration) -> None:
    owners = (Owner("a", "US", 0.5), Owner("b", "CN", 0.3), Owner("c", "AE", 0.2))
    rows, level = [entry(1, owners=owners)], ("provider",)
    found = crossings(rows, valuer(facts, calibration), [level], "peak")[level]
    total = float(np.mean(whole(found)))
    shares = {code: float(np.mean(draws)) / total for (code,), draws in found.items()}
    assert shares == pytest.approx({"US": 0.5, "CN": 0.3, "AE": 0.2})


def test_alternatives_are_domestic_at_most_and_nobody_elses_exposure() -> None:
    sums: Crosstab = {
        ("US", "US", "KR+US"): np.array([6.0, 6.0]),
        ("US", "US", "KR"): np.array([3.0, 3.0]),
        ("US", "US", "US"): np.array([1.0, 1.0]),
    }
    found = profile(sums, ("territory", "provider", "memory_nation"), "US").levels[1]
    assert found.domestic.share == pytest.approx(0.1)
    assert found.domestic_high.share == pytest.approx(0.7)
    assert found.unknown.share == pytest.approx(0.6)
    assert list(found.nations) == ["KR"]
    abroad = profile(
        {("FR", *key[1:]): d for key, d in sums.items()}, ("territory", "provider", "memory_nation"), "FR"
    )
    assert list(abroad.levels[1].nations) == ["KR+US", "KR", "US"]
    korea = next(e for e in abroad.exposures if e.nation == "KR")
    assert korea.by_level["memory_nation"].share == pytest.approx(0.3)
    # a group that has both is one holder
    joined = fold(renamed(sums, {"US", "KR"}, "group X", [2]), 2)
    assert {key: d.tolist() for key, d in joined.items()} == {("group X",): [10.0, 10.0]}


def test_several_suppliers_are_an_unknown_holder() -> None:
    sums: Crosstab = {("micron+samsung",): np.array([6.0]), ("tsmc",): np.array([4.0])}
    found = concentration(sums)
    assert (found.unknown.p50, found.top[1].p50) == pytest.approx((0.6, 0.4))
    assert (found.hhi_low.p50, found.hhi_high.p50) == pytest.approx((1600, 10_000))
