"""How fast a long CSV is read, and how little memory that takes: peak beyond that of a short file.

python benchmarks/readers.py [ROWS]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from accounting.census.readers.cells import amount
from accounting.census.readers.reading import Reading
from accounting.census.readers.tables import open_table

ROWS = 1_000_000
COLUMNS = 12


def write(path: Path, rows: int) -> None:
    """Write a table in which every third row has a fault."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write(",".join(f"column {place}" for place in range(COLUMNS)) + "\n")
        for row in range(rows):
            first = f"bad {row}" if row % 3 == 0 else str(row)
            stream.write(first + ',"a name, in quotes",2024-05-31,1.5e18' + ",x" * (COLUMNS - 4) + "\n")


def read(path: Path) -> None:
    """Read it in this process, and say how long that took and how much memory it had at most (MB)."""
    start = time.process_time()
    reading = Reading(open_table(path))
    for row in reading.rows():
        if reading.take(row, "column 0", amount) is None:
            reading.leave_out(row.line, "no number", row.text("column 0"))
        else:
            reading.keep(row.line)
    readout = reading.finish()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(readout.rows, readout.kept, time.process_time() - start, peak_mb)


def measure(path: Path, rows: int) -> tuple[int, int, float, float]:
    """Return rows, rows kept, seconds and peak memory (MB) of a fresh process that reads ``rows`` rows."""
    write(path, rows)
    command = [sys.executable, __file__, "--read", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    seen, kept, seconds, peak_mb = done.stdout.split()
    return int(seen), int(kept), float(seconds), float(peak_mb)


def main(rows: int = ROWS) -> None:
    """Compare a long file with a short one."""
    with tempfile.TemporaryDirectory() as folder:
        short = measure(Path(folder) / "short.csv", 1000)
        long = measure(Path(folder) / "long.csv", rows)
        size_mb = (Path(folder) / "long.csv").stat().st_size / 1e6
    print(f"{long[0]:,} rows ({size_mb:.0f} MB): {long[2]:.1f} s, {long[0] / long[2]:,.0f} rows a second")
    print(f"peak memory {long[3]:.0f} MB, with 1,000 rows {short[3]:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(Path(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:2]))
