"""Where a run took place, on file trees that we make up and on this system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from bench.devices.system import pci
from bench.devices.system.files import parse_cpu_list
from bench.environment import Load, describe_environment, load, node_name
from bench.environment.libraries import build_facts
from bench.environment.node import chosen, container, job, node_facts
from bench.environment.variables import variable_facts

NODE_FILES = {
    "proc/cpuinfo": "processor\t: 0\nmicrocode\t: 0x2b0005c0\n\n",
    "proc/self/status": "Name:\tpython\nCpus_allowed_list:\t0-7\nMems_allowed_list:\t0-1\n",
    "proc/self/numa_maps": "5581 interleave:0-1 file=/usr/bin/python3 mapped=2\n5582 default heap\n",
    "proc/sys/kernel/numa_balancing": "1\n",
    "sys/devices/system/node/node0/x": "",
    "sys/devices/system/node/node1/x": "",
    "sys/devices/system/cpu/smt/active": "1\n",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver": "intel_pstate\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/kernel/mm/transparent_hugepage/defrag": "always defer [defer+madvise] never\n",
}


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_a_node_tells_its_settings(tmp_path: Path) -> None:
    found = node_facts(system(tmp_path, NODE_FILES), {"SLURM_JOB_ID": "4711"})
    told = {
        "smt": True,
        "turbo": False,
        "frequency_driver": "intel_pstate",
        "cpus_allowed": "0-7",
        "numa_nodes": 2,
        "numa_policy": "interleave:0-1",
        "numa_nodes_allowed": "0-1",
        "numa_balancing": True,
        "transparent_huge_pages": "madvise",
        "transparent_huge_pages_defrag": "defer+madvise",
        "container": None,
        "job": "slurm 4711",
    }
    assert {name: found[name] for name in told} == told
    if sys.platform == "linux":
        assert found["microcode"] == "0x2b0005c0"


def test_a_system_that_tells_nothing_gives_none(tmp_path: Path) -> None:
    found = node_facts(tmp_path, {})
    always = {"os", "kernel", "machine", "python"}
    assert {name for name, value in found.items() if value is not None} == always


CONTAINERS: list[tuple[dict[str, str], dict[str, str], str | None]] = [
    ({}, {}, None),
    ({".dockerenv": ""}, {}, "docker"),
    ({"run/.containerenv": ""}, {"container": "podman"}, "podman"),
    ({"proc/self/cgroup": "0::/kubepods.slice/pod1"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
    ({".singularity.d/x": ""}, {"APPTAINER_CONTAINER": "/x.sif"}, "apptainer"),
    ({".dockerenv": "", "proc/1/cgroup": "0::/kubepods/x"}, {}, "docker, kubernetes"),
    ({"proc/self/cgroup": "0::/user.slice"}, {"container": ""}, None),
]


@pytest.mark.parametrize(("files", "variables", "kinds"), CONTAINERS)
def test_containers(
    tmp_path: Path, files: dict[str, str], variables: dict[str, str], kinds: str | None
) -> None:
    assert container(system(tmp_path, files), variables) == kinds


def test_jobs_and_options() -> None:
    assert job({}) is None
    assert job({"PBS_JOBID": "7.head"}) == "pbs 7.head"
    assert chosen("always madvise [never]") == "never"
    assert chosen("") is None


def test_variables_that_matter_are_kept_and_secrets_never() -> None:
    found = variable_facts(
        {
            "OMP_NUM_THREADS": "2",
            "NVIDIA_TF32_OVERRIDE": "0",
            "LD_PRELOAD": "x" * 500,
            "TORCH_API_KEY": "secret",
            "HOME": "/root",
            "LC_ALL": "C",
        }
    )
    assert set(found) == {"env_OMP_NUM_THREADS", "env_NVIDIA_TF32_OVERRIDE", "env_LD_PRELOAD"}
    assert len(str(found["env_LD_PRELOAD"])) == 200


def test_versions_are_found_in_torchs_own_words() -> None:
    mkl = (
        "  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605 for Intel(R) 64\n"
        "  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80afa7)\n  - OpenMP 201511 (a.k.a. OpenMP 4.5)\n"
        "  - Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release"
    )
    assert build_facts(mkl) == {
        "torch_blas": "mkl",
        "mkl_version": "2024.2-Product",
        "onednn_version": "3.12.0",
        "openmp_version": "201511",
    }
    arm = build_facts("  - Build settings: BLAS_INFO=open, BUILD_TYPE=Release")
    assert (arm["torch_blas"], arm["mkl_version"], arm["onednn_version"]) == ("open", None, None)


def test_this_node_is_described_in_scalars() -> None:
    found = describe_environment()
    assert found["torch"]
    assert found["torch_blas"]
    assert found["numpy_blas"]
    assert {type(value) for value in found.values()} <= {str, int, float, bool, type(None)}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_parent_needs_no_torch() -> None:
    code = (
        "import sys; from bench.environment import Load, node_name; node_name(); Load().since(); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    paths = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, check=False)
    assert done.returncode == 0
    assert node_name()


Cpu = namedtuple("Cpu", "user system idle iowait steal guest")
Own = namedtuple("Own", "user system children_user children_system")


class Machine:
    """A stand-in for psutil: two CPUs, of which we may use the second, and processes by number."""

    Error = psutil.Error

    def __init__(self) -> None:
        self.cpus = [Cpu(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)] * 2
        self.spent = {1: Own(0.0, 0.0, 0.0, 0.0)}

    def cpu_times(self, percpu: bool) -> list[Cpu]:
        assert percpu
        return self.cpus

    def Process(self, pid: int = 1) -> Any:  # noqa: N802 - psutil's name
        if pid not in self.spent:
            raise psutil.NoSuchProcess(pid)
        return SimpleNamespace(pid=pid, cpu_times=lambda: self.spent[pid])


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    stand_in = Machine()
    monkeypatch.setattr(load, "require_psutil", lambda: stand_in)
    monkeypatch.setattr(load, "usable_cpus", lambda: (1,))
    return stand_in


def test_load_is_that_of_others_on_the_cpus_we_may_use(machine: Machine) -> None:
    begun = Load()
    machine.cpus = [Cpu(100.0, 0, 0, 0, 0, 0), Cpu(user=5, system=1, idle=2, iowait=0.5, steal=1.5, guest=3)]
    machine.spent[1] = Own(3.0, 1.0, 0.0, 0.0)
    assert begun.since() == {
        "other_load_fraction": pytest.approx((6 - 4) / 10),
        "steal_fraction": pytest.approx(0.15),
    }


@pytest.mark.parametrize("linux", [True, False])
def test_workers_count_as_ours_alive_or_dead(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, linux: bool
) -> None:
    monkeypatch.setattr(load, "LINUX", linux)
    alive = [7, 8]
    machine.spent |= {7: Own(100.0, 0, 0, 0), 8: Own(50.0, 0, 0, 0)}
    begun = Load(lambda: alive)
    machine.cpus = [machine.cpus[0], Cpu(10, 0, 0, 0, 0, 0)]
    machine.spent |= {7: Own(103.0, 1, 2, 0), 8: Own(53.0, 0, 0, 0)}
    assert begun.since()["other_load_fraction"] == pytest.approx(0.1)
    # Worker 8 ends: Linux adds its time to its parent's, other systems forget it.
    del machine.spent[8]
    alive.remove(8)
    machine.spent[1] = Own(0, 0, 53.0 if linux else 0.0, 0)
    assert begun.since()["other_load_fraction"] == pytest.approx(0.1)


def test_a_moment_too_short_to_tell_and_a_system_without_steal(machine: Machine) -> None:
    assert Load().since() == {"other_load_fraction": None, "steal_fraction": None}
    begun = Load()
    plain = namedtuple("plain", "user system idle")
    machine.cpus = [plain(2, 0, 2)] * 2  # type: ignore[list-item]
    assert begun.since() == {"other_load_fraction": 0.5, "steal_fraction": None}


def test_where_a_gpu_hangs(tmp_path: Path) -> None:
    folder = "bus/pci/devices/0000:c1:00.0"
    system(tmp_path, {f"{folder}/numa_node": "1\n", f"{folder}/local_cpulist": "0-2,8\n"})
    for bus_id in ("00000000:C1:00.0", "0000:c1:00.0"):
        assert pci.numa_node(bus_id, tmp_path) == 1
        assert pci.cpu_list(bus_id, tmp_path) == "0-2,8"
        assert pci.local_cpus(bus_id, tmp_path) == (0, 1, 2, 8)
    system(tmp_path, {f"{folder}/numa_node": "-1\n"})
    assert pci.numa_node("0000:c1:00.0", tmp_path) is None
    for absent in (None, "nonsense", "../../etc", "0000:c2:00.0"):
        assert (pci.cpu_list(absent, tmp_path), pci.local_cpus(absent, tmp_path)) == (None, ())
    assert parse_cpu_list("1-x") == ()
