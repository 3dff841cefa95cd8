"""Ledgers as our YAML of facilities: nothing is lost that it holds, and what it cannot has a reason."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.census.as_facilities import DERIVED_SECTOR, NOT_STANDARD, to_facilities, to_yaml
from accounting.census.facilities import Facility, load_facilities
from accounting.census.ledger import Chips, Entry, Ledger, Owner, from_facilities
from accounting.census.sources import load_census
from accounting.quantities import exact
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from tests.accounting.ledgers import BASE, FACTS, FOREIGN, accelerators, counts, days, ledgers, organisations

LOOKED_AT = datetime.date(2025, 6, 7)


def yaml_again(facilities: tuple[Facility, ...], folder: Path) -> tuple[Facility, ...]:
    path = folder / "facilities.yaml"
    path.write_text(to_yaml(facilities), encoding="utf-8", newline="")
    return load_facilities([path], FACTS)


def test_the_shipped_facilities_written_and_read_are_the_same(tmp_path: Path) -> None:
    shipped = load_facilities([configs_root() / "facilities"], FACTS)
    assert yaml_again(shipped, tmp_path) == shipped


names = st.text(min_size=1, max_size=30).map(str.strip).filter(bool) | st.sampled_from(
    ["NO", "1e5", "0x1F", "0o17", "~", "null", "true", "12", "1.5", "a: b", "# x", "- y", "2024-01-01"]
)
ids = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
urls = st.from_regex(r"https?://[a-z#:&*!|>'\"%@`]{1,20}", fullmatch=True)
powers = st.floats(1.0, 1e12).map(lambda watts: f"{watts!r} W") | st.just("4 MW to 5 MW")


@st.composite
def facilities(draw: st.DrawFn) -> Facility:
    def fact(value: Any) -> dict[str, Any]:
        kind = draw(st.sampled_from(["reported", "derived"]))
        note = draw(st.none() | names)
        return {"value": value, "kind": kind, "source": draw(urls), "date": draw(days), "note": note}

    def holdings(least: int) -> list[dict[str, Any]]:
        size = draw(st.integers(least, 3))
        return [{"organisation": draw(organisations), "share": 1 / size} for _ in range(size)]

    def deployment(identifier: str) -> dict[str, Any]:
        start, end = sorted((draw(days), draw(days)))
        return {
            "id": identifier,
            "accelerator": draw(accelerators),
            "count": fact(draw(counts())),
            "in_service": draw(st.none() | st.just(start)),
            "retired": draw(st.none() | st.just(end)),
            "status": draw(st.sampled_from(["operational", "under_construction", "retired"])),
            "note": draw(st.none() | names),
        }

    plain = {
        "id": draw(ids),
        "name": draw(names),
        "territory": draw(st.sampled_from(sorted(FACTS.countries))),
        "location": draw(st.none() | names),
        "owners": holdings(1),
        "access": holdings(0),
        "operator": draw(st.none() | organisations),
        "sector": draw(st.sampled_from(["private", "public", "mixed"])),
        "power": draw(st.none() | powers.map(fact)),
        "sources": [{"url": draw(urls), "title": draw(names), "date": draw(days), "covers": ["no", "power"]}],
        "note": draw(st.none() | names),
        "deployments": [deployment(one) for one in draw(st.lists(ids, min_size=1, max_size=3, unique=True))],
    }
    return Facility.model_validate(plain, context=FACTS.names)


@settings(max_examples=40)
@given(facility=facilities())
def test_any_facility_written_and_read_is_the_same(facility: Facility) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert yaml_again((facility,), Path(folder)) == (facility,)


@settings(max_examples=40)
@given(facility=facilities())
def test_a_ledger_to_facilities_and_back_is_the_same_ledger(facility: Facility) -> None:
    ledger = from_facilities("any", [facility], FACTS)
    made = to_facilities(ledger, FACTS, LOOKED_AT)
    assert not made.left_out
    with tempfile.TemporaryDirectory() as folder:
        read = yaml_again(made.facilities, Path(folder))
    assert from_facilities("any", read, FACTS).entries == ledger.entries


@settings(max_examples=40)
@given(ledger=ledgers())
def test_every_row_is_a_deployment_or_left_out(ledger: Ledger) -> None:
    made = to_facilities(ledger, FACTS, LOOKED_AT)
    written = {d.id for f in made.facilities for d in f.deployments}
    left_out = Counter(item.id for item in made.left_out)
    assert max(left_out.values(), default=0) <= 1
    for entry in ledger.entries:
        assert (entry.id in written) != (entry.id in left_out)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"territory": None}, "no known country"),
        ({"owners": (Owner("xai", "US", 0.5), Owner(None, None, 0.5))}, "no known owner"),
        ({"accelerator": None, "vendor": None}, "no known accelerator"),
        ({"count": None}, "no count"),
        ({"duplicate": True}, "a possible duplicate, which our YAML cannot mark"),
        ({"status": "unknown"}, "no known status"),
        ({"source": "a letter"}, "its source is no web address"),
        ({"facility": "Not An Id"}, "its id is not of lower-case words joined by '-'"),
        ({"retired": datetime.date(2020, 1, 1)}, "retired before it came into service"),
        (
            {"sector": None, "owners": (Owner("aist", "JP", 1.0),)},
            "no sector, and its owners do not show one",
        ),
    ],
)
def test_what_our_yaml_cannot_hold_is_left_out_with_its_reason(change: dict[str, Any], reason: str) -> None:
    other = dataclasses.replace(BASE, id="row-3", facility="row-3")
    ledger = Ledger("any", (dataclasses.replace(BASE, **change), other))
    made = to_facilities(ledger, FACTS, LOOKED_AT)
    assert [(item.id, item.reason) for item in made.left_out] == [("row-2", reason)]
    assert [facility.id for facility in made.facilities] == ["row-3"]


def test_a_superseded_phase_is_left_out_once_the_later_one_runs() -> None:
    early = dataclasses.replace(BASE, superseded_by="row-3")
    for status, left_out in (("operational", 1), ("announced", 0)):
        later = dataclasses.replace(BASE, id="row-3", facility="row-3", status=status)
        made = to_facilities(Ledger("any", (early, later)), FACTS, LOOKED_AT)
        assert len(made.left_out) == left_out
    note = made.facilities[0].deployments[0].note
    assert note == "Superseded by row-3 once that is in operation."


def test_rows_of_one_facility_are_joined_and_further_chips_become_deployments() -> None:
    second = dataclasses.replace(BASE, id="row-3", count=exact(7.0), standard=False)
    third = dataclasses.replace(BASE, id="row-4", territory="NO")
    more = (Chips("nvidia-h200-sxm", exact(5.0)), Chips(None, exact(9.0)))
    ledger = Ledger("any", (dataclasses.replace(BASE, further_chips=more), second, third))
    made = to_facilities(ledger, FACTS, LOOKED_AT)
    (facility,) = made.facilities
    assert [(d.id, d.accelerator, d.sized_by.value.best, d.note) for d in facility.deployments] == [
        ("row-2", "nvidia-h100-sxm", 100.0, None),
        ("row-2-further-1", "nvidia-h200-sxm", 5.0, None),
        ("row-3", "nvidia-h100-sxm", 7.0, NOT_STANDARD),
    ]
    assert {(item.id, item.reason) for item in made.left_out} == {
        ("row-4", "another territory than an earlier row of its facility"),
        ("row-2-further-2", "further chips of unknown model or count"),
    }


def test_a_company_is_private_where_the_source_is_silent() -> None:
    made = to_facilities(Ledger("any", (dataclasses.replace(BASE, sector=None),)), FACTS, LOOKED_AT)
    assert (made.facilities[0].sector, made.facilities[0].note) == ("private", DERIVED_SECTOR)


@pytest.mark.parametrize("prefix", FOREIGN)
def test_foreign_files_become_facilities_that_load(
    shared: Path, facts: Facts, tmp_path: Path, prefix: str
) -> None:
    ledger = load_census([f"{prefix}:{shared / 'data' / FOREIGN[prefix]}"], facts)
    made = to_facilities(ledger, facts, LOOKED_AT)
    rows = {item.id for item in made.left_out if "-further-" not in item.id}
    kept = [entry for entry in ledger.entries if entry.id not in rows]
    assert len(kept) > 20
    read = yaml_again(made.facilities, tmp_path)
    assert read == made.facilities
    found = {entry.id: entry for entry in from_facilities("f", read, facts).entries}
    for entry in kept:
        other = found[entry.id]
        for name in ("territory", "owners", "accelerator", "vendor", "count", "in_service", "status", "kind"):
            assert getattr(other, name) == getattr(entry, name)
    total = sum(chips.count.best for e in kept for chips in all_chips(e) if chips.count and chips.accelerator)
    assert sum(e.count.best for e in found.values() if e.count) == pytest.approx(total)


def all_chips(entry: Entry) -> itertools.chain[Chips]:
    return itertools.chain([Chips(entry.accelerator, entry.count)], entry.further_chips)
