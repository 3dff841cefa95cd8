"""``flopcensus decode`` as its users and their scripts meet it."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.cli import as_process
from tests.cli import in_process as run

ISAMBARD = ("21 AI exaFLOPS", "--accelerator", "nvidia-gh200", "--count", "5448")
MIX = ("13.7 EF", "--accelerator", "B200", "--count", "4000", "--accelerator", "A100", "--count", "2,048")


def document(*arguments: str, code: int = 0) -> Any:
    result = run("decode", *arguments, "--format", "json", "--draws", "500")
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


def test_the_claim_of_isambard() -> None:
    found = document(*ISAMBARD)
    assert found["schema"] == "flopcensus/decode/1"
    assert found["verdict"] == "ambiguous"
    assert found["decoded_as"] == ["fp8 sparse", "int8 sparse"]
    assert found["per_accelerator_flop_per_s"] == pytest.approx(21e18 / 5448)
    first = found["readings"][0]
    assert (first["precision"], first["sparse"], first["fits"]) == ("fp8", True, True)
    assert first["exaflops"] == pytest.approx(21.563, abs=1e-3)
    assert first["ratio"] == pytest.approx(1.027, abs=1e-3)
    assert first["count"] == 5448
    assert first["implied_count"] == pytest.approx(5306, abs=1)
    assert first["dense_16_bit_exaflops"] == pytest.approx(5.390, abs=1e-3)
    assert [r["fits"] for r in found["readings"]].count(True) == 2


def test_the_fields_that_scripts_rely_on() -> None:
    for found in (document(*ISAMBARD), document("420 AI EF"), document(*MIX, code=1)):
        assert set(found) >= {
            "schema",
            "claim",
            "accelerators",
            "readings",
            "lacking",
            "verdict",
            "decoded_as",
        }
        assert set(found["claim"]) >= {"text", "exaflops", "bound", "precisions", "sparse", "unread"}
        for one in found["readings"]:
            assert set(one) >= {"precision", "sparse", "exaflops", "count", "ratio", "fits", "as_stated"}
            assert one["accelerator"] == " + ".join(part["accelerator"] for part in one["accelerators"])
            assert sum(part["count"] for part in one["accelerators"]) == pytest.approx(one["count"])
            below = one["dense_16_bit_exaflops"]
            for basis in ("achievable", "sustained", "delivered"):
                term = one["measured_exaflops"][basis]
                assert term["p5"] < term["p50"] < term["p95"]
                assert term["mean"] < below
                assert term["kind"] in {"measured", "published", "reported", "derived", "assumed"}
                below = term["mean"]


def test_without_a_count_each_reading_implies_one() -> None:
    found = document("420 AI EF")
    assert found["verdict"] == "no count"
    assert found["accelerators"] == [{"name": "H100e", "count": None, "ids": ["nvidia-h100-sxm"]}]
    readings = {(r["precision"], r["sparse"]): r for r in found["readings"]}
    sparse = readings["fp8", True]
    assert sparse["count"] == pytest.approx(420e18 / 3957.8e12)
    assert (sparse["ratio"], sparse["fits"], sparse["exaflops"]) == (None, None, 420)
    assert sparse["dense_16_bit_exaflops"] == pytest.approx(105, rel=1e-3)
    # measured terms are those of as many accelerators as the reading implies
    ratio = readings["fp8", False]["measured_exaflops"]["achievable"]["p50"]
    assert ratio == pytest.approx(2 * sparse["measured_exaflops"]["achievable"]["p50"])


def test_a_count_and_the_implied_count_give_the_same_measured_terms() -> None:
    implied = document("1000 PF bf16 dense", "--accelerator", "nvidia-h100-sxm")["readings"][0]
    count = round(implied["count"])
    given = document("1000 PF bf16 dense", "--accelerator", "nvidia-h100-sxm", "--count", str(count))
    ours, theirs = implied["measured_exaflops"], given["readings"][0]["measured_exaflops"]
    for basis in ours:
        assert ours[basis]["p50"] == pytest.approx(theirs[basis]["p50"], rel=1e-3)


def test_csv_has_a_row_for_every_reading() -> None:
    rows = list(csv.DictReader(io.StringIO(run("decode", *ISAMBARD, "--format", "csv").stdout)))
    assert len(rows) == len(document(*ISAMBARD)["readings"]) == 10
    assert {row["accelerator"] for row in rows} == {"nvidia-gh200"}
    assert float(rows[0]["achievable_p50"]) < float(rows[0]["dense_16_bit_exaflops"])


def test_the_table_says_what_is_decoded_and_what_it_is_worth() -> None:
    result = run("decode", *ISAMBARD)
    assert result.returncode == 0
    text = " ".join(result.stdout.split())
    assert "accelerators: 5,448 nvidia-gh200, 3.85 PFLOP/s each" in text
    assert "fp8 sparse 21.6 EFLOP/s 1.027 yes 5,306" in text
    assert "decoded as fp8 sparse or int8 sparse: ambiguous, each fits within 5 %" in text
    assert "in 16-bit dense: 5.39 EFLOP/s peak achievable 4." in text
    assert "as stated" not in text


def test_the_table_says_which_variant_fits_and_which_chip_lacks_a_rate() -> None:
    text = run("decode", "6 EF FP8", "--accelerator", "H100", "--count", "1528").stdout
    assert "decoded as fp8 sparse (nvidia-h100-sxm)\n" in text
    assert "alike: nvidia-h100-sxm-64gb" in text
    assert "as stated" in text
    mixed = run("decode", *MIX).stdout
    assert "left out, no such rate stated by A100: fp8 dense, fp8 sparse" in mixed
    assert "below peak as nvidia-b200-sxm + nvidia-a100-sxm-80gb" in mixed
    ascend = run("decode", "300 PF", "--accelerator", "910C", "--count", "384").stdout
    assert "decoded as bf16 dense\n" in ascend
    assert "no sparse rate is kept" in ascend


def test_without_a_count_the_table_has_the_implied_ones() -> None:
    result = run("decode", "420 AI EF")
    assert result.returncode == 0
    assert "H100e it implies" in result.stdout
    assert "106,120" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("0.5 EF", "--accelerator", "B200", "--count", "10000"),
            "no reading fits within 5 %; the nearest is",
        ),
        (
            ("6 EF FP8 dense", "--accelerator", "GH200", "--count", "1528"),
            "nothing that the claim's words allow",
        ),
    ],
)
def test_a_claim_that_fits_no_reading_ends_with_1(arguments: tuple[str, ...], words: str) -> None:
    result = run("decode", *arguments)
    assert result.returncode == 1
    assert words in result.stdout
    assert "in 16-bit dense" in result.stdout


@pytest.mark.parametrize("output", ["table", "json", "csv"])
@pytest.mark.parametrize("arguments", [ISAMBARD, ("420 AI EF",), MIX])
def test_it_says_decoded_and_never_more(arguments: tuple[str, ...], output: str) -> None:
    result = run("decode", *arguments, "--format", output)
    text = (result.stdout + result.stderr).casefold()
    for word in ("confirm", "verif", "proven"):
        assert word not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("21 EF", "--accelerator", "nvidia-gh20"), "did you mean nvidia-gh200?"),
        (("21 EF", "--accelerator", "Blackwell"), "is an architecture"),
        (("21 EF", "--accelerator", "H100", "--count", "0"), "must be a whole number above 0"),
        (("21 EF", "--accelerator", "H100", "--count", "-3"), "--count"),
        (("21 EF", "--accelerator", "H100", "--count", "many"), "not a count"),
        (("21 EF", "--count", "5"), "a count needs its accelerator"),
        (("21",), "no rate found"),
        (("0,5 EF",), "comma stands only between thousands"),
        (("10-12 EF",), "a range"),
        (("16 EF, 16,000 H100", "--accelerator", "H100", "--count", "16384"), "'16,000 H100'"),
        (("21 EF", "--draws", "0"), "draws must lie between"),
        (("21 EF\x1b[31m\n, 5 H1000",), "unknown accelerator"),
    ],
)
def test_bad_input_is_one_line_and_2(arguments: tuple[str, ...], message: str) -> None:
    result = run("decode", *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_what_is_not_read_is_said_and_cannot_drive_the_terminal() -> None:
    assert "not read: 2030 \\x1b" in run("decode", "420 AI EF by 2030 \x1b[31m").stdout
    assert "warning: not read: 2030" in run("decode", "420 AI EF by 2030", "--format", "json").stderr


def test_as_a_process() -> None:
    result = as_process("decode", *ISAMBARD, "--format", "json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["decoded_as"][0] == "fp8 sparse"
    assert "Examples" in as_process("decode", "--help").stdout
