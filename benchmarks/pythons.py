"""Figures of the pipeline, to be compared between versions of Python and between machines.

python benchmarks/pythons.py --write FIGURES.json     writes every number that some commands print
python benchmarks/pythons.py FIGURES.json             compares with it; exit code 1 beyond the tolerance

Needs neither torch nor pytest: an environment with the core packages is enough.
"""

from __future__ import annotations

import contextlib
import io
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flopcensus.cli import invoke  # noqa: E402  (the checkout comes first)

GOLDEN = ROOT / "tests" / "long_life" / "golden" / "0.1"
# float32 logarithms and cosines differ in the last digit between instruction sets, and nothing adds up more
TOLERANCE = 1e-6
_FACILITIES, _CLUSTER = str(GOLDEN / "facilities.yaml"), str(GOLDEN / "cluster.yaml")
LINES = {
    "estimate": f"estimate {_FACILITIES} --as-of 2026-06-30 --by territory,vendor --draws 2000",
    "h100e": f"estimate {_FACILITIES} --as-of 2026-06-30 --unit h100e --draws 2000",
    "bytes": f"estimate {_FACILITIES} --as-of 2026-06-30 --unit bytes_per_s --draws 2000",
    "drivers": f"estimate {_FACILITIES} --as-of 2026-06-30 --basis delivered --drivers --draws 500",
    "compare": f"compare {_CLUSTER} hedged --draws 500",
    "training": "training-run --flop 1e24 --accelerator nvidia-h100-sxm --count 16384 --draws 500",
    "rules": "export-control nvidia-h100-sxm",
}


def figures() -> dict[str, float]:
    """Return every number that the commands print as JSON, by its place."""
    found: dict[str, float] = {}
    for name, line in LINES.items():
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = invoke([*line.split(), "--format", "json"])
        if code not in {0, 1}:
            raise SystemExit(f"{name}: exit code {code}")
        found |= dict(_numbers(json.loads(out.getvalue()), name))
    return found


def _numbers(value: Any, place: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _numbers(one, f"{place}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _numbers(one, f"{place}[{number}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, float(value)


def difference(found: dict[str, float], pinned: dict[str, float]) -> tuple[float, str]:
    """Return the largest relative difference, and where it stands. Raises SystemExit where places differ."""
    if found.keys() != pinned.keys():
        raise SystemExit(f"places differ: {sorted(found.keys() ^ pinned.keys())[:5]}")
    apart = [
        (abs(found[p] - pinned[p]) / max(abs(pinned[p]), 1e-12), p) for p in pinned if found[p] != pinned[p]
    ]
    return max(apart, default=(0.0, ""))


def main() -> int:
    """Write the figures, or compare them."""
    found, file = figures(), Path(sys.argv[-1])
    if sys.argv[1] == "--write":
        file.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
        return 0
    worst, place = difference(found, json.loads(file.read_text(encoding="utf-8")))
    print(
        f"Python {platform.python_version()}: {len(found):,} figures, largest difference {worst:.1e} {place}"
    )
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
