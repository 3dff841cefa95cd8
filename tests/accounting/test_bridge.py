"""The walk from a published figure to ours: every stage against pandas, and the effects add up."""

from __future__ import annotations

import datetime
import math
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.bridge import PUBLISHED, STEPS, Bridge, Target, bridge, published
from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.errors import UnknownNameError
from accounting.quantities import exact
from accounting.reference.facts import Facts, load_facts
from bench.errors import InputError
from tests.accounting.test_epoch_clusters import BASE, SINCE, UNTIL, write

AS_OF = datetime.date(2026, 6, 30)
START = PUBLISHED["epoch-2025"]
DRAWS = 200


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return load_calibration(load_facts())


@pytest.fixture(scope="module")
def path(shared: Path) -> Path:
    return shared / "data" / "epoch" / "ai_supercomputers_2025-06-07.csv"


def walk(source: Path, facts: Facts, calibration: Calibration, **target: Any) -> Bridge:
    theirs, ours = load_census([f"epoch-clusters:{source}"], facts), load_census([], facts)
    wanted = Target(Selection(AS_OF), draws=DRAWS, **target)
    return bridge(START, theirs, ours, wanted, facts, calibration)


def rows(source: Path, facts: Facts) -> pd.DataFrame:
    """Return the file with a code, a 16-bit figure and a repaired one for each row, by pandas alone."""
    countries, accelerators = facts.names.countries, facts.names.accelerators
    assert countries is not None
    assert accelerators is not None
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    table["code"] = [countries.find(name) or "unknown" for name in table["Country"]]
    for name, column in (("h100e", "H100 equivalents"), ("bf16", "16-bit OP/s")):
        table[name] = pd.to_numeric(table[column], errors="coerce")
    peaks = {a.id: a.peaks().get("bf16", math.nan) for a in facts.accelerators.values()}
    rates = []
    for which in ("primary", "secondary"):
        chip, count = table[f"Chip type ({which})"], pd.to_numeric(table[f"Chip quantity ({which})"])
        peak = pd.Series([peaks.get(accelerators.find(name) or "", math.nan) for name in chip])
        rate = count * peak
        rates.append(rate.mask((chip == "") & count.isna(), 0.0) if which == "secondary" else rate)
    both = rates[0] + rates[1]
    table["repaired"] = both.where(both.notna(), table["bf16"])
    return table


def superseded(table: pd.DataFrame, day: str) -> pd.Series:
    date, names = table["First Operational Date"], table["Name"].value_counts()
    running = table[(table["Status"] == "Existing") & (date != "") & (date <= day)]
    unique = set(names[names == 1].index)
    return table["Superseded by"].isin(unique & set(running["Name"]))


