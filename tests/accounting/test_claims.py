"""Claims: what their words say, what a name may mean, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.claims.readings import decode
from accounting.claims.text import parse_claim
from accounting.reference.facts import Facts, load_facts
from accounting.reference.variants import variants
from bench.errors import InputError


@pytest.mark.parametrize(
    ("text", "exaflops", "precisions", "sparse"),
    [
        ("21 AI exaFLOPS", 21, (), None),
        ("6 EF FP8", 6, ("fp8",), None),
        ("0.5 exaflops", 0.5, (), None),
        (".5 ExaFLOP/s", 0.5, (), None),
        ("300 PF", 0.3, (), None),
        ("90 EF AI", 90, (), None),
        ("21EF", 21, (), None),
        ("21 AI-exaflops", 21, (), None),
        ("6.22 EF half", 6.22, ("bf16",), None),
        ("6.22 EF half-precision", 6.22, ("bf16",), None),
        ("0.5 double-precision exaflops", 0.5, ("fp64",), None),
        ("0.5 EF FP64", 0.5, ("fp64",), None),
        ("0.5 EF double", 0.5, ("fp64",), None),
        ("0.5 EF (single)", 0.5, ("fp32",), None),
        ("2 EF single precision", 2, ("fp32",), None),
        ("2 EF 32-bit", 2, ("fp32", "tf32"), None),
        ("2 EF TF32", 2, ("tf32",), None),
        (">21 EF 8-bit", 21, ("fp8", "int8"), None),
        ("1,000 petaflops of AI compute", 1, (), None),
        ("2.5 ExaOPS INT8", 2.5, ("int8",), None),
        ("2 exaflops of FP4", 2, ("fp4",), None),
        ("2 exaflops of NVFP4", 2, ("fp4",), None),
        ("10 exaflops FP16/BF16", 10, ("bf16",), None),
        ("100 PFLOP/s bf16 sparse", 0.1, ("bf16",), True),
        ("nearly 300 petaflops of FP8 with sparsity", 0.3, ("fp8",), True),
        ("10 EF without sparsity", 10, (), False),
        ("10 dense EF", 10, (), False),
        ("1e19 FLOP/s", 10, (), None),
        ("2 zettaflops", 2000, (), None),
        ("0.5 exaflop per second", 0.5, (), None),
        ("21 EF (21,000 PF)", 21, (), None),
    ],
)
def test_words_of_a_claim(
    facts: Facts, text: str, exaflops: float, precisions: tuple[str, ...], sparse: bool | None
) -> None:
    claim = parse_claim(text, facts)
    assert claim.flop_per_s == pytest.approx(exaflops * 1e18)
    assert (claim.precisions, claim.sparse) == (precisions, sparse)
    assert claim.unread == ""


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("more than 21 EF", "at least"),
        ("≥21 EF", "at least"),
        ("20+ EF", "at least"),
        ("up to 40 EF", "at most"),
        ("~40 EF", "about"),
        ("nearly 40 EF", "about"),
        ("40 EF", None),
    ],
)
def test_bounds_are_noted(facts: Facts, text: str, bound: str | None) -> None:
    assert parse_claim(text, facts).bound == bound


@pytest.mark.parametrize(
    ("text", "chips"),
    [
        ("16 EF, 16,000 H100", ["16,000 H100"]),
        ("16k H100s at 16 EF", ["16,000 H100"]),
        ("16,000 GPUs (H100), 16 EF", ["16,000 H100"]),
        ("16 EF H100 x 16384", ["16,384 H100"]),
        ("16 EF: 16384 × NVIDIA H100 PCIe", ["16,384 H100 PCIe"]),
        ("5,448 NVIDIA GH200 Grace Hopper Superchips: 21 exaflops", ["5,448 GH200 Grace Hopper Superchip"]),
        ("10,000 GB200 NVL72 GPUs, 16 EF", ["10,000 GB200 NVL72"]),
        ("13.7 EF: 4,000 B200 + 4,080 H100 + 2,048 A100", ["4,000 B200", "4,080 H100", "2,048 A100"]),
        ("106,114 H100e = 420 EF", ["106,114 H100e"]),
        ("H100 500 PF", ["H100"]),
        ("16 EF, H100, 16,000 H100", ["16,000 H100"]),
    ],
)
def test_chips_in_a_claim(facts: Facts, text: str, chips: list[str]) -> None:
    assert [str(chip) for chip in parse_claim(text, facts).chips] == chips


def test_what_is_not_read_is_said(facts: Facts) -> None:
    assert parse_claim("a single 10 EF system", facts).unread == "single"
    assert parse_claim("10 EF, half of it in Spain", facts).precisions == ()
    assert parse_claim("420 AI EF by 2030 in Culham", facts).unread == "2030 Culham"
    assert parse_claim("21 EF from 5,448 GPUs", facts).count == 5448


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no rate found"),
        ("21", "no rate found"),
        ("EF", "no rate found"),
        ("21 exascale", "no rate found"),
        ("1e26 FLOP", "no rate found"),
        ("1.2 thousand petaflops", "no rate found"),
        ("0,5 EF", "comma stands only between thousands"),
        ("13,7 EF", "comma stands only between thousands"),
        ("1 500 PF", "space inside a number"),
        ("16 EF, 16 384 H100", "space inside a number"),
        ("10-12 EF", "a range"),
        ("10 to 12 EF", "a range"),
        ("10 EF to 12 EF", "a range"),
        ("10–12 EF", "a range"),
        ("8 x 36 PFLOPS", "a product"),
        ("10^18 FLOPS", "a power"),
        ("4 PF per GPU", "the rate of a part"),
        ("4 PFLOPS/GPU", "the rate of a part"),
        ("-5 EF", "above 0"),
        ("– 5 EF", "above 0"),
        ("0 EF", "no machine has such a rate"),
        ("1e-309 EF", "no machine has such a rate"),
        ("1e999 EF", "no machine has such a rate"),
        ("12.3.4 EF", "not a number"),
        ("21 EF, 22 EF", "two rates (found '21 EF' and '22 EF')"),
        ("10 EF dense / sparse", "both dense and sparse"),
        ("10 EF INT4", "no rates are kept for the precision 'INT4'"),
        ("16 EF, 36 GB200 NVL72 racks", "a count of systems"),
        ("16 EF, 36 GB200 NVL72", "a count of systems"),
        ("16 EF, 191 DGX H100", "a count of systems"),
        ("16 EF, 16,000 H10O", "did you mean H100?"),
        ("16 EF, 16,000 H100, 16,384 H100", "two counts of one accelerator"),
        ("16 EF, 0 H100", "whole number above 0 (found '0')"),
        ("16 EF, 16.384 H100", "whole number above 0"),
        (
            "10 EF Blackwell",
            "an architecture, not an accelerator; name one of nvidia-b100, nvidia-b200-sxm, nvidia-gb200",
        ),
        ("10 EF on 10,000 Blackwell GPUs", "an architecture"),
        ("9 EF " + "x" * 600, "at most 500 characters"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(facts: Facts, text: str, why: str) -> None:
    with pytest.raises(InputError, match=re.escape(why)) as raised:
        parse_claim(text, facts)
    assert "\n" not in str(raised.value)


UNITS = {
    1e15: ["PF", "PFLOPS", "PFLOP/s", "petaflops", "peta-flops", "petaFLOPs", "POPS", "AI petaflops"],
    1e18: ["EF", "EFLOPS", "Eflop/s", "exaflops", "ExaFLOP/s", "exaOPS", "AI EF", "exaflop per second"],
}


@given(
    number=st.decimals(min_value="0.001", max_value="99999", places=3),
    unit=st.sampled_from([(factor, unit) for factor, units in UNITS.items() for unit in units]),
    space=st.sampled_from([" ", ""]),
    commas=st.booleans(),
)
def test_a_rate_is_read_however_it_is_spelled(
    number: Any, unit: tuple[float, str], space: str, commas: bool
) -> None:
    facts = load_facts()
    text = f"{number:,.3f}" if commas else f"{number:.3f}"
    claim = parse_claim(f"{text}{space}{unit[1]}", facts)
    assert claim.flop_per_s == pytest.approx(float(number) * unit[0], rel=1e-12)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    facts = load_facts()
    for claim in (text, f"21 EF {text}", f"{text} 300 PF, 10 H100"):
        try:
            decoded = decode(claim, facts)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            assert decoded.readings


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("nvidia-h100-sxm", ["nvidia-h100-sxm"]),
        ("NVIDIA H100 SXM", ["nvidia-h100-sxm"]),
        ("P100", ["nvidia-p100-sxm2", "nvidia-p100-pcie", "nvidia-p100-pcie-12gb"]),
        ("a100-pcie", ["nvidia-a100-pcie-40gb", "nvidia-a100-pcie-80gb"]),
        ("GH200", ["nvidia-gh200"]),
        ("L40", ["nvidia-l40"]),
        ("mi300x", ["amd-mi300x"]),
        ("Ascend 910", ["huawei-ascend-910"]),
        ("910C", ["huawei-ascend-910c"]),
        ("H100 80GB HBM3", ["nvidia-h100-sxm"]),
    ],
)
def test_what_a_name_may_mean(facts: Facts, name: str, ids: list[str]) -> None:
    assert list(variants(name, facts)) == ids


def test_a_bare_name_means_every_form_factor(facts: Facts) -> None:
    every = {i for i in facts.accelerators if i.startswith("nvidia-h100-")}
    assert set(variants("H100", facts)) == set(variants("NVIDIA H100", facts)) == every
    assert len(every) >= 4


@pytest.mark.parametrize("name", ["tpu", "nvidia", "Blackwell", "H101", ""])
def test_what_no_model_is_called(facts: Facts, name: str) -> None:
    with pytest.raises(InputError):
        variants(name, facts)


# claim, accelerators, counts, reading, exaFLOP/s worked out by hand, 16-bit dense
