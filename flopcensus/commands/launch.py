"""``flopcensus launch``: what starts ``bench`` on many nodes, for the launcher that a site has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

_EXAMPLE = """\b
Examples (what stands after -- goes to bench):
  flopcensus launch slurm --nodes 4 --gpus-per-node 8 --partition gpu -- --quick
  flopcensus launch kubernetes --nodes 4 --image IMAGE --claim records
  flopcensus launch ssh --hosts hosts.txt -- --quick | bash
  flopcensus launch torchrun --nodes 4 --host node0
"""
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _example(call: str) -> str:
    return f"\b\nExample:\n  flopcensus launch {call}\n"


@click.group("launch", epilog=_EXAMPLE)
def command() -> None:
    """Print what starts bench on many nodes, one process a node.

    Nothing is started, except with --submit by Slurm. Every node writes a record; the first says who has not
    come.
    """


def _shared(*, nodes: bool = True, out: str = "results/bench") -> Callable[[_Function], _Function]:
    """The options that every launcher takes."""
    options = [
        click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- BENCH OPTIONS]"),
        click.option("--out", default=out, show_default=True, metavar="DIR", help="Folder for the records."),
        click.option(
            "--command",
            "program",
            default="flopcensus",
            show_default=True,
            metavar="PATH",
            help="How flopcensus is called on a node.",
        ),
        click.option(
            "--time",
            metavar="TIME",
            help="Give a node up after this: minutes, MM:SS, HH:MM:SS or D-HH:MM:SS "
            "[default: twice bench's budget and 15 min].",
        ),
    ]
    if nodes:
        options.append(
            click.option(
                "--nodes", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many."
            )
        )

    def add(function: _Function) -> _Function:
        for option in options:
            function = option(function)
        return function

    return add


_GPUS = click.option(
    "--gpus-per-node", type=click.IntRange(0, 1024), default=0, show_default=True, help="GPUs of each node."
)
_VENDOR = click.option(
    "--vendor", type=click.Choice(["nvidia", "amd"]), default="nvidia", show_default=True, help="Whose GPUs."
)


@command.command("slurm", epilog=_example("slurm --nodes 4 --gpus-per-node 8 --partition gpu -- --quick"))
@_shared()
@_GPUS
@_VENDOR
@click.option("--partition", metavar="NAME", help="Where it runs.")
@click.option("--account", metavar="NAME", help="Who pays.")
@click.option("--qos", metavar="NAME", help="Quality of service.")
@click.option("--name", default="flopcensus", show_default=True, help="Of the job.")
@click.option("--image", metavar="IMAGE", help="Container image to run in.")
@click.option(
    "--container",
    type=click.Choice(["apptainer", "pyxis"]),
    default="apptainer",
    show_default=True,
    help="What runs the image.",
)
@click.option(
    "--through",
    type=click.Choice(["srun", "torchrun"]),
    default="srun",
    show_default=True,
    help="What starts bench on a node; with torchrun, a node that fails ends the others.",
)
@click.option(
    "--at-least",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Make do with N nodes where --nodes are not to be had [default: wait for all].",
)
@click.option("--submit", is_flag=True, help="Hand the script to sbatch in place of printing it.")
def slurm(
    *,
    arguments: tuple[str, ...],
    out: str,
    program: str,
    time: str | None,
    nodes: int,
    gpus_per_node: int,
    vendor: Literal["nvidia", "amd"],
    partition: str | None,
    account: str | None,
    qos: str | None,
    name: str,
    image: str | None,
    container: Literal["apptainer", "pyxis"],
    through: Literal["srun", "torchrun"],
    at_least: int | None,
    submit: bool,
) -> None:
    """Print a batch script; --out must lie on a disk that all nodes share."""
    from flopcensus.launching import slurm as launcher
    from flopcensus.launching.bench_run import bench_run

    run = bench_run(nodes, out, arguments, command=program, limit_seconds=_seconds(time))
    job = launcher.SlurmJob(
        name, gpus_per_node, partition, account, qos, image, container, vendor, through, at_least
    )
    script = launcher.slurm_script(run, job)
    if submit:
        click.echo(launcher.submit(script))
    else:
        click.echo(script, nl=False)


@command.command("kubernetes", epilog=_example("kubernetes --nodes 4 --image IMAGE --claim records"))
@_shared(out="/tmp/records")  # noqa: S108 - in a container of its own
@_GPUS
@_VENDOR
@click.option("--image", required=True, metavar="IMAGE", help="Container image that holds flopcensus.")
@click.option("--name", default="flopcensus", show_default=True, help="Of the Job.")
@click.option("--namespace", metavar="NAME", help="Where it lives [default: the context's].")
@click.option(
    "--claim",
    metavar="NAME",
    help="PersistentVolumeClaim for the records, writable by all pods "
    "[default: each pod prints its record, for kubectl logs].",
)
@click.option("--jobset", is_flag=True, help="Print a JobSet in place of a Job.")
def kubernetes(
    *,
    arguments: tuple[str, ...],
    out: str,
    program: str,
    time: str | None,
    nodes: int,
    gpus_per_node: int,
    vendor: Literal["nvidia", "amd"],
    image: str,
    name: str,
    namespace: str | None,
    claim: str | None,
    jobset: bool,
) -> None:
    """Print the manifest of an Indexed Job, one pod a node, for kubectl apply -f -."""
    from flopcensus.launching.bench_run import bench_run
    from flopcensus.launching.kubernetes import KubernetesJob, kubernetes_manifest

    run = bench_run(
        nodes, out, arguments, command=program, limit_seconds=_seconds(time), owned=_kubernetes_owns(claim)
    )
    job = KubernetesJob(image, name, gpus_per_node, vendor, claim, namespace, jobset)
    click.echo(kubernetes_manifest(run, job), nl=False)


@command.command("ssh", epilog=_example("ssh --hosts hosts.txt -- --quick | bash"))
@_shared(nodes=False)
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="A node, as ssh knows it (repeatable).")
@click.option(
    "--hosts",
    "listed",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File that names a node a line; # begins a comment.",
)
@click.option(
    "--parallel", type=click.IntRange(1, 1000), default=64, show_default=True, help="Nodes at a time."
)
@click.option(
    "--remote-dir",
    default="flopcensus-records",
    show_default=True,
    metavar="DIR",
    help="Folder on each node, of its own disk.",
)
def ssh(
    *,
    arguments: tuple[str, ...],
    out: str,
    program: str,
    time: str | None,
    hosts: tuple[str, ...],
    listed: Path | None,
    parallel: int,
    remote_dir: str,
) -> None:
    """Print a script that measures hosts over ssh and brings their records into --out, here."""
    from flopcensus.launching.bench_run import bench_run
    from flopcensus.launching.ssh import host_names, ssh_script

    named = [*hosts, *(host_names(listed) if listed else [])]
    run = bench_run(
        len(named), out, arguments, command=program, limit_seconds=_seconds(time), owned=("output",)
    )
    click.echo(ssh_script(run, named, parallel, remote_dir), nl=False)


@command.command("torchrun", epilog=_example("torchrun --nodes 4 --host node0"))
@_shared()
@click.option("--host", metavar="HOST", help="Node that the others meet at, where there are several.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=29400, show_default=True, help="Where they meet."
)
@click.option("--id", "run_id", default="flopcensus", show_default=True, help="Of the launch.")
def torchrun(
    *,
    arguments: tuple[str, ...],
    out: str,
    program: str,
    time: str | None,
    nodes: int,
    host: str | None,
    port: int,
    run_id: str,
) -> None:
    """Print the line that is to be run on each node; with torchrun, a node that fails ends the others."""
    from flopcensus.launching.bench_run import bench_run
    from flopcensus.launching.torchrun import torchrun_line

    run = bench_run(nodes, out, arguments, command=program, limit_seconds=_seconds(time))
    click.echo(torchrun_line(run, host, run_id, port), nl=False)


def _kubernetes_owns(claim: str | None) -> tuple[str, ...]:
    """Without a volume the record is what a pod prints, and nothing else may be."""
    return ("patience_seconds",) if claim else ("output",)


def _seconds(time: str | None) -> float | None:
    from flopcensus.launching.bench_run import parse_duration

    return None if time is None else parse_duration(time)