def kept(table: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Return the rows that a stage counts."""
    later = stage == "date"
    first, last = ("0000-00-00", str(AS_OF)) if later else (SINCE, UNTIL)
    date = table["First Operational Date"]
    retired = table["Decommissioned Date (if applicable)"]
    existing = (table["Status"] == "Existing") & ((retired == "") | (retired > last))
    was = (table["Status"] == "Decommissioned") & (retired > last)
    keep = (existing | was) & (date != "") & (date >= first) & (date <= last)
    keep &= (table["Country"] != "") & ~superseded(table, last)
    if stage in {"published", "precision", "repairs", "duplicates"}:
        keep &= table["Include in Standard Analysis"] == "True"
    if stage in {"duplicates", "status", "date"}:
        keep &= table["Possible Duplicate"] != "True"
    value = {"published": "h100e", "precision": "bf16"}.get(stage, "repaired")
    return table[keep & table[value].notna()].assign(value=table[value])


@pytest.mark.parametrize("stage", ["published", "precision", "repairs", "duplicates", "status", "date"])
def test_every_stage_of_the_file_equals_the_pandas_group_by(
    path: Path, facts: Facts, calibration: Calibration, stage: str
) -> None:
    found = next(s for s in walk(path, facts, calibration).stages if s.id == stage)
    table = kept(rows(path, facts), stage)
    by_country = table.groupby("code")["value"].sum()
    factor = 1.979e15 if stage == "published" else 1.0
    assert found.deployments == len(table)
    assert dict(found.flop_per_s) == pytest.approx((by_country * factor).to_dict(), rel=1e-9)
    in_h100e = by_country.sum() if stage == "published" else by_country.sum() / 989.4e12
    assert found.total("h100e") == pytest.approx(in_h100e, rel=1e-9)


def test_the_first_and_second_stage_have_the_published_shares(
    path: Path, facts: Facts, calibration: Calibration
) -> None:
    first, second = walk(path, facts, calibration).stages[:2]
    assert (first.deployments, second.deployments) == (340, 336)
    assert [round(100 * first.share(code), 2) for code in ("US", "CN")] == [78.25, 9.65]
    assert [round(100 * second.share(code), 2) for code in ("US", "CN")] == [74.20, 14.31]


def test_a_repair_is_named_with_what_it_was(path: Path, facts: Facts, calibration: Calibration) -> None:
    largest = walk(path, facts, calibration).repairs[0]
    assert largest.name == "Argonne NL Aurora"
    assert largest.before is not None
    assert largest.after / largest.before == pytest.approx(16.0, abs=0.01)


ROWS = [
    BASE | {"Include in Standard Analysis": "True", "16-bit OP/s": "1e18", "H100 equivalents": "2000"},
    BASE
    | {"Name": "B", "Country": "Norway", "Include in Standard Analysis": "True"}
    | {"16-bit OP/s": "9e17", "H100 equivalents": "500"},
    BASE | {"Name": "C", "Country": "Japan", "16-bit OP/s": "4e18", "H100 equivalents": "4000"},
    BASE
    | {"Name": "D", "Country": "China", "First Operational Date": "2025-09-01"}
    | {"Include in Standard Analysis": "True", "16-bit OP/s": "5e18"},
    BASE
    | {"Name": "E", "16-bit OP/s": "7e18", "Possible Duplicate": "True"}
    | {"Include in Standard Analysis": "True", "H100 equivalents": "9000"},
    BASE | {"Name": "F", "Country": "", "16-bit OP/s": "1e18", "Include in Standard Analysis": "True"},
]


def test_a_small_file_by_hand(tmp_path: Path, facts: Facts, calibration: Calibration) -> None:
    found = walk(write(tmp_path / "c.csv", ROWS), facts, calibration)
    stages = {stage.id: stage for stage in found.stages}
    assert stages["published"].total("h100e") == pytest.approx(11500)
    assert stages["published"].flop_per_s["FR"] == pytest.approx(11000 * 1.979e15)
    assert stages["precision"].flop_per_s == pytest.approx({"FR": 8e18, "NO": 9e17})
    assert stages["precision"].total("h100e") == pytest.approx(8.9e18 / 989.4e12)
    assert stages["repairs"].flop_per_s == stages["precision"].flop_per_s
    assert stages["duplicates"].flop_per_s == pytest.approx({"FR": 1e18, "NO": 9e17})
    assert stages["status"].flop_per_s == pytest.approx({"FR": 1e18, "NO": 9e17, "JP": 4e18})
    assert stages["date"].flop_per_s == pytest.approx({"FR": 1e18, "NO": 9e17, "JP": 4e18, "CN": 5e18})
    assert [step.id for step in found.steps] == list(STEPS)
    effects = {step.id: step.effect("FR", "flops") for step in found.steps}
    assert effects["precision"] == pytest.approx(8e18 - 11000 * 1.979e15)
    assert effects["duplicates"] == pytest.approx(-7e18)
    assert effects["status"] == effects["date"] == 0


@pytest.mark.parametrize("basis", ["peak", "achievable", "sustained", "delivered"])
def test_the_walk_ends_at_what_estimate_says(
    tmp_path: Path, facts: Facts, calibration: Calibration, basis: Any
) -> None:
    found = walk(write(tmp_path / "c.csv", ROWS), facts, calibration, basis=basis)
    for unit in ("flops", "h100e"):
        request = Request(Selection(AS_OF), (basis,), unit=unit, levels=(("territory",),), draws=DRAWS)
        result = estimate(load_census([], facts), request, facts, calibration)[0].accounts
        last = found.stages[-1]
        assert last.total(unit) == pytest.approx(result.total.mean, rel=1e-12)
        assert last.deployments == result.deployments
        for row in result.accounts[0].rows:
            assert last.share(row.code) == pytest.approx(row.share, abs=1e-12)
    # before the measurement the same rows stand at their peak
    assert found.stages[-2].deployments == found.stages[-1].deployments
    if basis == "peak":
        assert found.steps[-1].effect_on_total("h100e") == 0


@pytest.mark.parametrize("unit", ["h100e", "flops"])
@pytest.mark.parametrize("level", ["territory", "provider", "vendor", "sector"])
def test_the_effects_add_up_on_the_real_file(
    path: Path, facts: Facts, calibration: Calibration, level: str, unit: Any
) -> None:
    assert_adds_up(walk(path, facts, calibration, levels=(level,)), unit)


def assert_adds_up(found: Bridge, unit: Any) -> None:
    first, last = found.stages[0], found.stages[-1]
    size = max(stage.total(unit) for stage in found.stages)
    for code in found.codes:
        effects = [step.effect(code, unit) for step in found.steps]
        assert math.fsum(effects) == pytest.approx(
            last.amount(code, unit) - first.amount(code, unit), abs=1e-14 * size
        )
        shares = [step.effect_on_share(code) for step in found.steps]
        assert math.fsum(shares) == pytest.approx(last.share(code) - first.share(code), abs=1e-14)
    totals = [step.effect_on_total(unit) for step in found.steps]
    assert math.fsum(totals) == pytest.approx(last.total(unit) - first.total(unit), abs=1e-14 * size)
    for step in found.steps:
        by_holder = math.fsum(step.effect(code, unit) for code in found.codes)
        assert by_holder == pytest.approx(step.effect_on_total(unit), abs=1e-14 * size)
    for stage in found.stages:
        assert math.fsum(stage.share(code) for code in found.codes) == pytest.approx(
            1.0 if stage.total("flops") else 0
        )


FIGURES = st.none() | st.floats(1.0, 1e24)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    name = f"row-{draw(st.integers(1, 10**6))}"
    day = draw(st.none() | st.dates(datetime.date(2015, 1, 1), datetime.date(2027, 1, 1)))
    values = {key: draw(FIGURES) for key in ("bf16", "h100e")}
    chip = draw(st.sampled_from([None, "nvidia-h100-sxm", "amd-mi250x"]))
    return Entry(
        id=name,
        facility=name,
        facility_name=name,
        territory=draw(st.sampled_from([None, "FR", "NO", "US", "CN"])),
        owners=(Owner(None, None, 1.0),),
        operator=None,
        sector=None,
        accelerator=chip,
        vendor=None,
        vendor_nation=None,
        count=draw(st.none() | st.floats(1, 1e6).map(exact)),
        in_service=day,
        retired=None,
        status=draw(st.sampled_from(["operational", "announced", "retired"])),
        kind="reported",
        source="https://example.org",
        values={key: value for key, value in values.items() if value is not None},
        duplicate=draw(st.booleans()),
        standard=draw(st.booleans()),
    )


@settings(max_examples=15)
@given(rows=st.lists(entries(), max_size=12, unique_by=lambda e: e.id), seed=st.integers(0, 99))
def test_any_file_adds_up_in_any_order(rows: list[Entry], seed: int) -> None:
    facts = load_facts()
    calibration, ours = load_calibration(facts), load_census([], facts)
    shuffled = random.Random(seed).sample(rows, len(rows))
    target = Target(Selection(AS_OF), draws=3)
    found = [
        bridge(START, Ledger("f", tuple(each), "file", ("bf16", "h100e")), ours, target, facts, calibration)
        for each in (rows, shuffled)
    ]
    assert_adds_up(found[0], "h100e")
    assert_adds_up(found[0], "flops")
    assert set(found[0].codes) == set(found[1].codes)
    for one, other in zip(found[0].stages, found[1].stages, strict=True):
        assert other.flop_per_s == pytest.approx(one.flop_per_s, rel=1e-12)
        assert one.deployments == other.deployments
    # every row of the file is valued, or left out with a reason
    for stage in found[0].stages[:-2]:
        assert stage.deployments + sum(stage.skipped.values()) == len(rows)


def test_a_figure_or_a_file_that_does_not_fit_is_refused(facts: Facts, calibration: Calibration) -> None:
    with pytest.raises(UnknownNameError, match="did you mean epoch-2025"):
        published("epoch-2024")
    ours = load_census([], facts)
    with pytest.raises(InputError, match="--file epoch-clusters:PATH"):
        bridge(START, ours, ours, Target(Selection(AS_OF)), facts, calibration)
