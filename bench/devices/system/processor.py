"""What a CPU says of itself on Linux, macOS and Windows; what it does not say is left out."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.devices.system.files import ROOT, parse_cpu_list, read_text

# Flags that decide how fast a matrix product can be: Linux's name → ours.
ISA_FLAGS = {
    "avx2": "avx2",
    "fma": "fma",
    "avx_vnni": "avx_vnni",
    "avx512f": "avx512f",
    "avx512_vnni": "avx512_vnni",
    "avx512_bf16": "avx512_bf16",
    "avx512_fp16": "avx512_fp16",
    "amx_tile": "amx_tile",
    "amx_bf16": "amx_bf16",
    "amx_int8": "amx_int8",
    "amx_fp16": "amx_fp16",
    "amx_tf32": "amx_tf32",
    "amx_fp8": "amx_fp8",
    "asimd": "neon",
    "asimdhp": "arm_fp16",
    "asimddp": "dotprod",
    "bf16": "arm_bf16",
    "i8mm": "i8mm",
    "sve": "sve",
    "sve2": "sve2",
    "svebf16": "sve_bf16",
    "sme": "sme",
    "vsx": "vsx",
}
NATIVE_BF16 = frozenset({"avx512_bf16", "amx_bf16", "arm_bf16", "sve_bf16"})
SYSCTL_FLAGS = {
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512f": "avx512f",
    "hw.optional.neon": "neon",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_FP16": "arm_fp16",
    "hw.optional.arm.FEAT_BF16": "arm_bf16",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_SME": "sme",
}


def model_name(root: Path = ROOT) -> str:
    """Model name as the processor or the system reports it."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string") or platform.machine()
    fields = cpu_fields(root)
    name = fields.get("model name") or fields.get("cpu") or _arm_name(fields)
    return name or platform.processor() or platform.machine() or "unknown CPU"


def isa(root: Path = ROOT) -> tuple[str, ...]:
    """Instruction sets that matter to matrix products, in the order of `ISA_FLAGS`."""
    if sys.platform == "darwin":
        return tuple(name for key, name in SYSCTL_FLAGS.items() if _sysctl(key) == "1")
    fields = cpu_fields(root)
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return tuple(name for flag, name in ISA_FLAGS.items() if flag in flags)


def is_virtual(root: Path = ROOT) -> bool | None:
    """Whether a hypervisor runs beneath; None where the processor does not say."""
    flags = cpu_fields(root).get("flags")
    return None if flags is None else "hypervisor" in flags.split()


def last_level_cache_bytes(root: Path = ROOT) -> int | None:
    """Last-level cache, all instances that serve the usable cores. Unit: B."""
    if sys.platform == "darwin":
        sizes = (_sysctl(key) for key in ("hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize"))
        return next((int(size) for size in sizes if size.isdigit() and int(size)), None)
    instances = (_last_cache(root, cpu) for cpu in usable_cpus())
    return sum(dict(found for found in instances if found).values()) or None


def data_caches_bytes(root: Path = ROOT) -> tuple[int, ...]:
    """Data caches as the first usable core sees them, first level first; empty where not told. Unit: B."""
    if sys.platform == "darwin":
        sizes = (_sysctl(key) for key in ("hw.perflevel0.l1dcachesize", "hw.perflevel0.l2cachesize"))
        return tuple(int(size) for size in sizes if size.isdigit() and int(size))
    return tuple(size for _, _, size in sorted(_data_caches(root, usable_cpus()[0])))


def usable_cpus() -> tuple[int, ...]:
    """Logical CPUs that the affinity mask allows; all of them where there is no mask."""
    if sys.platform == "linux":
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def cpus_by_memory_node(root: Path = ROOT) -> tuple[tuple[int, ...], ...]:
    """Usable logical CPUs of each memory node that has any, in its order; empty where nothing tells."""
    usable = set(usable_cpus())
    folders = sorted(root.glob("sys/devices/system/node/node[0-9]*"), key=lambda one: int(one.name[4:]))
    nodes = (usable.intersection(parse_cpu_list(read_text(folder / "cpulist"))) for folder in folders)
    return tuple(tuple(sorted(cpus)) for cpus in nodes if cpus)


def physical_cores(root: Path = ROOT) -> int | None:
    """Cores that the usable logical CPUs are threads of; None where the system does not tell."""
    folder = root / "sys/devices/system/cpu"
    siblings = [read_text(folder / f"cpu{cpu}/topology/thread_siblings_list") for cpu in usable_cpus()]
    return len(set(siblings)) if all(siblings) else None


def clock_mhz(root: Path = ROOT) -> float | None:
    """Current clock where the frequency driver tells it, the mean over the usable cores. Unit: MHz."""
    return _mean_frequency(root, "scaling_cur_freq")


def max_clock_mhz(root: Path = ROOT) -> float | None:
    """Highest clock the frequency driver allows, the mean over the usable cores. Unit: MHz.

    Cores of two kinds differ in it; times the number of cores the mean gives what all can do together.
    """
    return _mean_frequency(root, "cpuinfo_max_freq")


def governor(root: Path = ROOT) -> str | None:
    """Frequency governor of the first core; None where none is visible."""
    return read_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None


def cpu_fields(root: Path = ROOT) -> dict[str, str]:
    """The first processor's fields of /proc/cpuinfo; empty where there is none."""
    first, _, _ = read_text(root / "proc/cpuinfo").partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _arm_name(fields: dict[str, str]) -> str:
    implementer, part = fields.get("CPU implementer"), fields.get("CPU part")
    return f"Arm implementer {implementer} part {part}" if implementer and part else ""


def _last_cache(root: Path, cpu: int) -> tuple[str, int] | None:
    """The highest-level data cache of a core: the cores that share it, and its size in bytes."""
    found = max(_data_caches(root, cpu), default=None)
    return found and found[1:]


def _data_caches(root: Path, cpu: int) -> Iterable[tuple[int, str, int]]:
    """Data caches of a core: level, the cores that share it, size in bytes."""
    for folder in (root / f"sys/devices/system/cpu/cpu{cpu}/cache").glob("index*"):
        level, size = read_text(folder / "level"), parse_size(read_text(folder / "size"))
        if level.isdigit() and size is not None and read_text(folder / "type") != "Instruction":
            yield int(level), read_text(folder / "shared_cpu_list") or str(cpu), size


def parse_size(text: str) -> int | None:
    """``107520K`` as bytes. Unit: B."""
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]] if match else None


def _mean_frequency(root: Path, file: str) -> float | None:
    folders = (root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq" for cpu in usable_cpus())
    texts = (read_text(folder / file) for folder in folders)
    khz = [int(text) for text in texts if text.isdigit()]
    return sum(khz) / len(khz) / 1000 if khz else None


def _sysctl(key: str) -> str:
    try:
        # The command is fixed, and the key is one of ours.
        done = subprocess.run(  # noqa: S603
            ["/usr/sbin/sysctl", "-n", key],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
