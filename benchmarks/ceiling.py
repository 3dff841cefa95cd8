"""Our ceilings beside likwid-bench's peakflops kernels and clpeak, interleaved.

python benchmarks/ceiling.py [--rounds 10] [--likwid PATH] [--clpeak PATH]

A tool that is not at hand is left out, and so is a kernel whose instructions the processor lacks. Ours and
likwid's run on all usable cores, with operands in registers and in the first cache (32 kB for all cores). The
ratio is that of each round's own pair: a neighbour on the other half of a core halves the rate of whoever
runs just then. The clock is counted right after our work.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple

from bench.devices.native import load_native
from bench.devices.system import processor
from kernels.ceiling import PreparedUnit, UnitCeiling
from kernels.workload import Place

CALLS = 15
# Of a loop over 16 kB a thread: some 0.1 s; told a time instead, it takes seconds to find out how many.
LIKWID_ITERATIONS = 60_000


class Pair(NamedTuple):
    """One of ours and what likwid-bench calls the same."""

    precision: str
    isa: frozenset[str]
    likwid: str


AVX2, AVX512 = frozenset({"avx2", "fma"}), frozenset({"avx512f"})
PAIRS = (
    Pair("fp32", AVX2, "peakflops_sp_avx_fma"),
    Pair("fp64", AVX2, "peakflops_avx_fma"),
    Pair("fp32", AVX512, "peakflops_sp_avx512_fma"),
    Pair("fp64", AVX512, "peakflops_avx512_fma"),
)
CLPEAK_LINES = {"fp32": "float16", "fp64": "double16"}


def main() -> None:
    arguments = parsed()
    place = here()
    report_ours(place)
    if not arguments.likwid:
        print("likwid-bench: not at hand, left out")
    else:
        compare(arguments, place)
    if not arguments.clpeak:
        print("clpeak: not at hand, left out")
        return
    for precision, rate in clpeak(arguments.clpeak).items():
        print(f"clpeak {precision}: {rate / 1e9:.1f} GFLOP/s")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--likwid", default=shutil.which("likwid-bench"))
    parser.add_argument("--clpeak", default=shutil.which("clpeak"))
    return parser.parse_args()


def here(isa: frozenset[str] | None = None) -> Place:
    native = load_native()
    if native.library is None:
        raise SystemExit(f"nothing to compare: {native.absent}")
    known = frozenset(processor.isa())
    return Place(native=native.library, cpus=processor.usable_cpus(), isa=known if isa is None else isa)


def report_ours(place: Place) -> None:
    """Every ceiling that this processor has, with its clock and what a core does in one."""
    print(f"{processor.model_name()}, {len(place.cpus)} threads")
    print(f"{'':16}{'median GFLOP/s':>16}{'highest':>10}{'MHz':>8}{'FLOP/clock/core':>18}{'highest':>10}")
    for workload in (UnitCeiling("vector"), UnitCeiling("matrix")):
        for precision in workload.precisions:
            if workload.lacks(precision, place):
                continue
            unit = prepared(workload, precision, place)
            values = rates(unit, workload, precision, place)
            clock = unit.clock_mhz() or float("nan")
            middle, most = statistics.median(values), max(values)
            per_clock = [rate / (1e6 * clock * len(place.cpus)) for rate in (middle, most)]
            name = f"{workload.execution} {precision}"
            print(
                f"{name:16}{middle / 1e9:16.1f}{most / 1e9:10.1f}{clock:8.0f}"
                f"{per_clock[0]:18.1f}{per_clock[1]:10.1f}  {unit.backend}"
            )


def prepared(workload: UnitCeiling, precision: str, place: Place) -> PreparedUnit:
    unit = workload.prepare(precision, workload.ladder(precision, place)[0], place, seed=0)
    assert isinstance(unit, PreparedUnit)
    return unit


def rates(unit: PreparedUnit, workload: UnitCeiling, precision: str, place: Place) -> list[float]:
    """Of some calls as the bench times them, checked. Unit: FLOP/s."""
    unit.run()
    work = workload.flop(workload.ladder(precision, place)[0])
    values = [work / timed(unit) for _ in range(CALLS)]
    if not unit.check().correct:
        raise SystemExit(f"{precision}: {unit.check().detail}")
    return values


def timed(unit: PreparedUnit) -> float:
    start = time.perf_counter()
    unit.run()
    return time.perf_counter() - start


def compare(arguments: argparse.Namespace, place: Place) -> None:
    pairs = [pair for pair in PAIRS if pair.isa <= place.isa]
    workload = UnitCeiling("vector")
    places = {pair: here(pair.isa) for pair in pairs}
    units = {pair: prepared(workload, pair.precision, places[pair]) for pair in pairs}
    ours: dict[Pair, list[float]] = {pair: [] for pair in pairs}
    theirs: dict[Pair, list[float]] = {pair: [] for pair in pairs}
    for number in range(arguments.rounds):
        for pair in pairs if number % 2 else pairs[::-1]:
            ours[pair].append(statistics.median(rates(units[pair], workload, pair.precision, places[pair])))
            theirs[pair].append(likwid(arguments.likwid, pair.likwid, place))
    table(pairs, ours, theirs)


def likwid(path: str, kernel: str, place: Place) -> float:
    """Its own figure. Unit: FLOP/s."""
    command = [path, "-t", kernel, "-W", f"S0:32kB:{len(place.cpus)}", "-i", str(LIKWID_ITERATIONS)]
    text = output(command)
    found = re.search(r"MFlops/s:\s+([\d.]+)", text)
    if found is None:
        raise SystemExit(f"{kernel}: no figure in what likwid-bench said:\n{text}")
    return 1e6 * float(found[1])


def clpeak(path: str) -> dict[str, float]:
    """Its figures for the widest vectors, of the last OpenCL device it lists. Unit: FLOP/s."""
    text = output([path, "--compute-sp", "--compute-dp"])
    found = {name: re.findall(rf"{line}\s*:\s*([\d.]+)", text) for name, line in CLPEAK_LINES.items()}
    return {name: 1e9 * float(values[-1]) for name, values in found.items() if values}


def output(command: Sequence[str]) -> str:
    done = subprocess.run(command, env=os.environ, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def table(pairs: Sequence[Pair], ours: dict[Pair, list[float]], theirs: dict[Pair, list[float]]) -> None:
    heads = ("ours, median", "highest", "its median", "highest", "ours ÷ it", "of highest")
    print(f"\n{'':26}" + "".join(f"{head:>14}" for head in heads) + "   (GFLOP/s)")
    for pair in pairs:
        mine, its = ours[pair], theirs[pair]
        ratio = statistics.median(one / other for one, other in zip(mine, its, strict=True))
        figures = (
            statistics.median(mine) / 1e9,
            max(mine) / 1e9,
            statistics.median(its) / 1e9,
            max(its) / 1e9,
        )
        shares = (ratio, max(mine) / max(its))
        text = "".join(f"{one:14.1f}" for one in figures) + "".join(f"{one:14.3f}" for one in shares)
        print(f"{pair.likwid:26}{text}")


if __name__ == "__main__":
    main()
