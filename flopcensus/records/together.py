"""What several ranks did together, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from bench.record import Result
from flopcensus.output import duration, percent, print_table, say, si

_REACHES = {"all": "all ranks", "within": "within nodes", "between": "between nodes"}


def print_together(results: Sequence[Result]) -> None:
    """Print collectives by size, the slowest link where none is slow, and how a step scales.

    Links that are slow stand in the notes of their result, which the record's table prints.
    """
    exchanges = [one for one in results if one.exchange]
    if exchanges:
        columns = ["workload", "size", "among", "ranks", "nodes", "time", "algorithm", "bus", "95 % interval"]
        print_table("several ranks together", columns, [_exchanged(one) for one in exchanges])
    for one in exchanges:
        _say_slowest_link(one)
    scaled = [one for one in results if one.scaling]
    if scaled:
        columns = [
            "workload",
            "precision",
            "scaling",
            "ranks",
            "nodes",
            "together",
            "efficiency",
            "95 % interval",
        ]
        print_table("on 1, 2, 4, … ranks", columns, [row for one in scaled for row in _scaled(one)])


def _exchanged(result: Result) -> list[str]:
    exchange = result.exchange
    if exchange is None or result.ci95 is None:
        raise ValueError(f"{result.workload} is not among results of several ranks")
    return [
        result.workload,
        si(float(result.shape["bytes"]), "B", 3),
        _REACHES[exchange.reach],
        str(exchange.ranks),
        str(exchange.nodes),
        duration(exchange.seconds),
        si(exchange.algorithm_bytes_per_s, "B/s", 4),
        si(exchange.bus_bytes_per_s, "B/s", 4),
        " to ".join(si(bound, "B/s", 4) for bound in result.ci95),
    ]


def _say_slowest_link(result: Result) -> None:
    exchange = result.exchange
    if exchange is None or not exchange.links or exchange.slow:
        return
    slowest = min(exchange.links, key=lambda link: link.bytes_per_s)
    one, two = slowest.ranks
    rate = si(slowest.bytes_per_s, "B/s", 3)
    say(f"no link is slow; the slowest of {len(exchange.links)} is rank {one} to rank {two}, {rate}")


def _scaled(result: Result) -> list[list[str]]:
    how = "strong" if result.shape.get("strong") else "weak"
    return [
        [
            result.workload,
            result.precision,
            how,
            str(point.ranks),
            str(point.nodes),
            si(point.value, result.unit, 4),
            percent(point.efficiency),
            " to ".join(percent(bound) for bound in point.efficiency_ci95),
        ]
        for point in result.scaling
    ]
