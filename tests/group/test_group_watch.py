"""Who is blamed when a group falls apart."""

from __future__ import annotations

from bench.group.rendezvous.watch import Seen, judge

NAMES = ["rank 0 on a", "rank 1 on a", "rank 2 on b"]
THERE = Seen(10, 4, "all_reduce 8 B")
LATER = Seen(14, 4, "all_reduce 8 B")


def test_who_is_silent_is_named_with_where_it_was() -> None:
    said = judge([THERE] * 3, [LATER, LATER, THERE], NAMES, "timed out")
    assert said == "rank 2 on b fell silent at all_reduce 8 B: killed, stopped or cut off (here: timed out)"


def test_who_is_alive_and_has_not_come_is_named_with_where_it_still_is() -> None:
    behind = Seen(14, 3, "all_reduce 64 B")
    said = judge([THERE] * 3, [LATER, behind, LATER], NAMES, "timed out")
    assert said.startswith("rank 1 on a has not come to all_reduce 8 B, and is still at all_reduce 64 B")


def test_who_says_that_it_failed_is_believed_before_who_is_silent() -> None:
    failed = Seen(14, 4, "all_reduce 8 B", "out of memory")
    said = judge([THERE] * 3, [THERE, failed, LATER], NAMES, "closed")
    assert said.startswith("rank 1 on a failed at all_reduce 8 B: out of memory")


def test_where_all_are_there_the_own_error_is_what_is_known() -> None:
    assert judge([THERE] * 3, [LATER] * 3, NAMES, "no such device") == "no such device"


def test_very_many_are_counted_and_not_listed() -> None:
    names = [f"rank {rank} on n" for rank in range(100)]
    said = judge([THERE] * 100, [LATER] + [THERE] * 99, names, "closed")
    assert "and 94 more ranks" in said
    assert said.count("fell silent") == 5
