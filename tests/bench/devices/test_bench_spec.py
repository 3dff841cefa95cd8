"""What a description takes over from a match."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.devices.spec import with_spec
from bench.record import DeviceDescription


@dataclass(frozen=True)
class Match:
    accelerator: str | None = None
    peak: dict[str, float] = field(default_factory=dict)
    flop_per_clock: dict[str, float] = field(default_factory=dict)
    variant: str | None = None


GPU = DeviceDescription(id="cuda:0", kind="cuda", name="NVIDIA H100 80GB HBM3", variant="MIG 1g.10gb")
CPU = DeviceDescription(id="cpu", kind="cpu", name="AMD Instinct MI300A Accelerator")


def test_a_known_gpu_takes_all_four() -> None:
    match = Match("nvidia-h100-sxm", {"bf16": 989e12}, {"bf16": 4096.0}, "MIG 1g.10gb, 16 of 132 units")
    known = with_spec(GPU, lambda _description: match)
    assert (known.accelerator, known.peak) == ("nvidia-h100-sxm", {"bf16": 989e12})
    assert known.flop_per_clock == {"bf16": 4096.0}
    assert known.variant == "MIG 1g.10gb, 16 of 132 units"


def test_what_a_device_says_of_itself_stays_where_the_match_says_nothing() -> None:
    known = with_spec(GPU, lambda _description: Match(flop_per_clock={"bf16": 4096.0}))
    assert known.accelerator is None
    assert known.variant == "MIG 1g.10gb"


def test_a_device_without_match_is_left_as_it_is() -> None:
    assert with_spec(GPU, lambda _description: None) == GPU


def test_a_cpu_takes_rates_but_never_an_accelerators_sheet() -> None:
    rates = Match(None, {"fp32": 1e12}, {"fp32": 64.0})
    assert with_spec(CPU, lambda _description: rates).flop_per_clock == {"fp32": 64.0}
    assert with_spec(CPU, lambda _description: rates).peak == {"fp32": 1e12}
    sheet = Match("amd-mi300a", {"bf16": 980e12}, {"bf16": 2048.0})
    assert with_spec(CPU, lambda _description: sheet) == CPU


def test_the_lookup_is_given_the_whole_description() -> None:
    asked: list[DeviceDescription] = []
    with_spec(CPU, asked.append)
    assert asked == [CPU]
