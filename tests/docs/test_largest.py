"""The ten largest lines of the shipped census, as reviewed: a change of the facts must show."""

from __future__ import annotations

import pytest

from accounting.accounts.nations.world import World
from accounting.reference.facts import Facts, load_facts
from tests.docs.largest import reasons, reviewed, shown, table


@pytest.fixture(scope="module")
def facts() -> Facts:
    return load_facts()


@pytest.fixture(scope="module")
def found(facts: Facts) -> World:
    return reviewed(facts)


def test_the_table_is_that_of_the_census(found: World, facts: Facts) -> None:
    assert shown() == table(found, facts), "review the change, then python -m tests.docs.largest"


def test_each_of_the_ten_has_a_reason_and_a_source(found: World) -> None:
    given = reasons()
    assert set(given) == {line.id for line in found.largest}
    assert all(len(reason.split()) >= 15 for reason in given.values())
    assert all(entry.source.startswith("http") for line in found.largest for entry in line.entries)
