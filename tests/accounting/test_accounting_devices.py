"""Devices as drivers describe them, and the accelerator, part and peak that they are."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from accounting.reference.accelerators import Accelerator
from accounting.reference.devices import DeviceMatch, match_device
from accounting.reference.facts import Facts
from bench.record import DeviceDescription

GIB = 1 << 30


def gpu(
    name: str,
    units: int | None = None,
    memory_gib: float | None = None,
    architecture: str | None = None,
    **more: Any,
) -> DeviceDescription:
    memory = None if memory_gib is None else int(memory_gib * GIB)
    kind: Literal["cuda", "rocm"] = "rocm" if name.startswith("AMD") else "cuda"
    return DeviceDescription(
        id="cuda:0", kind=kind, name=name, units=units, memory_bytes=memory, architecture=architecture, **more
    )


def matched(description: DeviceDescription, facts: Facts) -> DeviceMatch:
    found = match_device(description, facts)
    assert found is not None
    return found


def sheet(facts: Facts, accelerator: str | None) -> Accelerator:
    return facts.accelerators[accelerator or ""]


@pytest.mark.parametrize(
    ("name", "units", "memory_gib", "architecture", "accelerator"),
    [
        ("NVIDIA H100 80GB HBM3", 132, 79.1, "9.0", "nvidia-h100-sxm"),
        ("NVIDIA H100 PCIe", 114, 79.1, "9.0", "nvidia-h100-pcie"),
        ("NVIDIA H100 NVL", 132, 93.1, "9.0", "nvidia-h100-nvl"),
        ("NVIDIA H200", 132, 139.8, "9.0", "nvidia-h200-sxm"),
        ("NVIDIA GH200 480GB", 132, 94.5, "9.0", "nvidia-gh200"),
        ("NVIDIA A100-SXM4-40GB", 108, 39.4, "8.0", "nvidia-a100-sxm-40gb"),
        ("NVIDIA A100-SXM4-80GB", 108, 79.3, "8.0", "nvidia-a100-sxm-80gb"),
        ("NVIDIA A100-PCIE-40GB", 108, 39.4, "8.0", "nvidia-a100-pcie-40gb"),
        ("NVIDIA A100 80GB PCIe", 108, 79.3, "8.0", "nvidia-a100-pcie-80gb"),
        ("NVIDIA L40S", 142, 44.4, "8.9", "nvidia-l40s"),
        ("NVIDIA B200", 148, 178.4, "10.0", "nvidia-b200-sxm"),
        ("AMD Instinct MI210", 104, 63.98, "gfx90a:sramecc+:xnack-", "amd-mi210"),
        ("AMD Instinct MI300X", 304, 191.98, "gfx942:sramecc+:xnack-", "amd-mi300x"),
        ("AMD Instinct MI300X VF", 304, 191.7, "gfx942:sramecc+:xnack-", "amd-mi300x"),
        ("AMD Instinct MI325X", 304, 255.98, "gfx942:sramecc+:xnack-", "amd-mi325x"),
        ("AMD Instinct MI355X", 256, 287.98, "gfx950:sramecc+:xnack-", "amd-mi355x"),
    ],
)
def test_a_whole_device_has_its_sheets_peak(
    facts: Facts, name: str, units: int, memory_gib: float, architecture: str, accelerator: str
) -> None:
    found = matched(gpu(name, units, memory_gib, architecture), facts)
    assert found.accelerator == accelerator
    assert found.variant is None
    assert found.peak["bf16"] == sheet(facts, accelerator).peak["bf16"]
    assert found.peak["fp16"] == found.peak["bf16"]
    assert found.flop_per_clock["bf16"] >= 1024


def test_volta_has_fp16_and_no_bf16(facts: Facts) -> None:
    found = matched(gpu("Tesla V100-SXM2-16GB", 80, 15.8, "7.0"), facts)
    assert found.peak["fp16"] == pytest.approx(125e12)
    assert "bf16" not in found.peak
    assert "bf16" not in found.flop_per_clock


@pytest.mark.parametrize(
    ("name", "units", "accelerator"),
    [
        ("AMD Instinct MI250X", 110, "amd-mi250x"),
        ("AMD Instinct MI250X / MI250", 110, "amd-mi250x"),
        ("AMD Instinct MI250X / MI250", 104, "amd-mi250"),
    ],
)
def test_a_die_of_two_has_half_the_sheet(facts: Facts, name: str, units: int, accelerator: str) -> None:
    found = matched(gpu(name, units, 63.98, "gfx90a"), facts)
    assert found.accelerator == accelerator
    assert found.variant == "one of the 2 dies of a package"
    for precision, peak in sheet(facts, accelerator).peaks().items():
        assert found.peak[precision] == pytest.approx(peak / 2)


def test_a_die_that_names_itself_is_not_named_twice(facts: Facts) -> None:
    said = "one of the two dies of an AMD Instinct MI250X"
    assert matched(gpu("AMD Instinct MI250X", 110, 63.98, variant=said), facts).variant == said


@pytest.mark.parametrize(
    ("units", "accelerator"), [(114, "nvidia-h100-pcie"), (132, "nvidia-h100-sxm"), (None, None), (100, None)]
)
def test_units_tell_models_apart_that_report_one_name(
    facts: Facts, units: int | None, accelerator: str | None
) -> None:
    """With neither count, or one that both could be a part of, there is no peak rather than a wrong one."""
    found = matched(gpu("NVIDIA H100", units, 79.1, "9.0"), facts)
    assert found.accelerator == accelerator
    assert bool(found.peak) == (accelerator is not None)
    assert found.flop_per_clock["bf16"] == 4096


def test_a_partial_die_has_its_share_and_it_is_said(facts: Facts) -> None:
    found = matched(gpu("NVIDIA H100 80GB HBM3", 120, 79.1, "9.0"), facts)
    assert found.variant == "120 of 132 units"
    assert found.peak["bf16"] == pytest.approx(989.4e12 * 120 / 132)


@pytest.mark.parametrize(
    "description",
    [
        gpu("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 16, 9.75, "9.0"),
        gpu("NVIDIA H100 80GB HBM3", 16, 9.75, "9.0", variant="MIG 1g.10gb"),
        gpu("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 16, 9.75, "9.0", variant="MIG 1g.10gb"),
    ],
)
def test_a_slice_has_its_share_by_units(facts: Facts, description: DeviceDescription) -> None:
    found = matched(description, facts)
    assert found.accelerator == "nvidia-h100-sxm"
    assert found.variant == "MIG 1g.10gb, 16 of 132 units"
    assert found.peak["bf16"] == pytest.approx(989.4e12 * 16 / 132)


def test_the_largest_slice_is_the_whole(facts: Facts) -> None:
    found = matched(gpu("NVIDIA H100 80GB HBM3 MIG 7g.80gb", 132, 79.1, "9.0"), facts)
    assert found.variant == "MIG 7g.80gb"
    assert found.peak["bf16"] == pytest.approx(989.4e12)


@pytest.mark.parametrize("name", ["NVIDIA H100 NVL MIG 1g.12gb", "NVIDIA GB300 MIG 1g.34gb"])
def test_a_slice_of_a_whole_that_is_not_known_has_no_peak(facts: Facts, name: str) -> None:
    found = matched(gpu(name, 16, 11.0, "9.0"), facts)
    assert found.accelerator is not None
    assert found.peak == {}


@pytest.mark.parametrize(
    ("units", "memory_gib", "share"),
    [(38, 191.98, 1 / 8), (38, 48.0, 1 / 8), (38, 24.0, 1 / 8), (152, 96.0, 1 / 2)],
)
def test_a_partition_has_its_share_whatever_memory_it_sees(
    facts: Facts, units: int, memory_gib: float, share: float
) -> None:
    found = matched(gpu("AMD Instinct MI300X", units, memory_gib, "gfx942"), facts)
    assert found.variant == f"{units} of 304 units"
    assert found.peak["fp8"] == pytest.approx(2614.9e12 * share)


def test_a_lowered_power_limit_is_said_and_changes_no_peak(facts: Facts) -> None:
    lowered = matched(gpu("NVIDIA H100 80GB HBM3", 132, 79.1, "9.0", power_limit_w=500.0), facts)
    assert lowered.variant == "power limit 500 of the sheet's 700 W"
    assert lowered.peak["bf16"] == 989.4e12
    for limit_w in (700.0, 699.0):
        assert matched(gpu("NVIDIA H100 80GB HBM3", 132, 79.1, power_limit_w=limit_w), facts).variant is None


def test_a_modules_power_is_no_limit_of_its_gpu(facts: Facts) -> None:
    assert matched(gpu("NVIDIA GH200 120GB", 132, 94.5, "9.0", power_limit_w=900.0), facts).variant is None


def test_what_the_device_says_of_its_power_is_not_said_twice(facts: Facts) -> None:
    device = gpu("NVIDIA H100 80GB HBM3", 132, 79.1, power_limit_w=500.0, variant="power limit 500 of 700 W")
    assert matched(device, facts).variant == "power limit 500 of 700 W"


@pytest.mark.parametrize(
    "device",
    [
        gpu("NVIDIA H100 80GB HBM3", None, 9.3),
        gpu("NVIDIA H100 80GB HBM3", 132, 9.3),
        gpu("NVIDIA H100 80GB HBM3", 148, 79.1),
        gpu("NVIDIA H100 80GB HBM3", 132, 139.8),
        gpu("Some Other Device"),
    ],
)
def test_what_fits_nothing_is_matched_with_nothing(facts: Facts, device: DeviceDescription) -> None:
    assert match_device(device, facts) is None


def test_an_unknown_model_of_a_known_architecture_has_rates(facts: Facts) -> None:
    found = matched(gpu("NVIDIA H999", 200, 500.0, "9.0"), facts)
    assert (found.accelerator, found.peak, found.flop_per_clock["fp8"]) == (None, {}, 8192)


def cpu(name: str, isa: tuple[str, ...], **more: Any) -> DeviceDescription:
    return DeviceDescription(id="cpu", kind="cpu", name=name, isa=isa, **more)


ROME = ("AMD EPYC 7763 64-Core Processor", ("avx2", "fma"))


def test_a_cpu_has_a_peak_where_core_count_and_clock_are_known(facts: Facts) -> None:
    """64 cores × 32 × 3.5 GHz = 7.17 TFLOP/s in fp32."""
    found = matched(cpu(*ROME, units=64, cores_usable=128.0, max_clock_mhz=3500.0), facts)
    assert found.accelerator is None
    assert found.peak["fp32"] == pytest.approx(64 * 32 * 3.5e9)
    fewer = matched(cpu(*ROME, units=64, cores_usable=1.5, max_clock_mhz=3500.0), facts)
    assert fewer.peak["fp64"] == pytest.approx(1.5 * 16 * 3.5e9)


@pytest.mark.parametrize(
    "device",
    [
        cpu(*ROME, units=64, cores_usable=128.0),
        cpu(*ROME, cores_usable=128.0, max_clock_mhz=3500.0),
        cpu("unknown", ROME[1], units=64, cores_usable=128.0, max_clock_mhz=3500.0),
    ],
)
def test_a_cpu_that_is_not_known_so_far_has_rates_only(facts: Facts, device: DeviceDescription) -> None:
    found = matched(device, facts)
    assert found.peak == {}
    assert found.flop_per_clock == {"fp64": 16, "fp32": 32}


def test_a_cpu_with_an_accelerators_name_is_no_accelerator(facts: Facts) -> None:
    assert match_device(cpu("AMD Instinct MI300A", ()), facts) is None
