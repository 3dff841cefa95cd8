"""Rates per clock against an independent oracle: the data sheets' peaks over units and clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounting.errors import InputFaults
from accounting.reference.architectures import Architectures, Whole, load_architectures
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

# the L40's sheet states half of the tensor rates that the same chip has in the L40S
HALF_RATE = {("nvidia-l40", precision) for precision in ("tf32", "bf16", "fp8", "int8")}
VECTOR = {"fp64", "fp32"}


@pytest.fixture(scope="module")
def known() -> Architectures:
    return load_architectures()


def rate_of(known: Architectures, whole: Whole, precision: str) -> float:
    """The rate behind a sheet's peak; the sheets' one 16-bit rate is FP16 where there is no BF16."""
    rates = known.gpu_rates(whole.architecture)
    return rates.get(precision) or rates["fp16" if precision == "bf16" else precision]


def test_every_sheet_is_units_times_rate_times_clock(facts: Facts, known: Architectures) -> None:
    """Within 1.5 %, the rounding of the sheets; a rate that is wrong is so by a factor of two."""
    compared = 0
    for whole in known.wholes.values():
        for precision, peak in facts.accelerators[whole.accelerator].peaks().items():
            clock = (whole.vector_clock_mhz if precision in VECTOR else None) or whole.clock_mhz
            if clock is None:
                continue
            expected = whole.units.value * rate_of(known, whole, precision) * clock.value * 1e6
            factor = 0.5 if (whole.accelerator, precision) in HALF_RATE else 1.0
            assert peak == pytest.approx(expected * factor, rel=0.015), (whole.accelerator, precision)
            compared += 1
    assert compared > 80


# sheets of cards that are not among the accelerators: architecture, units, MHz, dense TFLOP/s by precision
# (T4 data sheet; RTX Blackwell white paper, RTX 5090 with 16-bit accumulation; MI100 brochure)
OTHER_SHEETS: list[tuple[str, int, float, dict[str, float]]] = [
    ("7.5", 40, 1590, {"fp32": 8.1, "fp16": 65, "int8": 130}),
    ("12.0", 170, 2407, {"fp32": 104.8, "fp16": 419, "fp8": 838, "int8": 838, "fp4": 1676}),
    ("gfx908", 120, 1502, {"fp64": 11.5, "fp32": 46.1, "fp16": 184.6, "bf16": 92.3, "int8": 184.6}),
]


@pytest.mark.parametrize(("architecture", "units", "clock_mhz", "peaks"), OTHER_SHEETS)
def test_other_sheets_agree_too(
    known: Architectures, architecture: str, units: int, clock_mhz: float, peaks: dict[str, float]
) -> None:
    rates = known.gpu_rates(architecture)
    for precision, peak in peaks.items():
        assert units * rates[precision] * clock_mhz * 1e6 == pytest.approx(peak * 1e12, rel=0.015), precision


def test_blackwell_ultra_is_blackwell_but_for_what_was_cut_or_raised(known: Architectures) -> None:
    ultra, plain = known.gpu_rates("10.3"), known.gpu_rates("10.0")
    assert {p: r for p, r in ultra.items() if p != "fp4"} == {p: plain[p] for p in ultra if p != "fp4"}
    assert ultra["fp4"] == 1.5 * plain["fp4"]


def test_both_16_bit_formats_have_one_rate_but_on_cdna(known: Architectures) -> None:
    both = {key: gpu.rates for key, gpu in known.gpus.items() if {"fp16", "bf16"} <= set(gpu.rates)}
    assert {key for key, rates in both.items() if rates["fp16"] != rates["bf16"]} == {"gfx908"}


def test_without_a_stated_clock_the_peaks_imply_one_that_chips_run_at(
    facts: Facts, known: Architectures
) -> None:
    for whole in known.wholes.values():
        for precision, peak in facts.accelerators[whole.accelerator].peaks().items():
            implied_mhz = peak / (whole.units.value * rate_of(known, whole, precision)) / 1e6
            low = 1100 if (whole.accelerator, precision) in HALF_RATE else 1250
            assert low < implied_mhz < 2600, (whole.accelerator, precision)


def test_the_tables_join(facts: Facts, known: Architectures) -> None:
    assert set(known.wholes) <= set(facts.accelerators)
    assert {whole.architecture for whole in known.wholes.values()} <= set(known.gpus)


def test_a_narrower_format_is_never_slower(known: Architectures) -> None:
    for gpu in known.gpus.values():
        rates = gpu.rates
        for narrow, wide in (
            ("fp4", "fp8"),
            ("fp8", "bf16"),
            ("fp16", "bf16"),
            ("bf16", "tf32"),
            ("tf32", "fp32"),
        ):
            if narrow in rates and wide in rates:
                assert rates[narrow] >= rates[wide], (gpu.architecture, narrow, wide)


def test_amd_names_an_architecture_with_its_features(known: Architectures) -> None:
    assert known.gpu_rates("gfx942:sramecc+:xnack-") == known.gpu_rates("gfx942") != {}
    assert known.gpu_rates("gfx1") == known.gpu_rates(None) == {}


AVX512 = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16")


@pytest.mark.parametrize(
    ("name", "isa", "exact", "rates"),
    [
        (
            "Intel(R) Xeon(R) Platinum 8480+",
            (*AVX512, "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8"),
            True,
            {"fp64": 32, "fp32": 64, "bf16": 1024, "int8": 2048},
        ),
        (
            "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz",
            ("avx2", "fma", "avx512f"),
            True,
            {"fp64": 32, "fp32": 64},
        ),
        ("Intel(R) Xeon(R) Silver 4214", ("avx2", "fma", "avx512f"), False, {"fp64": 32, "fp32": 64}),
        ("AMD EPYC 9B14", AVX512, True, {"fp64": 16, "fp32": 32, "bf16": 64, "int8": 128}),
        (
            "AMD EPYC 9755 128-Core",
            (*AVX512, "avx_vnni"),
            True,
            {"fp64": 32, "fp32": 64, "bf16": 128, "int8": 256},
        ),
        ("AMD EPYC 7763 64-Core Processor", ("avx2", "fma"), True, {"fp64": 16, "fp32": 32}),
        ("AMD EPYC 7571", ("avx2", "fma"), False, {"fp64": 16, "fp32": 32}),
        ("Arm implementer 0x41 part 0xd4f", ("neon", "sve"), True, {"fp64": 16, "fp32": 32}),
        ("Apple M2", ("neon", "dotprod"), False, {}),
        ("some processor", ("vsx",), False, {}),
        ("some processor", ("avx2",), False, {}),
    ],
)
def test_cpu_cores(
    known: Architectures, name: str, isa: tuple[str, ...], exact: bool, rates: dict[str, float]
) -> None:
    found = known.core_rates(name, isa)
    assert (found.exact, found.rates) == (exact, rates)


def test_a_known_core_never_passes_the_bound_of_its_sets(known: Architectures) -> None:
    for core in known.cores:
        bound = known.core_rates("", core.requires).rates
        for precision, rate in core.rates.items():
            if core.requires != ("neon",) and precision in bound:
                assert rate <= bound[precision], (core.name, precision)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('architecture: "7.0"', 'architecture: "6.0"', "duplicate"),
        ("pattern: '^Intel'", "pattern: '(Intel'", "regular expression"),
        ("value: 64,", "value: 0,", "greater than 0"),
        ("kind: published, ", "", "'kind' is missing"),
    ],
)
def test_faults_are_found_with_their_place(tmp_path: Path, old: str, new: str, fault: str) -> None:
    text = (configs_root() / "architectures.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "architectures.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputFaults, match=fault) as raised:
        load_architectures(path)
    assert isinstance(raised.value, InputError)
    assert all(item.line > 1 for item in raised.value.faults)
