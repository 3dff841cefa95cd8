"""What devices say of themselves, on systems that we make up and on this one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.devices.cpu import CpuDevice, usable_cores
from bench.devices.present import present_devices
from bench.devices.selection import select_devices
from bench.devices.system import cgroup, processor
from bench.errors import DeviceError

GROUP_V2 = "0::/jobs/mine\n"
GROUP_V1 = "4:memory:/jobs/mine\n3:cpu,cpuacct:/jobs/mine\n1:cpu:/jobs/mine\n"


def system(root: Path, files: dict[str, str]) -> Path:
    """A file tree that stands for the root of a system."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


QUOTAS: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"proc/self/cgroup": GROUP_V2, "sys/fs/cgroup/jobs/mine/cpu.max": "max 100000\n"}, None),
    ({"proc/self/cgroup": GROUP_V2, "sys/fs/cgroup/jobs/mine/cpu.max": "150000 100000\n"}, 1.5),
    (
        {
            "proc/self/cgroup": GROUP_V2,
            "sys/fs/cgroup/jobs/mine/cpu.max": "800000 100000",
            "sys/fs/cgroup/jobs/cpu.max": "200000 100000",
        },
        2.0,
    ),
    # Inside a container the group's own path is not visible, only the mount.
    ({"proc/self/cgroup": "0::/../outside\n", "sys/fs/cgroup/cpu.max": "50000 100000"}, 0.5),
    (
        {
            "proc/self/cgroup": GROUP_V1,
            "sys/fs/cgroup/cpu/jobs/mine/cpu.cfs_quota_us": "400000",
            "sys/fs/cgroup/cpu/jobs/mine/cpu.cfs_period_us": "100000",
        },
        4.0,
    ),
    (
        {
            "proc/self/cgroup": GROUP_V1,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
        None,
    ),
    ({"proc/self/cgroup": "nonsense", "sys/fs/cgroup/cpu.max": "nonsense"}, None),
]


@pytest.mark.parametrize(("files", "cores"), QUOTAS)
def test_cpu_quota(tmp_path: Path, files: dict[str, str], cores: float | None) -> None:
    assert cgroup.cpu_quota_cores(system(tmp_path, files)) == cores


MEMORY: list[tuple[dict[str, str], int | None]] = [
    ({}, None),
    ({"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": "5"}, None),
    ({"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "400"}, 600),
    ({"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "1400"}, 0),
    (
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "500",
        },
        1500,
    ),
    # The kernel gives back what it keeps of files that nobody has read lately.
    (
        {
            "sys/fs/cgroup/memory.max": "1000",
            "sys/fs/cgroup/memory.current": "900",
            "sys/fs/cgroup/memory.stat": "anon 300\nfile 600\ninactive_file 500\nactive_file 100\n",
        },
        600,
    ),
    (
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "1900",
            "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 700\n",
        },
        800,
    ),
    (
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "500",
        },
        None,
    ),
]


@pytest.mark.parametrize(("files", "headroom_bytes"), MEMORY)
def test_memory_headroom(tmp_path: Path, files: dict[str, str], headroom_bytes: int | None) -> None:
    assert cgroup.memory_headroom_bytes(system(tmp_path, files)) == headroom_bytes


def test_usable_cores_obey_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "usable_cpus", lambda: (0, 1, 2, 3))
    for quota, cores in ((None, 4.0), (1.5, 1.5), (64.0, 4.0)):
        monkeypatch.setattr(cgroup, "cpu_quota_cores", lambda quota=quota: quota)
        assert usable_cores() == cores


X86 = (
    "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) 8480+\n"
    "flags\t\t: fpu avx2 avx512f avx512_bf16 hypervisor\n\n"
)
ARM = "processor\t: 0\nFeatures\t: fp asimd sve bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n\n"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")


@linux_only
def test_an_x86_server_is_recognised(tmp_path: Path) -> None:
    root = system(tmp_path, {"proc/cpuinfo": X86 + X86.replace("8480+", "other")})
    assert processor.model_name(root) == "Intel(R) Xeon(R) 8480+"
    assert processor.isa(root) == ("avx2", "avx512f", "avx512_bf16")
    assert processor.is_virtual(root) is True


@linux_only
def test_an_arm_server_is_recognised(tmp_path: Path) -> None:
    root = system(tmp_path, {"proc/cpuinfo": ARM})
    assert processor.model_name(root) == "Arm implementer 0x41 part 0xd4f"
    assert processor.isa(root) == ("neon", "arm_bf16", "sve")
    assert processor.is_virtual(root) is None


