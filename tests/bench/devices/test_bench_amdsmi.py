"""AMD SMI's meters against a stand-in for its package."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bench.devices.device import Reading
from bench.devices.meters.amdsmi import AmdMeter, serial_of

BUS = "0000:c1:00"
ABSENT_PID = 2**22 + 1
KINDS = SimpleNamespace(GFX="gfx")
SENSORS = SimpleNamespace(HOTSPOT="hotspot", EDGE="edge")
# What an MI300X in one piece answers, with the keys of ROCm 6.3.
MI300X: dict[str, Any] = {
    "get_gpu_device_bdf": f"{BUS}.0",
    "get_gpu_asic_info": {"asic_serial": "0x00000000000ABCDE"},
    "get_clock_info": {"clk": 1950, "min_clk": 132, "max_clk": 2100},
    "get_power_info": {
        "current_socket_power": 731,
        "average_socket_power": "N/A",
        "power_limit": 750_000_000,
    },
    "get_energy_count": {"energy_accumulator": 2_000_000, "counter_resolution": 15.3, "timestamp": 1},
    "get_temp_metric": 64,
    "get_gpu_metrics_info": {
        "ppt_residency_acc": 5,
        "socket_thm_residency_acc": 0,
        "hbm_thm_residency_acc": "N/A",
    },
    "get_power_cap_info": {"power_cap": 750_000_000, "default_power_cap": 750_000_000},
    "get_gpu_driver_info": {"driver_version": "6.10.5"},
    "get_gpu_vbios_info": {"version": "022.040.003"},
    "get_pcie_info": {
        "pcie_static": {"max_pcie_width": 16, "pcie_interface_version": 5},
        "pcie_metric": {"pcie_width": 16, "pcie_speed": 32_000},
    },
    "get_gpu_total_ecc_count": {"correctable_count": 3, "uncorrectable_count": 0},
    "get_gpu_bad_page_info": [],
    "get_gpu_compute_partition": "SPX",
    "get_gpu_memory_partition": "NPS1",
    "get_gpu_process_list": [],
    "get_gpu_activity": {"gfx_activity": 0},
}


class AmdSmiException(Exception):
    """Stands for the package's."""


def refuse(*_arguments: Any) -> Any:
    raise AmdSmiException


def install(
    monkeypatch: pytest.MonkeyPatch, *handles: str, without: tuple[str, ...] = (), **answers: Any
) -> dict[str, Any]:
    """Put a stand-in in place; its answers may be changed while it is in use."""
    script = {**MI300X, **answers}

    def answer(name: str) -> Any:
        return lambda *_arguments: refuse() if name in without else script[name]

    functions = {f"amdsmi_{name}": answer(name) for name in script}
    module = SimpleNamespace(
        amdsmi_init=lambda: None,
        amdsmi_get_processor_handles=lambda: list(handles or ("gpu",)),
        AmdSmiClkType=KINDS,
        AmdSmiTemperatureType=SENSORS,
        AmdSmiTemperatureMetric=SimpleNamespace(CURRENT="current"),
        **functions,
    )
    monkeypatch.setitem(sys.modules, "amdsmi", module)
    return script


def meter(bus_id: str | None = BUS, serial: int | None = None, name: str = "AMD Instinct MI300X") -> AmdMeter:
    return AmdMeter(bus_id, serial, name)


def test_meters_are_read_in_si_units(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    found = meter()
    read = found.read()
    assert read.energy_j == pytest.approx(2e6 * 15.3e-6)
    assert replace(read, energy_j=None) == Reading(
        clock_mhz=1950, power_w=731, throttled=False, temperature_c=64, energy_source="amdsmi_counter"
    )
    assert (found.power_limit_w(), found.max_clock_mhz(), found.driver()) == (750, 2100, "6.10.5")
    assert (found.variant(), found.busy()) == (None, None)


def test_keys_and_units_of_older_versions_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        monkeypatch,
        get_clock_info={"cur_clk": 1500, "max_clk": 1700},
        get_power_info={"average_socket_power": 480, "power_limit": 560},
        get_energy_count={"power": 1_000_000, "counter_resolution": 15.3},
        get_temp_metric=71_000,
        get_gpu_metrics_info={"throttle_status": True},
    )
    read = meter(name="AMD Instinct MI210").read()
    assert (read.clock_mhz, read.power_w) == (1500, 480)
    assert read.energy_j == pytest.approx(15.3)
    assert (read.temperature_c, read.throttled, read.throttle_reasons) == (71, True, ("throttle_status",))


