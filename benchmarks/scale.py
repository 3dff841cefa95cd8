"""How fast and how small an estimate is, as ratios measured in one run. See --help.

python benchmarks/scale.py                       a few minutes: all parts, up to 10⁵ facilities
python benchmarks/scale.py grouped 1000000 1000  10⁶ facilities by 1,000 draws
python benchmarks/scale.py factors --squigglepy squigglepy-0.30-py3-none-any.whl

Each figure comes from a process of its own, so that one's memory is not another's.

factors   2,000 facilities × 10,000 draws × 6 lognormal factors by country, beside squigglepy. Without a copy
          of squigglepy, beside what it does: each factor of each facility sampled in float64 by numpy.
grouped   facilities of one deployment each, uncertain counts, all four bases, 200 countries: four normals a
          facility and draw, beside the same number of bare normals of the same generator, both in one thread.
estimate  the command line on the shipped census, four bases, from a cold start.
rows      reading, validating and resolving a census of our flat CSV.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from accounting.accounts.account import account, percentiles
from accounting.capacity.bases import BASES
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.draws import product
from accounting.capacity.passes import TOTAL, Cell
from accounting.capacity.streams import Streams
from accounting.capacity.sums import Summation
from accounting.capacity.valuation import Chain, Term, Valuer
from accounting.census.flat import to_csv
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.readers import flat_ledger
from accounting.quantities import Uncertain
from accounting.reference.facts import load_facts

DAY = datetime.date(2026, 1, 1)
CHIPS = ("nvidia-h100-sxm", "amd-mi300x", "google-tpu-v4", "huawei-ascend-910b", "nvidia-a100-sxm-80gb")
COUNTRIES = 200
FACTORS = 6
NORMALS = 4


class Facilities:
    """Made-up facilities, made anew at each reading: none is kept."""

    def __init__(self, number: int, codes: list[str]) -> None:
        self.number, self.codes = number, codes
        self.owners = {code: (Owner(None, code, 1.0),) for code in codes}

    def __length_hint__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[Entry]:
        for i in range(self.number):
            count = 100.0 + i % 977
            code = self.codes[i * 7919 % len(self.codes)]
            yield Entry(
                f"e{i}", f"f{i}", f"facility {i}", code, self.owners[code], None, "private", CHIPS[i % 5],
                "nvidia", "US", Uncertain(count * 0.7, count, count * 1.5, "lognormal"), DAY, None,
                "operational", "reported", "https://example.org",
            )  # fmt: skip


def codes() -> list[str]:
    table = load_facts().names.countries
    assert table is not None
    return sorted(set(table.ids.values()))[:COUNTRIES]


def spread(facility: int, factor: int) -> tuple[float, float]:
    """Return the 5th and 95th percentile of one factor of one facility."""
    middle, width = 1.0 + facility % 7, 1.1 + 0.1 * factor
    return middle / width, middle * width


def measured(work: Callable[[], Any]) -> dict[str, Any]:
    """Return seconds (wall and of all cores), and megabytes above those before."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "above_mb": (peak - before.ru_maxrss) / 1024,
        "peak_mb": peak / 1024,
        "found": found,
    }


def factors_ours(facilities: int, draws: int) -> dict[str, Any]:
    """The factors are lognormal with their median midway: collapsed before drawing."""
    facts = load_facts()
    valuer = Valuer(facts, Calibration.of((), facts), bases=("peak",), size=draws)
    chain = Chain((), (), ("peak",))
    cells = [Cell((((((f"country {i}"),), 1.0),),)) for i in range(COUNTRIES)]

    def work() -> float:
        terms = []
        for i in range(facilities):
            pairs = [spread(i, k) for k in range(FACTORS)]
            one = product(Uncertain(a, (a * b) ** 0.5, b, "lognormal") for a, b in pairs)
            terms.append((Term(f"e{i}", f"f{i}", 1e15, one, chain, "reported"), cells[i % COUNTRIES]))
        rows = {row: percentiles(d[0]) for row, d in Summation(terms, valuer).rows()}
        return float(rows[TOTAL][1]) / 1e15

    return measured(work)


def factors_squigglepy(facilities: int, draws: int, wheel: str) -> dict[str, Any]:
    """Squigglepy's own sampler where there is a copy, else the same arithmetic in numpy."""
    sample = squigglepy_sampler(wheel, draws) if wheel else numpy_sampler(draws)

    def work() -> float:
        countries: dict[int, Any] = {}
        for i in range(facilities):
            value: Any = 1.0
            for k in range(FACTORS):
                value = value * sample(*spread(i, k))
            countries[i % COUNTRIES] = countries.get(i % COUNTRIES, 0.0) + value
        rows = [np.quantile(one, [0.05, 0.5, 0.95]) for one in countries.values()]
        assert len(rows) == COUNTRIES
        return float(np.quantile(sum(countries.values()), 0.5))

    return measured(work)


def squigglepy_sampler(wheel: str, draws: int) -> Callable[[float, float], Any]:
    sys.path.insert(0, wheel)
    # its progress bar and its processes, neither of which is used here
    for name, attribute in (("tqdm", "tqdm"), ("pathos", "multiprocessing")):
        try:
            importlib.import_module(name)
        except ImportError:
            stub = types.ModuleType(name)
            setattr(stub, attribute, types.ModuleType(attribute))
            sys.modules[name] = stub
            sys.modules[f"{name}.{attribute}"] = getattr(stub, attribute)
    import squigglepy  # type: ignore[import-not-found]  # noqa: PLC0415

    squigglepy.set_seed(1)
    # its intervals are of 90 %, as ours
    return lambda low, high: squigglepy.sample(squigglepy.lognorm(low, high), n=draws)


