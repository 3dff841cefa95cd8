"""How often a run's 95 % interval holds the next run's value: what the interval promises.

    python benchmarks/repeatability.py --runs 10 --out results/repeatability
    python benchmarks/repeatability.py results/repeatability/*.json

The first form makes the runs, one after the other, each with fresh processes and the default budget; the
second reads records that are there. For each workload it prints in how many pairs of consecutive runs the
interval of the one held the value of the other, the spread from run to run, and the median half-width of the
intervals.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.record import Record, Result, load_record


def main() -> None:
    """Run, or read; then print the table."""
    options = _options()
    paths = options.records or list(_runs(options))
    records = sorted((load_record(path) for path in paths), key=lambda record: record.created)
    if len(records) < 2:
        sys.exit("at least two records are needed")
    for line in table(records):
        print(line)


def table(records: Sequence[Record]) -> list[str]:
    """A line a workload."""
    lines = [f"{'':44} {'held':>7} {'spread':>7} {'±95 %':>7}   median"]
    totals = [0, 0]
    for key, results in _by_key(records).items():
        pairs = list(itertools.pairwise(results))
        held = sum(_holds(one, other) for one, other in pairs)
        totals = [totals[0] + held, totals[1] + len(pairs)]
        lines.append(
            f"{key:44} {held:3}/{len(pairs):<3} {_spread(results):7.1%} {_half_width(results):7.1%}   "
            f"{statistics.median(_values(results)):.4g} {results[0].unit}"
        )
    lines.append(f"{'all':44} {totals[0]}/{totals[1]} ({totals[0] / max(1, totals[1]):.1%})")
    return lines


def _by_key(records: Sequence[Record]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for record in records:
        seen: set[str] = set()
        for result in record.results:
            key = f"{result.workload} {result.precision} on {result.device}"
            # Rungs of a ladder differ in their shape, and only in that.
            if result.workload == "memory_ladder":
                key += "".join(f" {name}={size}" for name, size in result.shape.items())
            if result.status == "ok" and key not in seen:
                seen.add(key)
                found.setdefault(key, []).append(result)
    return {key: results for key, results in found.items() if len(results) > 1}


def _holds(one: Result, other: Result) -> bool:
    return one.ci95 is not None and other.value is not None and one.ci95[0] <= other.value <= one.ci95[1]


def _values(results: Sequence[Result]) -> list[float]:
    return [result.value for result in results if result.value is not None]


def _spread(results: Sequence[Result]) -> float:
    """Standard deviation of the logs from run to run."""
    return statistics.stdev(math.log(value) for value in _values(results))


def _half_width(results: Sequence[Result]) -> float:
    """Median over runs of half the interval's width on the log scale."""
    return statistics.median(math.log(one.ci95[1] / one.ci95[0]) / 2 for one in results if one.ci95)


def _runs(options: argparse.Namespace) -> list[Path]:
    for number in range(options.runs):
        started = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "flopcensus",
            "bench",
            "--out",
            str(options.out),
            "--seed",
            str(number),
        ]
        if options.time_budget:
            command += ["--time-budget", str(options.time_budget)]
        for name in options.workload:
            command += ["--workload", name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print(f"run {number + 1} of {options.runs}: {time.monotonic() - started:.0f} s", file=sys.stderr)
        time.sleep(options.pause)
    return sorted(options.out.glob("record-*.json"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", nargs="*", type=Path, help="records to compare, in place of running")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--time-budget", type=float, help="seconds a run, in place of the default mode")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between runs")
    parser.add_argument("--workload", action="append", default=[])
    parser.add_argument("--out", type=Path, default=Path("results/repeatability"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