def test_a_limit_is_a_reason_while_its_residency_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    script = install(monkeypatch)
    found = meter()
    script["get_gpu_metrics_info"] = {"ppt_residency_acc": 9, "socket_thm_residency_acc": 0}
    power = found.read()
    assert (power.throttled, power.throttle_reasons) == (False, ("package_power",))
    script["get_gpu_metrics_info"] = {"ppt_residency_acc": 9, "socket_thm_residency_acc": 4}
    heat = found.read()
    assert (heat.throttled, heat.throttle_reasons) == (True, ("socket_thermal",))
    assert found.read().throttle_reasons == ()


def test_details_say_what_is_known_and_none_else(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, without=("get_gpu_vbios_info",), get_gpu_bad_page_info=[{"value": 1}])
    found = meter().details()
    told = {
        "vbios": None,
        "pcie_generation_max": 5,
        "pcie_width": 16,
        "pcie_gigatransfers_per_s": 32,
        "ecc_corrected": 3,
        "ecc_uncorrected": 0,
        "retired_pages": 1,
        "compute_partition": "SPX",
        "power_limit_enforced_w": 750,
        "meters_shared": None,
    }
    assert {name: found[name] for name in told} == told


def test_a_partition_is_said_and_gets_no_share_of_the_packages_power(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, get_gpu_compute_partition="CPX", get_gpu_memory_partition="NPS4")
    found = meter()
    assert found.variant() == "partition CPX/NPS4"
    assert (found.read().power_w, found.read().energy_j, found.read().energy_source) == (None, None, None)
    assert found.read().clock_mhz == 1950
    assert found.details()["meters_shared"]


def test_half_a_package_and_a_lowered_limit_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    caps = {"power_cap": 400_000_000, "default_power_cap": 560_000_000}
    install(
        monkeypatch,
        get_power_cap_info=caps,
        without=("get_gpu_compute_partition", "get_gpu_memory_partition"),
    )
    found = meter(name="AMD Instinct MI250X")
    assert found.variant() == "one of the two dies of an MI250X, power limit 400 of 560 W"
    assert found.read().power_w is None


def test_other_users_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    script = install(monkeypatch, get_gpu_process_list=[{"pid": os.getpid()}, {"pid": ABSENT_PID}])
    assert meter().busy() == f"1 other process on the GPU (pid {ABSENT_PID})"
    script["get_gpu_process_list"], script["get_gpu_activity"] = [], {"gfx_activity": 88}
    assert meter().busy() == "the GPU is 88 % busy with work that is not ours"
    script["get_gpu_activity"] = {"gfx_activity": "N/A"}
    assert meter().busy() is None


def test_a_gpu_is_found_by_place_by_number_or_when_it_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch)
    for bus_id, serial, there in (
        (BUS.upper(), None, True),
        (None, 0xABCDE, True),
        (None, None, True),
        ("0000:c2:00", None, False),
    ):
        assert (meter(bus_id, serial).driver() is not None) is there
    install(monkeypatch, "first", "second")
    assert meter(None, None).read() == Reading()


def test_what_is_refused_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = tuple(name for name in MI300X if name != "get_gpu_device_bdf")
    install(monkeypatch, without=refused)
    found = meter()
    assert found.read() == Reading()
    assert (found.power_limit_w(), found.max_clock_mhz(), found.variant(), found.busy()) == (None,) * 4
    told = {name: value for name, value in found.details().items() if value is not None}
    assert told == {"pci_bus_id": f"{BUS}.0"}


def test_a_value_that_stands_for_unknown_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, get_power_info={"current_socket_power": 0xFFFF}, get_clock_info={"clk": 0xFFFFFFFF})
    read = meter().read()
    assert (read.power_w, read.clock_mhz) == (None, None)


def test_without_the_package_or_its_driver_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (None, SimpleNamespace(amdsmi_init=refuse)):
        monkeypatch.setitem(sys.modules, "amdsmi", module)
        assert meter().read() == Reading()
        assert (meter().details(), meter().local_cpus(), meter().busy()) == ({}, (), None)


@pytest.mark.parametrize(
    ("uuid", "serial"),
    [
        ("GPU-35643166-3030-6132-6233-633464356536", 0x5D1F00A2B3C4D5E6),
        ("GPU-11111111-2222-3333-4444-555555555555", None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_a_uuid_of_torch_holds_the_number_as_text(uuid: str | None, serial: int | None) -> None:
    assert serial_of(uuid) == serial
