"""Is the searched matrix product as good as the best of the whole grid? M, N and K from 512 to 4096 by 512.

Every shape of the grid is sampled once with torch's default, the best few are measured again interleaved
with what the search found, and the ratio of the search to the re-measured best is printed with its interval.

python benchmarks/search.py [--precision bf16] [--seconds 10] [--grid-seconds 300] [--repeats 1]
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Sequence

from bench.choosing.choice import Bout, Chosen
from bench.choosing.search import search
from bench.devices.cpu import CpuDevice
from bench.statistics import summarise
from kernels.gemm import Gemm
from kernels.workload import Prepared, Shape

SIDES = range(512, 4097, 512)
AGAIN = 8
ROUNDS = 9
ROUND_SECONDS = 0.1
SLOT_SECONDS = 10.0
Candidate = tuple[tuple[int, int, int], str]


class Bench:
    """Prepares candidates and times them one after the other."""

    def __init__(self, bout: Bout) -> None:
        self.bout = bout
        self.prepared: dict[Candidate, Prepared] = {}

    def rate(self, shape: Shape, backend: str, seconds: float) -> float:
        """Rate of calls over about so long. Unit: FLOP/s."""
        key = (shape["m"], shape["n"], shape["k"]), backend
        prepared = self.prepared.get(key) or self.bout.prepare(shape, backend)
        first = self.bout.time(prepared, 1)
        more = min(200, int(seconds / first.total_seconds))
        return self.bout.rate(shape, self.bout.time(prepared, more, warm_up=0) if more else first)

    def keep(self, candidates: Sequence[tuple[Shape, str]]) -> None:
        """Prepare these once."""
        for shape, backend in candidates:
            key = (shape["m"], shape["n"], shape["k"]), backend
            self.prepared[key] = self.bout.prepare(shape, backend)


def sampled_grid(bench: Bench, backend: str, seconds: float, seed: int) -> list[tuple[float, Shape]]:
    """One sample a shape, in random order, until the time is up; fastest first."""
    shapes: list[Shape] = [{"m": m, "n": n, "k": k} for m in SIDES for n in SIDES for k in SIDES]
    random.Random(seed).shuffle(shapes)
    start, rates = time.perf_counter(), []
    for shape in shapes:
        if time.perf_counter() - start > seconds:
            break
        rates.append((bench.rate(shape, backend, 0.0), shape))
    print(f"grid: {len(rates)} of {len(shapes)} shapes sampled in {time.perf_counter() - start:.0f} s")
    return sorted(rates, key=lambda row: row[0], reverse=True)


def interleaved(bench: Bench, candidates: Sequence[tuple[Shape, str]]) -> list[list[float]]:
    """Rates of each candidate over the rounds."""
    bench.keep(candidates)
    rates: list[list[float]] = [[] for _ in candidates]
    for _ in range(ROUNDS):
        for at in random.sample(range(len(candidates)), len(candidates)):
            rates[at].append(bench.rate(*candidates[at], ROUND_SECONDS))
    return rates


def ratio_text(upper: Sequence[float], lower: Sequence[float]) -> str:
    """Median of the ratios round by round, with its 95 % interval."""
    found = summarise([one / other for one, other in zip(upper, lower, strict=True)])
    return f"{found.median:.3f} [{found.low:.3f}, {found.high:.3f}]"


def words(shape: Shape, backend: str) -> str:
    return f"{shape['m']}×{shape['n']}×{shape['k']} {backend}"


def compare(bout: Bout, chosen: Chosen, grid_seconds: float) -> None:
    bench, default = Bench(bout), bout.workload.backends(bout.precision, bout.place)[0]
    with Gemm().sharing(bout.precision, bout.place):
        best = sampled_grid(bench, default, grid_seconds, bout.seed)[:AGAIN]
        candidates = [(chosen.shape, chosen.backend or default), *((shape, default) for _, shape in best)]
        rates = interleaved(bench, candidates)
    medians = [statistics.median(of_one) for of_one in rates]
    top = max(range(1, len(candidates)), key=medians.__getitem__)
    for (shape, backend), median in zip(candidates, medians, strict=True):
        print(f"  {words(shape, backend):36}{median / 1e9:9.1f} GFLOP/s")
    print(f"search ÷ best of the grid, re-measured: {ratio_text(rates[0], rates[top])}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--seconds", type=float, default=10.0, help="time of the search")
    parser.add_argument("--grid-seconds", type=float, default=math.inf, help="time of the grid's samples")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    device = CpuDevice()
    with device.activated():
        for seed in range(options.repeats):
            bout = Bout(Gemm(), options.precision, device, device.place(), seed, time.perf_counter)
            chosen = search(bout, seconds=options.seconds, slot_seconds=SLOT_SECONDS)
            found = chosen.search
            assert found is not None
            print(f"search: {words(chosen.shape, chosen.backend or '')}, {found.shapes_tried} shapes tried")
            print(
                f"        of {found.candidates} candidates in {found.seconds:.1f} s; {' '.join(chosen.notes)}"
            )
            compare(bout, chosen, options.grid_seconds)


if __name__ == "__main__":
    main()
