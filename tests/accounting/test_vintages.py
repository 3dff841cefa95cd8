"""Vintages: revisions of small censuses whose causes are known, and the law that the parts add up."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.estimate import Request, estimate
from accounting.accounts.release.origins import trace
from accounting.accounts.release.vintages import PARTS, Revision, Vintages, pair, revisions
from accounting.capacity.calibration import Calibration
from accounting.capacity.efficiency.scaling import Scaling
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.selection import Selection
from accounting.errors import MixedValuesError
from accounting.quantities import exact, read_uncertain
from accounting.reference.facts import Facts
from bench.errors import InputError
from flopcensus.documents.estimate import estimate_document

DAY = datetime.date(2026, 6, 30)
COARSE = (("territory",), ("provider",))
FINE = (*COARSE, ("territory", "deployment"), ("provider", "deployment"))
REQUEST = Request(Selection(DAY), bases=("peak",), levels=FINE, draws=200)


def entry(id_: str, territory: str, count: float, **fields: Any) -> Entry:
    plain = {
        "id": id_,
        "facility": f"site-{id_}",
        "facility_name": id_,
        "territory": territory,
        "owners": (Owner("microsoft", "US", 0.75), Owner("mistral-ai", "FR", 0.25)),
        "operator": None,
        "sector": "private",
        "accelerator": "nvidia-h100-sxm",
        "vendor": "nvidia",
        "vendor_nation": "US",
        "count": exact(count),
        "in_service": datetime.date(2024, 1, 1),
        "retired": None,
        "status": "operational",
        "kind": "reported",
        "source": "https://example.org",
    }
    return Entry(**(plain | fields))


OLD = (entry("a", "FR", 1000), entry("b", "FR", 500), entry("c", "US", 8000))


def document(entries: Sequence[Entry], facts: Facts, request: Request = REQUEST) -> dict[str, Any]:
    ledger, nothing = Ledger("made", tuple(entries)), Calibration.of((), facts)
    estimates = estimate(ledger, request, facts, nothing)
    return estimate_document(estimates, trace(ledger, request, facts, nothing))


def compared(old: dict[str, Any], new: dict[str, Any], between: dict[str, Any] | None = None) -> Vintages:
    [(before, after)] = pair(old["estimates"], new["estimates"])
    return revisions(before, after, between["estimates"][0] if between else None)


def row(found: Vintages, level: str, code: str) -> Revision:
    return next(r for r in found.rows if (r.level, r.code) == (level, code))


def only(revision: Revision, part: str) -> bool:
    return all((value != 0) == (name == part) for name, value in revision.parts.items())


def test_the_same_release_is_not_revised(facts: Facts) -> None:
    found = compared(document(OLD, facts), document(OLD, facts))
    assert found.method_changes == {}
    assert all(r.revision == 0 and not any(r.parts.values()) for r in found.rows)


@pytest.mark.parametrize("levels", [COARSE, FINE])
def test_a_new_deployment_is_data(facts: Facts, levels: Any) -> None:
    request = replace(REQUEST, levels=levels)
    found = compared(document(OLD, facts, request), document([*OLD, entry("d", "FR", 250)], facts, request))
    france = row(found, "territory", "FR")
    assert france.parts["data"] == pytest.approx(france.old / 6)
    assert only(france, "data") and only(row(found, "total", "total"), "data")
    assert row(found, "territory", "US").revision == 0
    assert france.parts["data"] == france.revision


@pytest.mark.parametrize("levels", [COARSE, FINE])
def test_another_count_of_a_known_deployment_is_a_correction(facts: Facts, levels: Any) -> None:
    request = replace(REQUEST, levels=levels)
    corrected = [replace(OLD[0], count=exact(700)), *OLD[1:]]
    france = row(
        compared(document(OLD, facts, request), document(corrected, facts, request)), "territory", "FR"
    )
    assert france.parts["correction"] == pytest.approx(-0.2 * france.old)
    assert only(france, "correction")


def test_other_series_of_scaling_are_another_method(facts: Facts) -> None:
    # they move what is sustained, and the census is the same
    ledger, nothing = Ledger("made", OLD), Calibration.of((), facts)
    scaled = replace(nothing, scaling=Scaling(-0.05, 0.01, 3))
    before, after = (trace(ledger, REQUEST, facts, one).method for one in (nothing, scaled))
    assert {name for name in after if before[name] != after[name]} == {"calibration"}
    flow = replace(REQUEST, unit="flop_per_year", bases=("delivered",))
    assert "occupancy" in trace(ledger, flow, facts, nothing).method


def test_another_seed_is_method(facts: Facts) -> None:
    guessed = [replace(one, count=read_uncertain("500 to 2000", "count")) for one in OLD]
    found = compared(document(guessed, facts), document(guessed, facts, replace(REQUEST, seed=1, draws=100)))
    assert found.method_changes == {"seed": (0, 1), "draws": (200, 100)}
    assert all(only(r, "method") for r in found.rows if r.revision)
    assert row(found, "total", "total").revision != 0


def test_a_moved_deployment_is_a_correction_and_moves_nothing_in_all(facts: Facts) -> None:
    moved = [replace(OLD[0], territory="DE"), *OLD[1:]]
    found = compared(document(OLD, facts), document(moved, facts))
    france, germany = row(found, "territory", "FR"), row(found, "territory", "DE")
    assert only(france, "correction") and only(germany, "correction")
    assert germany.parts["correction"] == -france.parts["correction"] == pytest.approx(france.old * 2 / 3)
    assert row(found, "total", "total").revision == 0


def test_data_and_correction_of_one_row_are_told_apart_by_deployment(facts: Facts) -> None:
    new = [replace(OLD[0], count=exact(700)), *OLD[1:], entry("d", "FR", 250)]
    found = compared(document(OLD, facts), document(new, facts))
    for level, code in (("territory", "FR"), ("group of territory", "EU"), ("total", "total")):
        one = row(found, level, code)
        chip = row(found, "total", "total").old / 9500
        assert one.parts["data"] == pytest.approx(250 * chip)
        assert one.parts["correction"] == pytest.approx(-300 * chip)
    # a quarter of each is held from France
    provider = row(found, "provider", "FR")
    assert provider.parts["data"] == pytest.approx(250 * chip / 4)


def test_method_and_facts_at_once_need_the_document_between(facts: Facts) -> None:
    old = [replace(one, count=read_uncertain("500 to 2000", "count")) for one in OLD]
    new = [replace(old[0], count=exact(700)), *old[1:], entry("d", "FR", 250)]
    later = replace(REQUEST, seed=7)
    a, b, middle = document(old, facts), document(new, facts, later), document(old, facts, later)
    apart = row(compared(a, b), "territory", "FR")
    assert apart.parts["unattributed"] != 0
    assert apart.parts["data"] == pytest.approx(250 / 250 * _mean(b, "FR / d"))
    whole = row(compared(a, b, middle), "territory", "FR")
    assert whole.parts["unattributed"] == 0
    assert whole.parts["method"] == pytest.approx(_total(middle, "FR") - _total(a, "FR"))
    assert whole.parts["correction"] == pytest.approx(_mean(b, "FR / a") - _mean(middle, "FR / a"))
    assert sum(whole.parts.values()) == pytest.approx(whole.revision, rel=1e-12)


def _mean(one: dict[str, Any], code: str) -> float:
    rows = one["estimates"][0]["accounts"]["territory,deployment"]
    return float(next(r["mean"] for r in rows if r["code"] == code))


def _total(one: dict[str, Any], code: str) -> float:
    return float(next(r["mean"] for r in one["estimates"][0]["accounts"]["territory"] if r["code"] == code))


def test_what_another_selection_let_in_is_not_called_data(facts: Facts) -> None:
    planned = [*OLD, entry("d", "FR", 250, status="announced")]
    wider = replace(REQUEST, selection=Selection(DAY, frozenset({"operational", "announced"})))
    france = row(compared(document(planned, facts), document(planned, facts, wider)), "territory", "FR")
    assert only(france, "unattributed")


def test_documents_without_digests_leave_it_open(facts: Facts) -> None:
    request = replace(REQUEST, levels=COARSE)
    old, new = document(OLD, facts, request), document([*OLD, entry("d", "FR", 250)], facts, request)
    for held in old["estimates"][0]["accounts"].values():
        for one in held:
            del one["entries_digest"]
    assert only(row(compared(old, new), "territory", "FR"), "unattributed")


def test_other_dates_and_units_are_not_compared(facts: Facts) -> None:
    later = replace(REQUEST, selection=Selection(datetime.date(2026, 7, 1)))
    with pytest.raises(MixedValuesError, match="as_of 2026-06-30 and 2026-07-01"):
        compared(document(OLD, facts), document(OLD, facts, later))
    with pytest.raises(MixedValuesError, match="unit"):
        compared(document(OLD, facts), document(OLD, facts, replace(REQUEST, unit="h100e")))


def test_a_document_between_must_fit(facts: Facts) -> None:
    old, new = document(OLD, facts), document(OLD, facts, replace(REQUEST, seed=3))
    with pytest.raises(InputError, match="other deployments"):
        compared(old, new, document(OLD[:2], facts, replace(REQUEST, seed=3)))
    with pytest.raises(InputError, match="differs in seed"):
        compared(old, new, old)


changes = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.sampled_from(["FR", "US", "DE"]), st.floats(1, 1e5)),
    max_size=6,
    unique_by=lambda change: change[0],
)


@settings(max_examples=20)
@given(changes, changes, st.integers(0, 1), st.sampled_from([COARSE, FINE]))
def test_the_parts_add_up(facts: Facts, before: list[Any], after: list[Any], seed: int, levels: Any) -> None:
    request = replace(REQUEST, levels=levels, draws=5)
    old = document([entry(*one) for one in before], facts, request)
    new = document([entry(*one) for one in after], facts, replace(request, seed=seed))
    for one in compared(old, new).rows:
        assert set(one.parts) == set(PARTS)
        scale = max(one.old, one.new, *(abs(part) for part in one.parts.values()))
        assert sum(one.parts.values()) == pytest.approx(one.revision, abs=1e-12 * scale)
        # a census that grew, valued alike, grew by data
        if seed == 0 and not before:
            assert one.parts["data"] == one.revision
