"""How long a folder of records takes, over reading and decoding them with msgspec; and large fleets.

python benchmarks/fleet.py [--records 10000] [--template RECORD] [--rounds 3]
python benchmarks/fleet.py --scale 10 1000 100000

The records are copies of one that flopcensus bench wrote (``--template``; else synthetic ones of four GPUs),
each with a node of its own and its rates scattered, written into a temporary folder. Two denominators: the
same files read and decoded into Python objects (``msgspec.json.decode``), and decoded into the types that
fleets use, which is the least that can be done with them. Runs are interleaved; ratios are of medians.

--scale judges synthetic fleets of so many nodes of one GPU, one device in a hundred bad, each in a process of
its own, and prints what was found, time and peak memory as lines of docs/fleet.md's table.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from bench.fleets.decoding import FleetRecord
from bench.fleets.gathering import Gathered
from bench.fleets.judging.judge import judge
from bench.fleets.reading import Reading, record_files, stream
from bench.fleets.synthetic import make_fleet, record, records

BAD_SHARE = 0.01
SEED = 2_026_000


def main() -> None:
    arguments = parsed()
    if arguments.one is not None:
        one_size(arguments.one)
    elif arguments.scale:
        print("| nodes | bad | found | false alarms | read and judge | peak memory | files |")
        print("|---|---|---|---|---|---|---|")
        for size in arguments.scale:
            subprocess.run([sys.executable, __file__, "--one", str(size)], check=True)
    else:
        ratios(arguments)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--template", type=Path)
    parser.add_argument("--scale", type=int, nargs="+")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def ratios(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        size = copies(Path(folder), arguments.records, arguments.template)
        files = record_files(Path(folder))
        print(f"{len(files):,} records, {size / 1e6:,.0f} MB")
        kinds: dict[str, Callable[[], None]] = {
            "read and decode to objects": lambda: decode_all(files, msgspec.json.Decoder()),
            "read and decode to types": lambda: decode_all(files, msgspec.json.Decoder(FleetRecord)),
            "flopcensus fleet": lambda: whole(files),
        }
        taken: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(arguments.rounds):
            for name in list(kinds)[:: -1 if number % 2 else 1]:
                started = time.perf_counter()
                kinds[name]()
                taken[name].append(time.perf_counter() - started)
    ours = statistics.median(taken["flopcensus fleet"])
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"{name:28} {middle:7.2f} s   ours ÷ this: {ours / middle:.2f}")


def copies(folder: Path, count: int, template: Path | None) -> int:
    """Write the records; the size of all of them in bytes."""
    if template is None:
        document = record(make_fleet("template", 1, 4, 0, SEED), 0)
    else:
        document = msgspec.json.decode(template.read_bytes())
    rng = np.random.default_rng(SEED)
    size = 0
    for number in range(count):
        factor = float(np.exp(rng.normal(0, 0.01)))
        document["node"] = f"n{number:06d}"
        text = msgspec.json.encode(scaled(document, factor))
        (folder / f"record-{number:06d}.json").write_bytes(text)
        size += len(text)
    return size


def scaled(document: dict, factor: float) -> dict:
    results = [
        one
        | {"rounds": [value * factor for value in one["rounds"]]}
        | (
            {"value": one["value"] * factor, "ci95": [end * factor for end in one["ci95"]]}
            if one["value"]
            else {}
        )
        for one in document["results"]
    ]
    return document | {"results": results}


def decode_all(files: list[str], decoder: msgspec.json.Decoder) -> None:
    for file in files:
        with Path(file).open("rb") as opened:
            decoder.decode(opened.read())


def whole(files: list[str]) -> None:
    gathered, reading = Gathered(), Reading()
    for read in stream(files, reading):
        gathered.add(read)
    judge(gathered, reading.withdrawn)


def one_size(nodes: int) -> None:
    fleet = make_fleet("scale", nodes, 1, max(1, round(BAD_SHARE * nodes)), SEED + nodes)
    with tempfile.TemporaryDirectory() as folder:
        # without waiting for the disk after each file, as bench does
        for name, content in records(fleet):
            (Path(folder) / name).write_bytes(content)
        started = time.perf_counter()
        files = record_files(Path(folder))
        gathered, reading = Gathered(), Reading()
        for read in stream(files, reading):
            gathered.add(read)
        judged = judge(gathered, reading.withdrawn)
        seconds = time.perf_counter() - started
        size = sum(Path(file).stat().st_size for file in files)
    found = {(one.node, one.device) for one in judged.outliers}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"| {nodes:,} | {len(fleet.bad):,} | {len(found & fleet.bad):,} | {len(found - fleet.bad):,} "
        f"| {seconds:.1f} s | {peak:,.0f} MiB | {size / 1e6:,.0f} MB |"
    )


if __name__ == "__main__":
    main()
