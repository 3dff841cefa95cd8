"""How many planted faults are found, by ours and by published rules on the very same fleets.

python benchmarks/fleet_detection.py [--seed 2026] [--fleets 20] [--nodes 24] [--devices 4] [--bad 4]

Rules that are compared, each at its published threshold; what a record alone says (wrong results,
errors of memory, throttling, a narrow link) is given to all of them:

- median: a device is bad where a metric lies 5 % or more below the fleet's median. It is the rule that
SuperBench's
  documentation gives for its data diagnosis (``variance``, ``lambda x: x < -0.05``, microsoft.github.io/
  superbenchmark, "Data Diagnosis"), with the median as baseline.
- similarity: SuperBench (Xiong et al., USENIX ATC 2024, section 3.4, threshold 0.95): the similarity of two
  samples is 1 less the area between their cumulative distributions over the larger of the areas under them;
  the criterion is the sample that is most similar to all others, learnt anew while those below 0.95 are left
  out.

The seeds of the fleets reported are fixed; what was tuned was tuned on others (below 1000, and 5001 to 5004).
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict

import numpy as np

from bench.fleets.decoding import decode
from bench.fleets.gathering import Gathered
from bench.fleets.judging.judge import judge
from bench.fleets.reading import Read
from bench.fleets.synthetic import Fleet, make_fleet, node_name, records

Bad = set[tuple[str, str]]
SIMILAR, BELOW_MEDIAN = 0.95, 0.05


def main() -> None:
    arguments = parsed()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    planted: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for number in range(arguments.fleets):
        fleet = make_fleet(
            f"f{number}", arguments.nodes, arguments.devices, arguments.bad, 1000 * arguments.seed + number
        )
        kinds = {(f"{a}", f"{b}"): fault.name for (a, b), fault in named(fleet).items()}
        planted.update(kinds.values())
        for rule, flagged in rules(fleet).items():
            found[rule].update(kinds[one] for one in flagged & fleet.bad)
            false[rule] += len(flagged - fleet.bad)
            if arguments.missed and rule == "ours":
                for one in fleet.bad - flagged:
                    print("missed", fleet.name, one, named(fleet)[one])
                for one in flagged - fleet.bad:
                    print("false", fleet.name, one)
    names = sorted(planted)
    print(f"| rule | found of {planted.total()} | false alarms | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 3) + "|")
    print(f"| planted | | | {' | '.join(str(planted[name]) for name in names)} |")
    for rule, counts in found.items():
        cells = " | ".join(str(counts[name]) for name in names)
        print(f"| {rule} | {counts.total()} | {false[rule]} | {cells} |")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--fleets", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=24)
    parser.add_argument("--devices", type=int, default=4)
    parser.add_argument("--bad", type=int, default=4)
    parser.add_argument("--missed", action="store_true", help="List what ours missed.")
    return parser.parse_args()


def named(fleet: Fleet) -> dict[tuple[str, str], object]:
    return {(node_name(node), f"cuda:{device}"): fault for (node, device), fault in fleet.planted.items()}


def rules(fleet: Fleet) -> dict[str, Bad]:
    gathered, samples = Gathered(), defaultdict(dict)
    for place, (name, content) in enumerate(records(fleet)):
        record = decode(content)
        gathered.add(Read(name, record, place))
        for result in record.results:
            if result.status == "ok":
                samples[result.workload, result.precision][record.node, result.device] = result.rounds
    judged = judge(gathered)
    told = {(o.node, o.device) for o in judged.outliers if o.distance is None and o.device}
    ours = {(o.node, o.device) for o in judged.outliers if o.device}
    for one in judged.outliers:
        if one.device is None:
            ours |= {(one.node, f"cuda:{device}") for device in range(fleet.devices)}
    return {
        "ours": ours,
        "similarity": told.union(*(by_similarity(one) for one in samples.values())),
        "median": told.union(*(by_median(one) for one in samples.values())),
    }


def by_median(sample: dict[tuple[str, str], list[float]]) -> Bad:
    values = {device: float(np.median(rounds)) for device, rounds in sample.items()}
    middle = float(np.median(list(values.values())))
    return {device for device, value in values.items() if value < (1 - BELOW_MEDIAN) * middle}


def by_similarity(sample: dict[tuple[str, str], list[float]]) -> Bad:
    devices = list(sample)
    rounds = np.sort(np.array([sample[device] for device in devices]), axis=1)
    alike = similarity(rounds)
    good = np.ones(len(devices), dtype=bool)
    while True:
        centre = int(np.argmax(np.where(good, (alike * good).sum(axis=1), -1)))
        fewer = good & (alike[centre] >= SIMILAR)
        if (fewer == good).all() or not fewer.any():
            break
        good = fewer
    # one-sided: what is unlike the criterion because it is faster is not bad
    slower = rounds.mean(axis=1) < rounds[centre].mean()
    return {device for device, fits, slow in zip(devices, good, slower, strict=True) if not fits and slow}


def similarity(rounds: np.ndarray) -> np.ndarray:
    """1 − ∫|F−G| ÷ ∫max(1−F, 1−G) over [0, ∞), for samples of one size: sums over sorted values."""
    apart = np.abs(rounds[:, None, :] - rounds[None, :, :]).mean(axis=2)
    most = np.maximum(rounds[:, None, :], rounds[None, :, :]).mean(axis=2)
    return 1 - apart / most


if __name__ == "__main__":
    main()
