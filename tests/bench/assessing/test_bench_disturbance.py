"""Neighbours and other processes: marked and said, never left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.assessing.disturbance import disturbances
from bench.assessing.results import counted_rounds
from bench.record import Placement, RoundDetail
from bench.running.trial import Round


def rounds(*values: float, steal: float | None = None, others: float | None = None) -> list[Round]:
    detail = RoundDetail(
        started_seconds=0,
        process=0,
        sample_count=1,
        sample_seconds=1,
        steal_fraction=steal,
        other_load_fraction=others,
    )
    return [Round(value, 1.0, None, None, None, detail) for value in values]


def placed(values: list[float], placement: Placement | None) -> list[Round]:
    detail = RoundDetail(started_seconds=0, process=0, sample_count=1, sample_seconds=1, placement=placement)
    return [Round(value, 1.0, None, None, None, detail) for value in values]


def test_a_neighbour_that_no_meter_shows_is_seen_in_the_rate() -> None:
    found = disturbances(rounds(170e9, 168e9, 20e9, 171e9, 169e9))
    assert [word is not None for word in found] == [False, False, True, False, False]
    assert (found[2] or "").startswith("far slower than the others (12%)")


def test_most_rounds_disturbed_are_still_seen() -> None:
    found = disturbances(rounds(20e9, 22e9, 21e9, 171e9, 169e9))
    assert sum(word is not None for word in found) == 3


@pytest.mark.parametrize(
    ("steal", "others", "word"),
    [(0.2, None, "the host"), (None, 0.3, "other processes"), (0.01, 0.02, None), (None, None, None)],
)
def test_cpu_time_taken_is_told(steal: float | None, others: float | None, word: str | None) -> None:
    found = disturbances(rounds(1.0, 1.0, steal=steal, others=others))
    assert [(one or "").startswith(word or "") for one in found] == [True, True]
    assert all((one is None) == (word is None) for one in found)


@given(st.lists(st.floats(1.0, 1.3), min_size=1, max_size=20))
def test_a_quiet_machine_gets_no_note(values: list[float]) -> None:
    assert not any(disturbances(rounds(*values)))


def test_a_value_is_of_one_placement_only() -> None:
    mixed = [*placed([30.0] * 6, "near"), *placed([60.0] * 5, "far"), *placed([45.0], None)]
    assert {taken.value for taken in counted_rounds(mixed)} == {30.0}


def test_with_too_few_rounds_of_either_placement_all_count() -> None:
    mixed = [*placed([30.0] * 3, "near"), *placed([60.0] * 2, "far")]
    assert counted_rounds(mixed) == mixed