def numpy_sampler(draws: int) -> Callable[[float, float], Any]:
    generator = np.random.default_rng(1)

    def sample(low: float, high: float) -> Any:
        mean, width = np.log(low * high) / 2, np.log(high / low) / (2 * 1.6448536269514722)
        return generator.lognormal(mean, width, draws)

    return sample


def grouped(facilities: int, draws: int) -> dict[str, Any]:
    facts = load_facts()
    valuer = Valuer(facts, load_calibration(facts), bases=BASES, size=draws)
    entries = Facilities(facilities, codes())

    def work() -> int:
        found = account(entries, valuer, (("territory",),), as_of=DAY)
        return len(found["delivered"].accounts[0].rows)

    return measured(work)


def bare(facilities: int, draws: int) -> dict[str, Any]:
    """The normals that ``grouped`` takes, drawn and left; one stream for each."""

    def work() -> None:
        streams, out = Streams(0), np.empty(draws, np.float32)
        for i in range(facilities * NORMALS):
            streams.fill(f"bare/{i}", out)

    return measured(work)


def rows(number: int) -> dict[str, Any]:
    """Write a census of so many rows as our flat CSV, then read it."""
    facts = load_facts()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.csv"
        with path.open("w") as stream:
            entries = iter(Facilities(number, codes()))
            for first in range(0, number, 10_000):
                text = to_csv(Ledger("made up", tuple(islice(entries, 10_000))))
                stream.write(text if first == 0 else text.partition("\n")[2])
        return measured(lambda: len(flat_ledger.read(path, facts).entries))


CHILDREN = {f.__name__: f for f in (factors_ours, factors_squigglepy, grouped, bare, rows)}


def child(name: str, *arguments: Any) -> dict[str, Any]:
    """Run one of the above in a process of its own."""
    command = [sys.executable, __file__, "--child", name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show_factors(facilities: int, draws: int, wheel: str) -> None:
    theirs, ours = (
        child("factors_squigglepy", facilities, draws, wheel),
        child("factors_ours", facilities, draws),
    )
    name = "squigglepy 0.30" if wheel else "numpy as squigglepy draws"
    print(f"{facilities:,} facilities × {draws:,} draws × {FACTORS} lognormal factors, {COUNTRIES} countries")
    print(f"  {name}: {theirs['wall_s']:.2f} s; ours: {ours['wall_s']:.3f} s")
    wall, cpu = theirs["wall_s"] / ours["wall_s"], theirs["cpu_s"] / ours["cpu_s"]
    print(f"  ratio {wall:.1f} (of all cores' time {cpu:.1f})")
    print(
        f"  memory above the process before: ours {ours['above_mb']:.0f}, theirs {theirs['above_mb']:.0f} MB"
    )
    print(f"  medians of the total agree within {abs(ours['found'] / theirs['found'] - 1):.2%}")


def show_grouped(facilities: int, draws: int) -> None:
    normals, ours = child("bare", facilities, draws), child("grouped", facilities, draws)
    per = ours["wall_s"] / (facilities * draws) * 1e9
    print(f"{facilities:,} facilities × {draws:,} draws, {ours['found']} countries × {len(BASES)} bases")
    print(
        f"  {ours['wall_s']:.1f} s, {per:.1f} ns a facility and draw; {NORMALS} bare normals each: "
        f"{normals['wall_s']:.1f} s; ratio {ours['wall_s'] / normals['wall_s']:.2f} "
        f"(of all cores' time {ours['cpu_s'] / normals['cpu_s']:.2f}); peak {ours['peak_mb']:.0f} MB"
    )


def show_estimate(rounds: int = 5) -> None:
    command = [sys.executable, "-m", "flopcensus", "estimate", "--format", "json"]
    command += [word for basis in BASES for word in ("--basis", basis)]
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        taken.append(time.perf_counter() - start)
    print(f"estimate of the shipped census on four bases: {sorted(taken)[rounds // 2]:.2f} s (median)")


def show_rows(number: int) -> None:
    ours = child("rows", number)
    wall, cpu = ours["wall_s"], ours["cpu_s"]
    print(f"{number:,} rows of flat CSV read in {wall:.1f} s, {cpu / number * 1e6:.0f} µs of a core each")


def main() -> None:
    """Run the parts asked for."""
    if sys.argv[1:2] == ["--child"]:
        name, *arguments = sys.argv[2:]
        print(json.dumps(CHILDREN[name](*(int(a) if a.isdigit() else a for a in arguments))))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=["factors", "grouped", "estimate", "rows"])
    parser.add_argument("sizes", nargs="*", type=int, help="facilities and draws, or rows")
    parser.add_argument("--squigglepy", default="", help="a wheel of squigglepy, or the folder it is in")
    asked = parser.parse_args()
    if asked.part in (None, "factors"):
        show_factors(*(asked.sizes or (2_000, 10_000)), asked.squigglepy)
    if asked.part in (None, "grouped"):
        for sizes in [asked.sizes] if asked.sizes else [(10_000, 10_000), (10_000, 1_000), (100_000, 1_000)]:
            show_grouped(*sizes)
    if asked.part in (None, "estimate"):
        show_estimate()
    if asked.part in (None, "rows"):
        show_rows(*(asked.sizes or (100_000,)))


if __name__ == "__main__":
    main()
