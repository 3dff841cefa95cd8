"""How long the command line takes to answer: medians over rounds, beside bare Python.

python benchmarks/startup.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
FLOPCENSUS = str(Path(sys.executable).with_name("flopcensus"))
CALLS = {
    "bare python": [sys.executable, "-c", "pass"],
    "flopcensus --help": [FLOPCENSUS, "--help"],
    "flopcensus --version": [FLOPCENSUS, "--version"],
    "flopcensus estimate --help": [FLOPCENSUS, "estimate", "--help"],
    "flopcensus estimate": [FLOPCENSUS, "estimate", "--as-of", "2026-06-30", "--format", "json"],
}


def main(rounds: int = ROUNDS) -> None:
    """Time all calls in turn, so that a busy moment of the machine falls on all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in CALLS}
    # byte code is written in the round before the first, as it is for every user
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as elsewhere:
        for counted in [False, *[True] * rounds]:
            for name, command in CALLS.items():
                start = time.perf_counter()
                subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, check=True)
                if counted:
                    seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    bare = medians["bare python"]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, median of {rounds} rounds")
    print(f"{'':28}{'median':>10}{'beyond bare':>14}{'fastest':>10}{'slowest':>10}   (ms)")
    for name, median in medians.items():
        low, high = min(seconds[name]), max(seconds[name])
        print(
            f"{name:28}{median * 1e3:10.0f}{(median - bare) * 1e3:14.0f}{low * 1e3:10.0f}{high * 1e3:10.0f}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
