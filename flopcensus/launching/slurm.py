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
from flopcensus.launching.bench_run import BenchRun
from flopcensus.launching.quoting import plain_name, shell_line

SUBMIT_SECONDS = 120.0


@dataclass(frozen=True)
class SlurmJob:
    """What Slurm is asked for; None leaves it to the site's default.

    Attributes:
        name: Name of the job.
        gpus_per_node: GPUs of each node; 0 to ask for none.
        partition: Where it runs.
        account: Account that the time is charged to.
        qos: Quality of service.
        image: Container image.
        container: What runs the image.
        vendor: Maker of the GPUs, which says how a container is given them.
        through: Whether srun starts bench, or torchrun on each node.
        at_least: Nodes to make do with where all asked for are not to be had; None for all.
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
    at_least: int | None = None


def slurm_script(run: BenchRun, job: SlurmJob) -> str:
    """The script.

    Raises:
        InputError: A name is not plain, a folder cannot be given to a container, or more nodes are the least
            than are asked for.
    """
    lines = [
        "#!/usr/bin/env bash",
        *(f"#SBATCH {directive}" for directive in _directives(run, job)),
        "set -euo pipefail",
        f"out={shlex.quote(run.out)}",
        'mkdir -p -- "$out"',
        'out=$(realpath -- "$out")',
    ]
    lines += _STEP
    if job.through == "torchrun":
        lines += _TORCHRUN_SETUP
    elif not _inside(job):
        lines += _TASK
    lines += [" ".join(_step(run, job)) + " || code=$?", *_END]
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


def _directives(run: BenchRun, job: SlurmJob) -> list[str]:
    minutes = math.ceil(run.limit_s / 60)
    named = {"partition": job.partition, "account": job.account, "qos": job.qos}
    return [
        f"--job-name={plain_name('--job-name', job.name)}",
        f"--nodes={_nodes(run.nodes, job.at_least)}",
        "--ntasks-per-node=1",
        "--exclusive",
        "--no-kill",
        *([f"--gpus-per-node={job.gpus_per_node}"] if job.gpus_per_node else []),
        f"--time={minutes // 60:02d}:{minutes % 60:02d}:00",
        *(f"--{name}={plain_name('--' + name, value)}" for name, value in named.items() if value is not None),
    ]


def _nodes(most: int, least: int | None) -> str:
    if least is not None and least > most:
        raise InputError(f"--at-least must not be more than --nodes (found {least} and {most})")
    return str(most) if least in (None, most) else f"{least}-{most}"


# Seen with Slurm 22.05: without a route to one node, srun ends what it has started on all others.
_STEP = r"""
# A node or task that fails must not end the others; the one task of a node may use all its cores.
step=(srun --ntasks-per-node=1 --cpu-bind=none --no-kill --kill-on-bad-exit=0)
# Where one node cannot be reached srun starts none: then each is tried alone, and those that answer are used.
code=0
if ! "${step[@]}" true; then
  mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
  found=$(printf '%s\n' "${nodes[@]}" | xargs -P 32 -I {} \
    srun --nodes=1 --ntasks=1 --cpu-bind=none --overlap --nodelist={} printenv SLURMD_NODENAME) || code=1
  reached=()
  for node in "${nodes[@]}"; do
    if grep -qxF -- "$node" <<<"$found"; then
      reached+=("$node")
    else
      printf 'error: %s cannot be reached: nothing is started there\n' "$node" >&2
    fi
  done
  step+=(--overlap --nodes="${#reached[@]}" --ntasks="${#reached[@]}")
  step+=(--nodelist="$(IFS=,; echo "${reached[*]}")")
fi
""".strip().splitlines()
# Exit code 1 of rank 0: it has waited for all. Whoever it had to give up may hang on a node that is well.
_TASK = r"""
# Rank 0 waits for all others: what still runs when it has given them up is ended, and so the job.
read -rd '' task <<'BASH' || true
code=0
"$@" || code=$?
if [ "$SLURM_PROCID" = 0 ] && [ "$code" = 1 ]; then
  trap '' TERM
  sleep 5
  scancel "$SLURM_JOB_ID.$SLURM_STEP_ID"
fi
exit "$code"
BASH
""".strip().splitlines()
_TORCHRUN_SETUP = r"""
read -r first < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
first=${reached[0]:-$first}
port=$((20000 + SLURM_JOB_ID % 10000))
FLOPCENSUS_LAUNCH_ID="slurm-$SLURM_JOB_ID-$(date +%s)"
export FLOPCENSUS_LAUNCH_ID
# Node rank and address are given: a rendezvous would hang where names do not resolve.
read -rd '' task <<'BASH' || true
exec torchrun --nnodes "$SLURM_STEP_NUM_NODES" --node-rank "$SLURM_NODEID" --nproc-per-node 1 \
  --master-addr "$0" --master-port "$1" --no-python "${@:2}"
BASH
""".strip().splitlines()
# Tasks that were ended count as the fault that ended them.
_END = ("exit $((code > 127 ? 1 : code))",)


def _inside(job: SlurmJob) -> bool:
    """Whether all of a task runs in its container, where Slurm's own commands may not be."""
    return job.image is not None and job.container == "pyxis"


def _step(run: BenchRun, job: SlurmJob) -> list[str]:
    """The words of the srun line, already quoted."""
    words = ['"${step[@]}"', "--label"]
    contained = [] if job.image is None else _contained(job, job.image)
    if job.through == "torchrun":
        words += [*contained, "bash", "-c", '"$task"', '"$first"', '"$port"']
    else:
        words += contained if _inside(job) else ["bash", "-c", '"$task"', "task", *contained]
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
