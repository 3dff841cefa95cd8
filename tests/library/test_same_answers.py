"""The library gives the figures of the command line, and takes its arguments by the same names."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import click
import pytest

import flopcensus as fc
from bench.fleets.synthetic import make_fleet, write
from flopcensus.cli import COMMANDS
from flopcensus.library.asking import named_options
from tests.accounting.bad_censuses import max_1550
from tests.cli import in_process
from tests.library.asked import printed
from tests.lint_census import clusters, h100

DAY = "2026-06-30"
# what is about how results are shown, or written by the command alone
SHOWN = {"format", "help", "assumptions", "table", "out", "fix", "output", "o", "where", "names"}
COMMAND_ONLY = {
    "bench": {"patience", "gather", "alone", "explain", "ranks"},
    "calibrate": {"precision", "draws", "seed"},
    "fleet": {"records_to", "history", "since", "node", "metric", "compact"},
}


def test_estimate() -> None:
    found = fc.estimate(as_of=DAY, by=["territory", "territory,vendor"], draws=100, seed=3)
    options = ("--by", "territory", "--by", "territory,vendor", "--draws", "100", "--seed", "3")
    assert found.to_dict() == printed("estimate", "--as-of", DAY, *options)
    csv = in_process("estimate", "--as-of", DAY, *options, "--format", "csv")
    assert found.to_csv() == csv.stdout
    assert csv.stderr.splitlines() == [f"warning: {text}" for text in found.warnings]


def test_a_series_and_drivers() -> None:
    found = fc.estimate(as_of=DAY, years="2024:2027", basis="peak", draws=50)
    assert found.to_dict() == printed(
        "estimate", "--as-of", DAY, "--years", "2024:2027", "--basis", "peak", "--draws", "50"
    )
    assert len(found.series.xs("total", level="level")) == len(found.series.index.unique("as_of")) > 2
    driven = fc.estimate(country=["NO", "FI"], as_of=DAY, basis="delivered", draws=50, drivers=True)
    assert driven.to_dict() == printed(
        *("estimate", "--country", "NO", "--country", "FI", "--as-of", DAY, "--basis", "delivered"),
        *("--draws", "50", "--drivers"),
    )
    assert driven.drivers["total_order"].max() > 0


def test_compare() -> None:
    found = fc.compare("all-nvidia", "hedged", precision="bf16,fp8", draws=50)
    assert found.to_dict() == printed(
        "compare", "all-nvidia", "hedged", "--precision", "bf16,fp8", "--draws", "50"
    )
    assert set(found.capacity.index.unique("precision")) == {"bf16", "fp8"}


def test_plan() -> None:
    found = fc.plan("hedged", maximise="delivered", power="50 MW", max_share={"vendor:US": 0.6}, draws=50)
    same = printed(
        *("plan", "hedged", "--maximise", "delivered", "--power", "50 MW", "--max-share", "vendor:US=0.6"),
        *("--draws", "50"),
    )
    assert found.to_dict() == same
    assert found.feasible
    assert found.mix["count"].sum() == sum(row["count"] for row in same["mix"]["deployments"])


def test_a_plan_that_cannot_be_says_what_clashes(tmp_path: Path) -> None:
    found = fc.plan("hedged", power="50 MW", max_count={"nvidia-b200-sxm": 0}, at_least="9 EFLOP/s", draws=50,
                    max_share={"vendor:huawei": "1%"})  # fmt: skip
    assert not found.feasible
    assert "clash" in found.verdict
    assert found.mix.empty
    with pytest.raises(fc.InputError, match="clash"):
        found.to_yaml()


def test_a_planned_cluster_can_be_compared(tmp_path: Path) -> None:
    found = fc.plan("hedged", power="20 MW", draws=50)
    path = tmp_path / "best.yaml"
    path.write_text(found.to_yaml(), encoding="utf-8")
    power = fc.compare(path, draws=50).metrics.xs("facility_full_load_w", level="quantity")["p50"].item()
    assert 15e6 < power <= 20e6 * (1 + 1e-6)


def test_decode() -> None:
    found = fc.decode("21 AI exaFLOPS", accelerator="nvidia-gh200", count=5448, draws=50)
    assert found.to_dict() == printed(
        "decode", "21 AI exaFLOPS", "--accelerator", "nvidia-gh200", "--count", "5448", "--draws", "50"
    )


def test_training_run() -> None:
    found = fc.training_run(flop=1e25, on="nordic-alliance", days=30, draws=50, pue=1.2)
    assert found.to_dict() == printed(
        *("training-run", "--flop", "1e25", "--on", "nordic-alliance", "--days", "30", "--draws", "50"),
        *("--pue", "1.2"),
    )
    assert found.quantities.loc["energy_j", "unit"] == "J"


def test_supply_cut() -> None:
    found = fc.supply_cut(from_nation="US", on="2027-01-01", country="GB", draws=50, years=2,
                          set={"service.spares": "5% to 15%"})  # fmt: skip
    assert found.to_dict() == printed(
        *("supply-cut", "--from-nation", "US", "--on", "2027-01-01", "--country", "GB", "--draws", "50"),
        *("--years", "2", "--set", "service.spares=5% to 15%"),
    )
    assert found.years["unit"].unique().tolist() == ["H100e", "1"]


def test_lint(tmp_path: Path) -> None:
    import pandas as pd

    path = clusters(tmp_path / "c.csv", h100("Good", 1000), max_1550("Vector", 500))
    found = fc.lint(path)
    assert found.to_dict() == printed("lint", str(path))
    assert not found.clean
    assert {rule["id"] for rule in found.to_sarif()["runs"][0]["tool"]["driver"]["rules"]} >= set(
        found.findings["rule"]
    )
    of_frame = fc.lint(pd.read_csv(path))
    assert of_frame.findings["rule"].to_list() == found.findings["rule"].to_list()
    assert of_frame.findings["rows"][0] == ("DataFrame.csv:3",)


def test_fleet(tmp_path: Path) -> None:
    write(make_fleet("site", nodes=6, devices=1, bad=1, seed=1), tmp_path)
    found = fc.fleet(tmp_path)
    assert found.to_dict() == printed("fleet", str(tmp_path))
    assert len(found.nodes) == 6
    assert found.results.index.unique("node").size == 6
    with pytest.raises(fc.InputError, match="no such folder"):
        fc.fleet(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "verb",
    ["bench", "calibrate", "catalogue", "compare", "decode", "estimate", "fleet", "plan", "supply_cut",
     "training_run"],
)  # fmt: skip
def test_arguments_are_the_options_with_the_same_defaults(verb: str) -> None:
    command: click.Command = importlib.import_module(COMMANDS[verb.replace("_", "-")][0]).command
    options = {name: one for name, one in named_options(command).items() if isinstance(one, click.Option)}
    arguments = inspect.signature(getattr(fc, verb)).parameters
    own = SHOWN | COMMAND_ONLY.get(verb, set())
    flags = {"quick", "full"} if verb == "bench" else set()
    lacking = set(options) - set(arguments) - own - flags
    assert not lacking, f"fc.{verb} does not take {lacking}"
    context = click.Context(command)
    for name in set(options) & set(arguments) - flags:
        asked = options[name].get_default(context)
        given = arguments[name].default
        if given is not inspect.Parameter.empty and asked.__class__.__name__ != "Sentinel":
            assert (given or None) == ((str(asked) if name == "out" else asked) or None), name


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (lambda: fc.estimate(country="Grmany"), ("estimate", "--country", "Grmany")),
        (lambda: fc.estimate(by="teritory"), ("estimate", "--by", "teritory")),
        (lambda: fc.estimate(precision="bf16", column="max"),
         ("estimate", "--precision", "bf16", "--column", "max")),
        (lambda: fc.estimate(reconcile="rake"), ("estimate", "--reconcile", "rake")),
        (lambda: fc.compare("hegded"), ("compare", "hegded")),
        (lambda: fc.plan("hedged"), ("plan", "hedged", "--budget", "0 $")),
        (lambda: fc.training_run(flop="1e25", accelerator="nvidia-h100-sxm"),
         ("training-run", "--flop", "1e25", "--accelerator", "nvidia-h100-sxm")),
        (fc.supply_cut, ("supply-cut",)),
        (lambda: fc.decode("much"), ("decode", "much")),
        (lambda: fc.read_record("nowhere.json"), ("calibrate", "nowhere.json")),
        (lambda: fc.load_census("nowhere.yaml"), ("estimate", "nowhere.yaml")),
    ],
)  # fmt: skip
def test_errors_are_those_of_the_command_line(call: Any, command: tuple[str, ...]) -> None:
    with pytest.raises(fc.InputError) as caught:
        call()
    refused = in_process(*command)
    assert refused.returncode == caught.value.exit_code == 2
    if command[0] != "plan":
        assert refused.stderr.splitlines() == [f"error: {line}" for line in str(caught.value).splitlines()]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    found = fc.estimate(country="FI", draws=50)
    assert found.warnings
    assert capfd.readouterr() == ("", "")
