"""Metamorphic laws of the pipeline, over samples of the shipped census: how far each is missed at most.

python benchmarks/metamorphic.py [--censuses N] [--entries N] [--seeds N] [--seed S]

Exit code 1 where a law is missed by more than its tolerance, or the interval holds too few or too many draws.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from accounting.census.sources import load_census
from accounting.quantities import exact
from tests.numbers import laws


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--censuses", type=int, default=100)
    parser.add_argument("--entries", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--seed", default="1")
    asked = parser.parse_args()
    whole = load_census([], laws.known()[0])
    worst = dict.fromkeys([*laws.LAWS, "splitting, peak", "splitting, standard errors"], 0.0)
    for number in range(asked.censuses):
        chance = random.Random(f"{asked.seed}/{number}")
        ledger = replace(whole, entries=tuple(chance.sample(whole.entries, asked.entries)))
        for name, law in laws.LAWS.items():
            worst[name] = max(worst[name], law(ledger))
        counted = [replace(e, count=exact(e.count.best, "count")) for e in ledger.entries if e.count]
        peak, errors = laws.splitting(replace(ledger, entries=tuple(counted)))
        worst["splitting, peak"] = max(worst["splitting, peak"], peak)
        worst["splitting, standard errors"] = max(worst["splitting, standard errors"], errors)
    worst["streaming"] = max(laws.streaming(n, f"stream {n}", 100_000) for n in range(asked.censuses))
    tolerance = laws.TOLERANCE | {"splitting, peak": 1e-6, "splitting, standard errors": 5.0}
    for name, far in worst.items():
        print(f"{name:28} {far:9.1e} of {tolerance[name]:.0e} allowed")
    inside, drawn = laws.coverage(ledger, range(asked.seeds))
    spread = 4 * (0.09 / drawn) ** 0.5
    print(f"{'inside 5 to 95 %':28} {inside / drawn:9.3f} of {drawn} seeds (0.9 ± {spread:.3f} allowed)")
    kept = all(far <= tolerance[name] for name, far in worst.items())
    return 0 if kept and abs(inside / drawn - 0.9) <= spread else 1


if __name__ == "__main__":
    sys.exit(main())
