"""A batch script for Slurm: one task a node, which measures all its devices.

Directives are read by sbatch itself, in a syntax of its own, so that they take plain names only; everything
else stands in the script quoted for the shell. https://slurm.schedmd.com/sbatch.html,
https://slurm.schedmd.com/srun.html
"""

from __future__ import annotations

import math
import shlex
import subprocess
from dataclasses import dataclass
from typing import Literal

from bench.errors import InputError
from flopcensus.launching.wanted import Wanted, plain_name, shell_line

SUBMIT_SECONDS = 120.0


@dataclass(frozen=True)
class SlurmJob:
    """What Slurm is asked for; None leaves it to the site's default.

    Attributes:
        name: Of the job.
        gpus_per_node: GPUs of each node; 0 to ask for none.
        partition: Where it runs.
        account: Who pays.
        qos: Quality of service.
        image: Container image.
        container: What runs it.
        vendor: Whose GPUs a container is given.
        through: Whether srun starts bench, or torchrun on each node.
    """

    name: str = "flopcensus"
    gpus_per_node: int = 0
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    image: str | None = None
    container: Literal["apptainer", "pyxis"] = "apptainer"
    vendor: Literal["nvidia", "amd"] = "nvidia"
    through: Literal["srun", "torchrun"] = "srun"


def slurm_script(run: Wanted, job: SlurmJob) -> str:
    """The script.

    Raises:
        InputError: A name is not plain, or a folder cannot be given to a container.
    """
    lines = [
        "#!/usr/bin/env bash",
        *(f"#SBATCH {directive}" for directive in _directives(run, job)),
        "set -euo pipefail",
        f"out={shlex.quote(run.out)}",
        'mkdir -p -- "$out"',
        'out=$(realpath -- "$out")',
    ]
    if job.through == "torchrun":
        lines += _TORCHRUN_SETUP
    lines += [
        "# A node or task that fails must not end the others; the one task of a node may use all its cores.",
        " ".join(_step(run, job)),
    ]
    return "\n".join(lines) + "\n"


def submit(script: str) -> str:
    """Hand a script to sbatch; what it says.

    Raises:
        InputError: There is no sbatch here, it refuses the script, or it does not answer.
    """
    try:
        done = subprocess.run(
            ["sbatch"],  # noqa: S607 - wherever the site has put it
            input=script,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=SUBMIT_SECONDS,
        )
    except FileNotFoundError as error:
        raise InputError(
            "sbatch is not here: leave out --submit and take the script to a login node"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"sbatch did not answer in {SUBMIT_SECONDS:.0f} s; look whether the job is in squeue"
        ) from error
    if done.returncode:
        raise InputError(
            f"sbatch refuses the script: {' '.join(done.stderr.split()) or 'it does not say why'}"
        )
    return done.stdout.strip()


def _directives(run: Wanted, job: SlurmJob) -> list[str]:
    minutes = math.ceil(run.limit / 60)
    named = {"partition": job.partition, "account": job.account, "qos": job.qos}
    return [
        f"--job-name={plain_name('--job-name', job.name)}",
        f"--nodes={run.nodes}",
        "--ntasks-per-node=1",
        "--exclusive",
        "--no-kill",
        *([f"--gpus-per-node={job.gpus_per_node}"] if job.gpus_per_node else []),
        f"--time={minutes // 60:02d}:{minutes % 60:02d}:00",
        *(f"--{name}={plain_name('--' + name, value)}" for name, value in named.items() if value is not None),
    ]


_TORCHRUN_SETUP = (
    'read -r first < <(scontrol show hostnames "$SLURM_JOB_NODELIST")',
    "port=$((20000 + SLURM_JOB_ID % 10000))",
    'export FLOPCENSUS_LAUNCH_ID="slurm-$SLURM_JOB_ID-$(date +%s)"',
)
# Node rank and address are given: a rendezvous would hang where names do not resolve.
_ON_A_NODE = (
    'exec torchrun --nnodes "$SLURM_NNODES" --node-rank "$SLURM_NODEID" --nproc-per-node 1 '
    '--master-addr "$0" --master-port "$1" --no-python "${@:2}"'
)


def _step(run: Wanted, job: SlurmJob) -> list[str]:
    """The words of the srun line, already quoted."""
    words = ["srun", "--ntasks-per-node=1", "--cpu-bind=none", "--no-kill", "--kill-on-bad-exit=0", "--label"]
    if job.image is not None:
        words += _contained(job, job.image)
    if job.through == "torchrun":
        words += ["bash", "-c", shlex.quote(_ON_A_NODE), '"$first"', '"$port"']
    # Every node sees the folder, so that the first can say who has not come.
    bench = shell_line([run.command, "bench"]), "--out", '"$out"', "--gather", shell_line(run.arguments)
    return [*words, *(word for word in bench if word)]


def _contained(job: SlurmJob, image: str) -> list[str]:
    if not image or image.startswith("-") or "\0" in image:
        raise InputError(f"--image must be the name or path of an image (found {image[:60]!r})")
    if job.container == "pyxis":
        return [f"--container-image={shlex.quote(image)}", '--container-mounts="$out:$out"']
    flags = {"nvidia": ["--nv"], "amd": ["--rocm"]}[job.vendor] if job.gpus_per_node else []
    return ["apptainer", "exec", *flags, '--bind="$out"', shlex.quote(image)]
