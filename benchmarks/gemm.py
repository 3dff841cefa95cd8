"""The matrix product as the search finds it, beside the peers' method and beside the units' own ceiling.

The peers' method is a grid of shapes with torch's default, the best sample kept. Its best few shapes, the
searched candidate and the ceilings are measured interleaved, in the same minute.

python benchmarks/gemm.py [--precision fp32 …] [--seconds 10] [--grid-seconds 20] [--rounds 9]
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Mapping

from bench.choosing.choice import Bout, NothingToChoose
from bench.choosing.climb import climb
from bench.choosing.search import search
from bench.devices.cpu import CpuDevice
from bench.statistics import summarise
from kernels.catalogue import WORKLOADS
from kernels.gemm import Gemm
from kernels.workload import Prepared, Shape

SIDES = range(512, 4097, 512)
PRECISIONS = ("fp32", "fp64", "bf16", "int8")
OVER_GRID = {"fp32": 1.10, "fp64": 1.08, "bf16": 1.00}
OVER_CEILING = {"fp32": 0.93, "bf16": 0.93, "int8": 0.91, "fp64": 0.91}
PEERS_BEST = 3
SLOT_SECONDS = 10.0
SAMPLE_SECONDS = 0.1
Runner = Callable[[], float]


def runner(bout: Bout, shape: Shape, prepared: Prepared) -> Runner:
    """Measures a rate over about a tenth of a second, at least three calls. Unit: FLOP/s."""
    one = bout.time(prepared, 1).total_seconds
    count = min(500, max(3, int(SAMPLE_SECONDS / one)))
    return lambda: bout.rate(shape, bout.time(prepared, count))


def peers(bout: Bout, seconds: float) -> list[Shape]:
    """The best shapes of as much of the grid as the time allows, by one sample each, torch's default."""
    shapes: list[Shape] = [{"m": m, "n": n, "k": k} for m in SIDES for n in SIDES for k in SIDES]
    random.Random(bout.seed).shuffle(shapes)
    start, rates = time.perf_counter(), []
    for shape in shapes:
        if time.perf_counter() - start > seconds:
            break
        rates.append((bout.rate(shape, bout.time(bout.prepare(shape), 1)), shape))
    rates.sort(key=lambda row: row[0], reverse=True)
    print(f"  grid with torch's default: {len(rates)} of {len(shapes)} shapes sampled")
    return [shape for _, shape in rates[:PEERS_BEST]]


def ceilings(bout: Bout) -> dict[str, Runner]:
    """The ceiling workloads that know the precision, each at its best rung."""
    found = {}
    for name in ("ceiling_vector", "ceiling_matrix"):
        workload = WORKLOADS.get(name)
        if workload is None or bout.precision not in workload.precisions:
            continue
        if (reason := workload.lacks(bout.precision, bout.place)) is not None:
            print(f"  {name}: {reason}")
            continue
        own = Bout(workload, bout.precision, bout.device, bout.place, bout.seed, bout.clock)
        try:
            shape = climb(own, seconds=1.0, slot_seconds=SLOT_SECONDS).shape
        except NothingToChoose as nothing:
            print(f"  {name}: {nothing}")
            continue
        found[name] = runner(own, shape, own.prepare(shape))
    return found


def interleaved(runners: Mapping[str, Runner], rounds: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name in random.sample(list(runners), len(runners)):
            rates[name].append(runners[name]())
    return rates


def ratio_text(rates: Mapping[str, list[float]], name: str) -> str:
    found = summarise([one / other for one, other in zip(rates["search"], rates[name], strict=True)])
    return f"{found.median:6.3f} [{found.low:.3f}, {found.high:.3f}]"


def compare(bout: Bout, options: argparse.Namespace) -> None:
    chosen = search(bout, seconds=options.seconds, slot_seconds=SLOT_SECONDS)
    with Gemm().sharing(bout.precision, bout.place):
        best = bout.prepare(chosen.shape, chosen.backend)
        runners = {"search": runner(bout, chosen.shape, best)}
        for at, shape in enumerate(peers(bout, options.grid_seconds)):
            runners[f"grid {at + 1}"] = runner(bout, shape, bout.prepare(shape))
        runners |= ceilings(bout)
        rates = interleaved(runners, options.rounds)
        print(f"  searched: {dict(chosen.shape)} {best.backend}: {best.check().detail}")
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, median in medians.items():
        print(f"  {name:16}{median / 1e9:9.1f} GFLOP/s")
    grid = max((name for name in medians if name.startswith("grid")), key=medians.__getitem__)
    print(f"  search ÷ {grid:14}{ratio_text(rates, grid)}   target {OVER_GRID.get(bout.precision, 'none')}")
    tops = [name for name in medians if name.startswith("ceiling")]
    if tops:
        top = max(tops, key=medians.__getitem__)
        print(f"  search ÷ {top:14}{ratio_text(rates, top)}   target {OVER_CEILING.get(bout.precision)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--precision", nargs="+", action="extend", help=f"of {', '.join(PRECISIONS)}: all")
    parser.add_argument("--seconds", type=float, default=10.0, help="time of the search")
    parser.add_argument("--grid-seconds", type=float, default=20.0, help="time of the peers' samples")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    device = CpuDevice()
    with device.activated():
        for precision in options.precision or PRECISIONS:
            bout = Bout(Gemm(), precision, device, device.place(), options.seed, time.perf_counter)
            reason = device.lacks(precision) or Gemm().lacks(precision, bout.place)
            print(f"{precision}: {reason or ''}")
            if reason is None:
                compare(bout, options)


if __name__ == "__main__":
    main()
