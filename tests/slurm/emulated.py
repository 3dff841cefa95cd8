"""A Slurm of emulated nodes for tests: see ``cluster.sh``, which does the work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "cluster.sh"
ROOT = Path(__file__).parents[2]
NEEDED = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "ip", "tc", "nsenter", "unshare")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
# A machine that others load too starts two processes with torch in many seconds.
LONGEST_S = 240

needs_slurm = [
    pytest.mark.skipif(
        bool(MISSING), reason=f"slurm-wlm, munge and iproute2 are not installed: no {', '.join(MISSING)}"
    ),
    pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="namespaces need root"),
]

# What a node does first is what the test has put there; then it is the command of this checkout.
PROGRAM = """\
if [ -e '{folder}'/first/"$(hostname)" ]; then . '{folder}'/first/"$(hostname)"; fi
PYTHONPATH='{root}' exec '{python}' {module} "$@\""""


class Cluster:
    """Slurm, and the folder that all its nodes share.

    Args:
        folder: Where its files lie.
        count: How many nodes there are.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count
        # One measures for real, one a device that takes no CPU time, and one only says where it is.
        (folder / "first").mkdir()
        self.program = self._program("flopcensus", "-m flopcensus")
        self.sleeping = self._program("sleeping", f"'{Path(__file__).parent / 'sleeping.py'}'")
        self.present = self.write("present", 'echo "here is $(hostname), sees $CUDA_VISIBLE_DEVICES"')

    def _program(self, name: str, module: str) -> Path:
        return self.write(
            name, PROGRAM.format(folder=self.folder, root=ROOT, python=sys.executable, module=module)
        )

    def write(self, name: str, lines: str) -> Path:
        """A script of shell that every node can run."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return path

    def script(self, *words: str, check: bool = True) -> str:
        """Call ``cluster.sh`` with an action and what follows the folder, and return what it prints."""
        done = subprocess.run(
            [SCRIPT, words[0], self.folder, *words[1:]],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, *words: str, check: bool = True) -> str:
        """Run a command on the node that submits, and return what it prints."""
        return self.script("run", *words, check=check)

    def first(self, node: int, line: str) -> None:
        """Have a node run a line of shell before the command, until told otherwise."""
        (self.folder / "first" / f"n{node}").write_text(line + "\n")

    def submit(self, work: Path, *options: str, program: Path | None = None) -> str:
        """Submit what ``launch slurm`` prints, and return the number of the job."""
        nodes = () if "--nodes" in options else ("--nodes", str(self.count))
        said = self.call(
            "env", f"--chdir={work}", str(self.program), "launch", "slurm", *nodes, "--command",
            str(program or self.program), "--out", str(work / "out"), "--submit", *options,
        )  # fmt: skip
        assert said.startswith("Submitted batch job")
        return said.split()[-1]

    def until(self, what: Callable[[], object]) -> None:
        """Wait, but not for ever."""
        end = time.monotonic() + LONGEST_S
        while not what():
            assert time.monotonic() < end, "".join(
                path.read_text(errors="replace")[-2000:] for path in self.folder.glob("log/*")
            )
            time.sleep(0.3)

    def states(self) -> list[str]:
        """How each node is, in order: ``idle``, ``alloc``, ``drain``, ``down``, …."""
        return self.call("sinfo", "-h", "-N", "-o", "%t", check=False).split()

    def until_idle(self) -> None:
        """Wait until every node waits for a job."""
        self.until(lambda: self.states() == ["idle"] * self.count)

    def clear(self) -> None:
        """End all jobs and take all nodes back, whatever the test before has left."""
        self.call("scancel", "--user", "root")
        self.call("scontrol", "update", f"nodename=n[1-{self.count}]", "state=resume", check=False)
        for path in (self.folder / "first").iterdir():
            path.unlink()
        self.until_idle()

    def facts(self, job: str) -> dict[str, str]:
        """What Slurm says of a job: ``JobState``, ``Reason``, ``ExitCode``, …."""
        shown = self.call("scontrol", "--oneliner", "show", "job", job)
        return {name: value for name, _, value in (word.partition("=") for word in shown.split())}

    def wait(self, job: str) -> str:
        """Wait until a job has ended, and return how: ``0:0`` for well."""
        self.until(lambda: not self.call("squeue", "-h", "-t", "PD,R", "-j", job, check=False).strip())
        return self.facts(job)["ExitCode"]


@contextmanager
def emulated(folder: Path, count: int) -> Iterator[Cluster]:
    """A cluster whose nodes wait for jobs; skips the test where the machine cannot have one."""
    up = subprocess.run(
        [SCRIPT, "up", folder, str(count), str(os.getpid())],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    try:
        if up.returncode:
            pytest.skip(f"no cluster can be emulated here: {' '.join(up.stderr.split())[-300:]}")
        found = Cluster(folder, count)
        found.until_idle()
        yield found
    finally:
        subprocess.run([SCRIPT, "down", folder], check=False, capture_output=True, timeout=300)
