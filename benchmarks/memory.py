"""Our memory ceiling beside BabelStream's triad and likwid-bench's stream kernels, interleaved.

python benchmarks/memory.py [--rounds 10] [--babelstream PATH] [--likwid PATH]

BabelStream: the OpenMP build (``omp-stream``), https://github.com/UoB-HPC/BabelStream. A tool that is not at
hand is left out. All of them count the bytes read plus those written, write-allocate not counted, and take
arrays of the same total size. The ratio is that of each round's own pair, since neighbours come and go.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable

from bench.devices.native import load_native
from bench.devices.placement import MeasuredPlacement, measure_placement
from bench.devices.system import processor
from kernels.memory_ceiling import MemoryCeiling
from kernels.workload import Place, Shape

LIKWID_KERNELS = ("stream_mem_avx512", "stream_mem_avx_fma")
PASSES = 12
CALLS = 3
Measure = Callable[[], float]


def main() -> None:
    arguments = parsed()
    place = here()
    shape = {**MemoryCeiling().ladder("fp32", place)[0], "passes": PASSES}
    tools = {"ours": ours(place, shape), **others(arguments, place, shape["bytes"])}
    print(f"{shape['bytes'] / 1e9:.2f} GB moved a pass, {len(place.cpus)} threads, {arguments.rounds} rounds")
    taken: dict[str, list[float]] = {name: [] for name in tools}
    near: list[str] = []
    for number in range(arguments.rounds):
        names = list(tools) if number % 2 else list(tools)[::-1]
        where = measure_placement(place)
        near.append(where.placement if where else "unknown")
        for name in names:
            taken[name].append(tools[name]())
        listed = "  ".join(f"{name} {taken[name][-1] / 1e9:.1f}" for name in tools)
        print(f"round {number + 1}: {told(where)}  {listed} GB/s", flush=True)
    for placement in sorted(set(near)):
        chosen = [number for number, one in enumerate(near) if one == placement]
        print(f"\ncores {placement}: {len(chosen)} rounds")
        table({name: [values[number] for number in chosen] for name, values in taken.items()})


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--babelstream", default=shutil.which("omp-stream"))
    parser.add_argument("--likwid", default=shutil.which("likwid-bench"))
    return parser.parse_args()


def here() -> Place:
    native = load_native()
    if native.library is None:
        raise SystemExit(f"nothing to compare: {native.absent}")
    return Place(
        native=native.library,
        cpus=processor.usable_cpus(),
        isa=frozenset(processor.isa()),
        cache_bytes=processor.last_level_cache_bytes() or 64 << 20,
    )


def ours(place: Place, shape: Shape) -> Measure:
    """Median of some calls: what a round of the bench is."""
    workload = MemoryCeiling()
    prepared = workload.prepare("fp32", shape, place, seed=1)
    print(f"ours: {prepared.backend}")

    def measure() -> float:
        return workload.bytes_moved(shape, "fp32") / statistics.median(
            timed(prepared.run) for _ in range(CALLS)
        )

    return measure


def timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def others(arguments: argparse.Namespace, place: Place, size: int) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    if arguments.babelstream:
        found["BabelStream triad"] = lambda: babelstream(arguments.babelstream, place, size)
    else:
        print("BabelStream: not at hand, left out")
    if not arguments.likwid:
        print("likwid-bench: not at hand, left out")
        return found
    usable = [one for one in LIKWID_KERNELS if "avx512" not in one or "avx512f" in place.isa]
    for kernel in usable:
        found[kernel] = functools.partial(likwid, arguments.likwid, kernel, place, size)
    return found


def babelstream(path: str, place: Place, size: int) -> float:
    """Bytes of a triad over its mean time. Unit: B/s."""
    elements = size // (3 * 8) // 1024 * 1024
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(len(place.cpus)),
        "OMP_PROC_BIND": "true",
    }
    command = [path, "-s", str(elements), "-n", str(PASSES), "--csv", "--only", "Triad"]
    text = output(command, environment)
    header, *rows = [line.split(",") for line in text.splitlines() if line.count(",") > 5]
    triad = next(dict(zip(header, row, strict=True)) for row in rows if row[0] == "Triad")
    return 3 * 8 * elements / float(triad["avg_runtime"])


def likwid(path: str, kernel: str, place: Place, size: int) -> float:
    """Its own figure, over as many passes. Unit: B/s."""
    group = f"S0:{size // 1024}kB:{len(place.cpus)}"
    text = output([path, "-t", kernel, "-W", group, "-i", str(PASSES)], dict(os.environ))
    found = re.search(r"MByte/s:\s+([\d.]+)", text)
    if found is None:
        raise SystemExit(f"{kernel}: no figure in what likwid-bench said:\n{text}")
    return 1e6 * float(found[1])


def output(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def told(where: MeasuredPlacement | None) -> str:
    return f"{where.placement} {where.core_to_core_ns:.0f} ns" if where else "placement unknown"


def table(taken: dict[str, list[float]]) -> None:
    heads = ("median GB/s", "lowest", "highest", "ours ÷ it", "lowest", "highest")
    print(f"{'':20}" + "".join(f"{head:>12}" for head in heads))
    for name, values in taken.items():
        ratios = [mine / theirs for mine, theirs in zip(taken["ours"], values, strict=True)]
        rates = [summary(values) / 1e9 for summary in (statistics.median, min, max)]
        shares = [summary(ratios) for summary in (statistics.median, min, max)]
        print(
            f"{name:20}"
            + "".join(f"{rate:12.2f}" for rate in rates)
            + "".join(f"{one:12.3f}" for one in shares)
        )


if __name__ == "__main__":
    main()
