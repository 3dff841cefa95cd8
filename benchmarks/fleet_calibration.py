"""The constants of `judging.robust`, and whether a sound fleet is left alone as often as promised.

python benchmarks/fleet_calibration.py [--constants] [--fleets 400] [--rate 0.05] [--tails normal|t5|skewed]

--constants fits, to simulated normal samples of each size, the t that (x − median) ÷ scale follows. Without
it, fleets of 24 nodes with 4 devices and no fault are judged; printed is the share of them with any outlier.
Further tails show what happens where sound devices are not: Student's t with 5 degrees, or a long lower
tail (an exponential added, as chips held back by power give).
"""

from __future__ import annotations

import argparse
import math

import msgspec
import numpy as np
from scipy import optimize, stats

from bench.fleets.decoding import decode
from bench.fleets.gathering import Gathered
from bench.fleets.judging import robust
from bench.fleets.judging.judge import judge
from bench.fleets.reading import Read
from bench.fleets.synthetic import Fleet, make_fleet, record

CHANCES = (1e-3, 1e-4, 1e-5)
SEED = 77


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--constants", action="store_true")
    parser.add_argument("--fleets", type=int, default=400)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--tails", choices=["normal", "t5", "skewed"], default="normal")
    arguments = parser.parse_args()
    if arguments.constants:
        constants()
    else:
        alarms(arguments.fleets, arguments.rate, arguments.tails)


def constants() -> None:
    print("values  degrees  factor   in use")
    for count in robust._COUNTS:
        rng = np.random.default_rng(SEED)
        size = int(count)
        samples = rng.standard_normal((min(400_000, 8_000_000 // size), size))
        distances = np.abs(samples - np.median(samples, axis=1, keepdims=True))
        start = np.median(distances, axis=1, keepdims=True) / robust._MAD_OF_NORMAL
        squares = np.minimum((distances / start) ** 2, robust._BOUND**2)
        scale = start * np.sqrt(squares.mean(axis=1, keepdims=True) / robust._BOUNDED_SQUARE)
        found = np.quantile(distances / scale, [1 - 2 * chance for chance in CHANCES])

        def off(logs: np.ndarray, found: np.ndarray = found) -> float:
            freedom, factor = np.exp(logs)
            return float(np.sum((np.log(factor * stats.t.isf(CHANCES, freedom)) - np.log(found)) ** 2))

        fitted = np.exp(optimize.minimize(off, [np.log(size), 0.0], method="Nelder-Mead").x)
        used = robust._reference(count)
        print(f"{size:6}  {fitted[0]:7.2f}  {fitted[1]:6.3f}   {used[0]:.2f} {used[1]:.3f}")


def alarms(fleets: int, rate: float, tails: str) -> None:
    raised = false = devices = 0
    for number in range(fleets):
        fleet = make_fleet("null", 24, 4, 0, 50_000 + number)
        rng = np.random.default_rng(number)
        gathered = Gathered()
        for node in range(fleet.nodes):
            document = changed(record(fleet, node), fleet, tails, rng)
            gathered.add(Read(str(node), decode(msgspec.json.encode(document)), node))
        judged = judge(gathered, rate=rate)
        found = {(one.node, one.device) for one in judged.outliers}
        raised += bool(found)
        false += len(found)
        devices += fleet.nodes * fleet.devices
    low, high = stats.binomtest(raised, fleets).proportion_ci(method="wilson")
    print(
        f"{tails}: {raised} of {fleets} sound fleets with an alarm ({raised / fleets:.1%}, 95 % interval "
        f"{low:.1%} to {high:.1%}); promised at most {rate:.1%}; {false} false alarms in {devices:,} devices"
    )


def changed(document: dict, fleet: Fleet, tails: str, rng: np.random.Generator) -> dict:
    """The record with its devices' arithmetic moved by what is not normal, of the fleet's own size."""
    if tails == "normal":
        return document
    sigma = fleet.sound["compute"]
    for device in document["devices"]:
        off = float(sigma * (rng.standard_t(5) if tails == "t5" else -rng.exponential()))
        factor = math.exp(off)
        for one in document["results"]:
            if one["device"] == device["id"] and one["metric"] == "flop_rate":
                one["rounds"] = [value * factor for value in one["rounds"]]
                one["value"] *= factor
                one["ci95"] = [end * factor for end in one["ci95"]]
                one["clock_mhz"] *= factor**0.8
    return document


if __name__ == "__main__":
    main()
