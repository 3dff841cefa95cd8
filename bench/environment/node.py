"""What a node is and how it is set, from files of Linux; elsewhere most of it is None.

Files: Linux kernel documentation, ABI/stable/sysfs-devices-node, ABI/testing/sysfs-devices-system-cpu,
admin-guide/mm/transhuge, admin-guide/mm/numa_memory_policy.
"""

from __future__ import annotations

import os
import platform
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from bench.devices.system.files import ROOT, read_text
from bench.devices.system.processor import cpu_fields
from bench.record import Scalar

Environment = dict[str, Scalar]
# A sign of each kind of container: a file that it puts in place …
CONTAINER_FILES = {
    ".dockerenv": "docker",
    "run/.containerenv": "podman",
    ".singularity.d": "apptainer",
    "var/run/secrets/kubernetes.io": "kubernetes",
}
# … a variable that it sets …
CONTAINER_VARIABLES = {
    "KUBERNETES_SERVICE_HOST": "kubernetes",
    "APPTAINER_CONTAINER": "apptainer",
    "SINGULARITY_CONTAINER": "apptainer",
}
# … and a word in the path of its control group.
CONTAINER_GROUPS = {"kubepods": "kubernetes", "docker": "docker", "libpod": "podman", "lxc": "lxc"}
# Set by what `flopcensus launch kubernetes` prints.
NODE_NAME = "FLOPCENSUS_NODE"
JOBS = {"SLURM_JOB_ID": "slurm", "PBS_JOBID": "pbs", "LSB_JOBID": "lsf", "FLUX_JOB_ID": "flux"}


def node_name(variables: Mapping[str, str] = os.environ) -> str:
    """Host name of this node; in a pod, which has a name of its own, that of the node if it is told."""
    return variables.get(NODE_NAME, "").strip() or socket.gethostname() or "unknown"


def node_facts(root: Path = ROOT, variables: Mapping[str, str] = os.environ) -> Environment:
    """System, processor settings, memory policy, container and job."""
    return {
        "os": platform.platform(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **_processor_facts(root),
        **_memory_facts(root),
        "container": container(root, variables),
        "job": job(variables),
    }


def container(root: Path = ROOT, variables: Mapping[str, str] = os.environ) -> str | None:
    """Kinds of container around this process, ``docker, kubernetes``; None where nothing shows one."""
    found = {kind for file, kind in CONTAINER_FILES.items() if (root / file).exists()}
    found |= {kind for name, kind in CONTAINER_VARIABLES.items() if variables.get(name)}
    # systemd's convention for what starts a container.
    found |= {variables["container"]} if variables.get("container") else set()
    groups = read_text(root / "proc/self/cgroup") + read_text(root / "proc/1/cgroup")
    found |= {kind for word, kind in CONTAINER_GROUPS.items() if word in groups}
    return ", ".join(sorted(found)) or None


def job(variables: Mapping[str, str] = os.environ) -> str | None:
    """Scheduler and number of the batch job, ``slurm 4711``; None outside of one."""
    found = (f"{kind} {variables[name]}" for name, kind in JOBS.items() if variables.get(name))
    return next(found, None)


def _processor_facts(root: Path) -> Environment:
    cpu = root / "sys/devices/system/cpu"
    smt = read_text(cpu / "smt/active")
    return {
        "microcode": cpu_fields(root).get("microcode"),
        "hypervisor": read_text(root / "sys/hypervisor/type") or None,
        "frequency_driver": read_text(cpu / "cpu0/cpufreq/scaling_driver") or None,
        "turbo": _turbo(cpu),
        "smt": {"1": True, "0": False}.get(smt),
        "cpus_allowed": _status(root, "Cpus_allowed_list"),
    }


def _memory_facts(root: Path) -> Environment:
    huge = root / "sys/kernel/mm/transparent_hugepage"
    nodes = list((root / "sys/devices/system/node").glob("node[0-9]*"))
    balancing = read_text(root / "proc/sys/kernel/numa_balancing")
    return {
        "numa_nodes": len(nodes) or None,
        "numa_policy": _memory_policy(root),
        "numa_nodes_allowed": _status(root, "Mems_allowed_list"),
        "numa_balancing": balancing != "0" if balancing else None,
        "transparent_huge_pages": chosen(read_text(huge / "enabled")),
        "transparent_huge_pages_defrag": chosen(read_text(huge / "defrag")),
    }


def _turbo(cpu: Path) -> bool | None:
    """Whether clocks above the nominal are allowed, by Intel's driver or by any other's switch."""
    off, on = read_text(cpu / "intel_pstate/no_turbo"), read_text(cpu / "cpufreq/boost")
    if off:
        return off == "0"
    return on == "1" if on else None


def chosen(options: str) -> str | None:
    """``madvise`` of ``always [madvise] never``."""
    match = re.search(r"\[([^\]]+)\]", options)
    return match[1] if match else None


def _memory_policy(root: Path) -> str | None:
    """Policy of the first mapping, ``default`` or ``interleave:0-1``; numactl sets it for all of them."""
    first, _, _ = read_text(root / "proc/self/numa_maps").partition("\n")
    fields = first.split()
    return fields[1] if len(fields) > 1 else None


def _status(root: Path, key: str) -> str | None:
    match = re.search(rf"^{key}:\s*(\S+)", read_text(root / "proc/self/status"), re.MULTILINE)
    return match[1] if match else None
