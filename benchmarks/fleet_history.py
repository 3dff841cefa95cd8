"""How long a history takes to write and to ask, how large it is, and how often its alarms are false.

python benchmarks/fleet_history.py size [--nights 365] [--nodes 100] [--devices 8] [--metrics 10] [--seed
2026] python benchmarks/fleet_history.py rates [--series 8000] [--repeats 20] [--seed 2026]

``size`` writes the nights one by one, as a site would, and then asks; ``--by month`` puts a month into a
folder instead of a date, for comparison. ``rates`` plants changes of known date and size into simulated
series.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bench.fleets.decoding import Device, FleetRecord, Result
from bench.fleets.history.asking import Asked, Wanted
from bench.fleets.history.batch import Batch
from bench.fleets.history.changes import changes, false_discoveries, night_correlation, screen
from bench.fleets.history.dataset import History, counts
from bench.fleets.synthetic import WORKS, node_name

START = datetime(2025, 1, 1, 2, tzinfo=UTC)


def night(number: int, nodes: int, devices: int, metrics: int, seed: int) -> Iterator[FleetRecord]:
    """Records of one night; the levels of devices stay from night to night."""
    sound = np.random.default_rng(seed).normal(0, 0.01, (nodes, devices, metrics))
    rng = np.random.default_rng([seed, number])
    values = np.exp(sound + rng.normal(0, 0.003, sound.shape)) * [one.rate for one in WORKS[:metrics]]
    watts, heat = rng.normal(690, 5, sound.shape), rng.normal(62, 2, sound.shape)
    environment = {"torch": "2.13.0+cu130", "cuda": "13.0"}
    for node in range(nodes):
        described = [device(seed, node, place) for place in range(devices)]
        results = [
            Result(
                workload=work.workload,
                device=f"cuda:{place}",
                precision=work.precision,
                metric=work.metric,
                unit=work.unit,
                status="ok",
                shape={"m": 8192, "n": 8192, "k": 8192},
                value=(v := float(values[node, place, column])),
                ci95=(0.998 * v, 1.002 * v),
                clock_mhz=1755.0 + round(4 * float(watts[node, place, column] - 690)),
                power_w=float(watts[node, place, column]),
                temperature_c=float(round(heat[node, place, column])),
                correct=True,
                throttled=False,
            )
            for place in range(devices)
            for column, work in enumerate(WORKS[:metrics])
        ]
        created = START + timedelta(days=number, seconds=node % 3600)
        yield FleetRecord(
            node_name(node), created, "0.1.0", "default", 300.0, 0, described, environment, results,
            schema_="flopcensus/record/1",
        )  # fmt: skip


def device(seed: int, node: int, place: int) -> Device:
    unique = blake2b(f"{seed} {node} {place}".encode(), digest_size=8).hexdigest()
    return Device(
        f"cuda:{place}", "cuda", "NVIDIA H100 80GB HBM3", "nvidia-h100-sxm", uuid=f"GPU-{unique}",
        driver="580.65.06", memory_bytes=85_017_624_576,
    )  # fmt: skip


def batch_of(records: Iterator[FleetRecord]) -> Batch:
    batch = Batch()
    for one in records:
        content = blake2b(f"{one.node} {one.created}".encode(), digest_size=16).hexdigest()
        batch.add(one, content)
    return batch


def size(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History.at(Path(folder) / "history")
        gathering = writing = 0.0
        last = 0.0
        for number in range(arguments.nights):
            records = night(number, arguments.nodes, arguments.devices, arguments.metrics, arguments.seed)
            begun = time.perf_counter()
            batch = batch_of(records)
            gathering += time.perf_counter() - begun
            begun = time.perf_counter()
            history.merge(batch)
            last = time.perf_counter() - begun
            writing += last
        begun = time.perf_counter()
        history.merge(batch)
        again = time.perf_counter() - begun
        held = counts(history)
        rows = arguments.nights * arguments.nodes * arguments.devices * arguments.metrics
        print(
            f"rows {rows:,}; files {held['files']}; "
            f"{held['bytes'] / 1e6:.1f} MB, {held['bytes'] / rows:.0f} a row"
        )
        print(f"made up and gathered {gathering:.1f} s; written {writing:.1f} s, the last night {last:.2f} s")
        print(f"the last night once more {again:.2f} s")
        for words, wanted in (
            ("all", Wanted()),
            ("one metric", Wanted(metric="gemm bf16")),
            ("last 30 nights", Wanted(since=(START + timedelta(days=arguments.nights - 30)).date())),
        ):
            begun = time.perf_counter()
            nights = Asked(history, wanted).nights()
            print(f"asked for {words}: {time.perf_counter() - begun:.2f} s, {len(nights.log):,} values")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"most memory {peak:.2f} GiB")


RATE = 0.05


def rates(arguments: argparse.Namespace) -> None:
    """Series in which nothing changed, then such of which 1 % did; by length, noise, size and date."""
    print("| nights | noise | alarms without a change | false | size, nights ago | found | date ±1 | held |")
    print("|---|---|---|---|---|---|---|---|")
    for nights in (30, 90, 365):
        for noise in ("normal", "outliers", "φ = 0.3"):
            alarms = [
                bool(len(judged(made(arguments, nights, noise, n), RATE))) for n in range(arguments.repeats)
            ]
            first = f"{sum(alarms)} of {len(alarms)}"
            for size, ago in ((0.01, 20), (0.02, 10), (0.05, 5), (0.05, 10)):
                print(f"| {nights} | {noise} | {first} | {planted(arguments, nights, noise, size, ago)} |")
                first = ""


def made(arguments: argparse.Namespace, nights: int, noise: str, number: int) -> np.ndarray:
    """Series of logs: 0.3 % scatter from night to night."""
    rng = np.random.default_rng([arguments.seed, nights, len(noise), number])
    values = rng.normal(0, 0.003, (arguments.series, nights + 40))
    if noise.startswith("φ"):
        for night_ in range(1, nights + 40):
            values[:, night_] += 0.3 * values[:, night_ - 1]
    values = values[:, 40:]
    if noise == "outliers":
        values -= (rng.random(values.shape) < 0.03) * rng.uniform(0.02, 0.5, values.shape)
    return values


def judged(values: np.ndarray, rate: float) -> dict[int, tuple[int, float, float, float]]:
    """Place, size and interval of what is found, by series."""
    splits = screen(values).splits
    correlation = max(0.0, float(np.median(night_correlation(values[:500], splits[:500]))))
    chances = screen(values, correlation).chances
    limit = false_discoveries(list(chances), rate)
    found = {}
    for row in np.flatnonzero(chances <= limit):
        if steps := changes(values[row], limit, correlation):
            one = steps[-1]
            found[int(row)] = (one.place, one.size, one.low, one.high)
    return found


def planted(arguments: argparse.Namespace, nights: int, noise: str, size_: float, ago: int) -> str:
    """Change one series in a hundred, and say what was found of it."""
    total = hits = near = held = false = 0
    for number in range(max(1, arguments.repeats // 10)):
        values = made(arguments, nights, noise, 1000 + number)
        bad = range(0, arguments.series, 100)
        values[bad, nights - ago :] += np.log1p(-size_)
        found = judged(values, RATE)
        total += len(bad)
        false += len(set(found) - set(bad))
        mine = [found[one] for one in bad if one in found]
        hits += len(mine)
        near += sum(abs(place - (nights - ago)) <= 1 for place, *_ in mine)
        held += sum(low <= np.log1p(-size_) <= high for *_, low, high in mine)
    share = [f"{100 * part / hits:.0f} %" if hits else "–" for part in (near, held)]
    wrong, right = false / max(1, false + hits), hits / total
    return f"{100 * wrong:.1f} % | {100 * size_:.0f} %, {ago} | {100 * right:.0f} % | {share[0]} | {share[1]}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["size", "rates"])
    for name, value in {
        "nights": 365, "nodes": 100, "devices": 8, "metrics": 10, "seed": 2026, "series": 8000, "repeats": 20,
    }.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    size(arguments) if arguments.what == "size" else rates(arguments)


if __name__ == "__main__":
    main()
