"""A hundredth of each campaign of benchmarks/, with seeds of its own; docs/reliability.md has the figures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="watches folders with inotify")


def campaign(repository: Path, script: str, *options: str) -> list[str]:
    """The lines that a campaign prints; it fails by itself where anything is lost."""
    done = subprocess.run(
        [sys.executable, str(repository / "benchmarks" / script), *options],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@ON_LINUX
@pytest.mark.parametrize(("case", "kills"), [("convert to CSV", "2"), ("bench", "1")])
def test_a_kill_loses_nothing_that_was_finished(repository: Path, case: str, kills: str) -> None:
    header, row, *more = campaign(
        repository, "crashes.py", "--seed", "tests", "--kills", kills, "--case", case
    )
    assert not more
    assert row.startswith(case)
    figures = dict(zip(["kills", "failures"], [row.split()[-8], row.split()[-2]], strict=True))
    assert figures == {"kills": kills, "failures": "0"}, header


@ON_LINUX
def test_two_at_once_never_mix_and_a_missing_temporary_folder_harms_nothing(repository: Path) -> None:
    asked = ("--case", "convert to CSV", "--fault", "temporary", "--fault", "twice", "--rounds", "1")
    assert campaign(repository, "faults.py", *asked)[-1] == "2 runs, 0 failures"


def test_flipped_bits_are_seen_and_right_products_pass(repository: Path) -> None:
    asked = ("--flips", "4", "--clean", "70", "--seed", "tests", "--workload", "gemm")
    lines = campaign(repository, "corruption.py", *asked)
    rows = {line[:20].strip(): line[30:] for line in lines if line.startswith("gemm")}
    for name in ("gemm fp64 128", "gemm fp32 128"):
        sign, high_exponent, *_ = rows[name].split()
        assert (sign, high_exponent) == ("100.0%", "100.0%"), name
    assert lines[-1].startswith("0 false alarms in")
    assert lines[-1].endswith("; 0 flips missed by digests")