@linux_only
def test_a_system_that_tells_nothing_still_has_a_name(tmp_path: Path) -> None:
    assert processor.model_name(tmp_path)
    assert processor.isa(tmp_path) == ()
    assert processor.last_level_cache_bytes(tmp_path) is None
    assert processor.clock_mhz(tmp_path) is None
    assert processor.governor(tmp_path) is None


@linux_only
def test_caches_that_cores_share_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "usable_cpus", lambda: (0, 1, 2))
    files: dict[str, str] = {}
    for cpu, shared in ((0, "0-1"), (1, "0-1"), (2, "2-3")):
        for index, level, kind, size in (
            (0, 1, "Data", "48K"),
            (1, 1, "Instruction", "64K"),
            (3, 3, "Unified", "32M"),
        ):
            folder = f"sys/devices/system/cpu/cpu{cpu}/cache/index{index}"
            files |= {f"{folder}/level": str(level), f"{folder}/type": kind, f"{folder}/size": size}
            files[f"{folder}/shared_cpu_list"] = shared
    assert processor.last_level_cache_bytes(system(tmp_path, files)) == 64 << 20


@pytest.mark.parametrize(
    ("text", "size"), [("48K", 49152), ("2M", 2 << 20), ("7", 7), ("", None), ("x", None)]
)
def test_cache_sizes(text: str, size: int | None) -> None:
    assert processor.parse_size(text) == size


def test_memory_nodes_hold_the_cpus_that_may_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "usable_cpus", lambda: (1, 2, 9, 10))
    node = "sys/devices/system/node/node"
    files = {f"{node}0/cpulist": "0-3,8", f"{node}2/cpulist": "", f"{node}10/cpulist": "9-11"}
    system(tmp_path, files)
    assert processor.cpus_by_memory_node(tmp_path) == ((1, 2), (9, 10))
    assert processor.cpus_by_memory_node(tmp_path / "nothing") == ()


@linux_only
def test_clock_is_the_mean_over_usable_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "usable_cpus", lambda: (0, 1))
    folder = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq"
    root = system(tmp_path, {folder.format(0): "2000000\n", folder.format(1): "3000000\n"})
    assert processor.clock_mhz(root) == 2500


def test_this_cpu_describes_itself() -> None:
    device = present_devices()["cpu"]()
    found = device.description
    assert (found.id, found.kind, found.accelerator, found.peak) == ("cpu", "cpu", None, {})
    assert found.name
    assert 0 < (found.cores_usable or 0) <= (found.cores_present or 0)
    assert 0 < device.free_memory_bytes() <= (found.memory_bytes or 0)


def test_cpu_without_bf16_instructions_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for isa, native in ((("avx2", "avx512f"), False), (("amx_bf16",), True), (("neon", "arm_bf16"), True)):
        monkeypatch.setattr(processor, "isa", lambda isa=isa: isa)
        reason = CpuDevice().lacks("bf16")
        assert (reason is None) is native
        assert CpuDevice().lacks("fp32") is None


def test_threads_follow_the_quota_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    device = CpuDevice()
    monkeypatch.setattr(cgroup, "cpu_quota_cores", lambda: 1.5)
    with device.activated():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_each_call_is_timed_and_meters_are_read_after_the_last() -> None:
    calls: list[str] = []
    batch = CpuDevice().time_calls(lambda: calls.append("call"), 3, lambda: calls.append("meter"))
    assert calls == ["call", "call", "call", "meter"]
    assert len(batch.call_seconds) == 3
    assert batch.total_seconds == pytest.approx(sum(batch.call_seconds))


@pytest.mark.parametrize(
    ("selector", "present", "chosen"),
    [
        ("auto", (), ("cpu",)),
        ("auto", ("cuda:0", "cuda:1"), ("cuda:0", "cuda:1")),
        ("all", ("cuda:0",), ("cpu", "cuda:0")),
        ("cuda", ("cuda:0", "cuda:1", "xpu:0"), ("cuda:0", "cuda:1")),
        ("cuda:1", ("cuda:0", "cuda:1"), ("cuda:1",)),
        ("cuda:1, cpu, cuda", ("cuda:0", "cuda:1"), ("cuda:1", "cpu", "cuda:0")),
    ],
)
def test_selection(selector: str, present: tuple[str, ...], chosen: tuple[str, ...]) -> None:
    assert select_devices(selector, ("cpu", *present)) == chosen


@pytest.mark.parametrize("selector", ["cuda:7", "gpu", "", "cpu,tpu"])
def test_an_absent_device_is_named_with_those_present(selector: str) -> None:
    with pytest.raises(DeviceError, match="found cpu, cuda:0"):
        select_devices(selector, ("cpu", "cuda:0"))
