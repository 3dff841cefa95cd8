"""Rows of the figures of a country, of sales and of the walk, against the document by pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from bench.errors import InputError
from flopcensus.report.document import check_results
from flopcensus.report.figures.all import Figures, figures
from flopcensus.report.figures.choosing import View, choose
from flopcensus.report.markdown import markdown
from tests.report import parts

DATE = "2026-06-30"
AMOUNTS = list(parts.AMOUNTS)


@pytest.fixture(scope="module")
def whole(viewed: Mapping[str, Any]) -> dict[str, Any]:
    """A document with every part that figures of the world and of a country are made of."""
    made = {"countries": parts.countries(), "sold": parts.sold(), "bridge": parts.bridges()}
    return {**viewed, **made}


@pytest.fixture(scope="module")
def found(whole: dict[str, Any]) -> Figures:
    made = figures(check_results(whole))
    assert made is not None
    return made


def view(found: Figures, name: str, **chosen: str) -> View:
    (figure,) = [one for one in found.figures if one.id == name]
    return choose(figure, found.controls, chosen)


def rows(found: Figures, name: str, **chosen: str) -> pd.DataFrame:
    return pd.DataFrame(view(found, name, **chosen).rows)


def cells(whole: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(whole["cube"]["columns"])
    return frame[(frame.status == "operational") == (frame.as_of <= DATE)]


def page(whole: dict[str, Any], code: str) -> dict[str, Any]:
    (country,) = [one for one in whole["countries"]["countries"] if one["code"] == code]
    return dict(country)


def alike(ours: pd.DataFrame, theirs: pd.DataFrame, key: str, columns: list[str]) -> None:
    left, right = (frame.set_index(key)[columns].sort_index() for frame in (ours, theirs))
    pd.testing.assert_frame_equal(left, right, check_dtype=False, rtol=1e-9)


def test_a_countrys_accounts_are_its_rows_on_two_levels(found: Figures, whole: dict[str, Any]) -> None:
    frame = cells(whole)
    wanted = frame[(frame.precision == "fp8") & (frame.basis == "sustained") & (frame.as_of == "2024-12-31")]
    wanted = wanted[wanted.level.isin(["territory", "provider"]) & (wanted.code == "FR")]
    chosen = {"precision": "fp8", "basis": "sustained", "year": "2024-12-31", "country": "FR"}
    alike(rows(found, "country-accounts", **chosen), wanted, "level", [*AMOUNTS, "share", "share_p5"])


def test_heads_are_capacity_by_people_and_by_product(found: Figures, whole: dict[str, Any]) -> None:
    frame = cells(whole)
    there = frame[(frame.level == "territory") & (frame.basis == "peak") & (frame.precision == "bf16")]
    there = there[(there.as_of == DATE) & there.code.isin(parts.PEOPLE)].set_index("code")
    ours = rows(found, "country-heads", basis="peak").set_index("code")
    # a group of nations is no row beside its members
    assert set(ours.index) == set(parts.PEOPLE)
    people, dollars = pd.Series(parts.PEOPLE), pd.Series(parts.DOLLARS)
    for name in AMOUNTS:
        assert ours[name].to_dict() == pytest.approx((there[name] / people * 1e6).to_dict(), rel=1e-3)
    assert ours.per_product.to_dict() == pytest.approx((there.p50 / dollars * 1e9).to_dict(), rel=1e-3)


@pytest.mark.parametrize("code", ["US", "FR"])
def test_parts_are_those_of_the_page_and_follow_the_unit(
    found: Figures, whole: dict[str, Any], code: str
) -> None:
    levels = page(whole, code)["national_account"]["levels"]
    wanted = pd.DataFrame(levels).T.rename_axis("part").reset_index()
    alike(rows(found, "country-parts", country=code), wanted, "part", AMOUNTS)
    # an H100e is that of the page's own basis and precision, whatever is chosen
    constant = whole["cube"]["h100e"]["delivered"]["bf16"]
    wanted[AMOUNTS] /= constant
    chosen = {"country": code, "unit": "h100e", "basis": "peak", "precision": "fp8"}
    alike(rows(found, "country-parts", **chosen), wanted, "part", AMOUNTS)


@pytest.mark.parametrize("code", ["US", "FR"])
def test_own_shares_of_a_level_fill_the_bar(found: Figures, whole: dict[str, Any], code: str) -> None:
    country, ours = page(whole, code), rows(found, "country-profile", country=code)
    levels = pd.json_normalize(country["levels"])
    assert len(ours) == len(levels) + 1
    single = ours.head(len(levels))
    assert single.domestic.tolist() == levels["domestic.share"].tolist()
    assert single.high.tolist() == levels["domestic_high.share"].tolist()
    assert (single.high + single.foreign).tolist() == pytest.approx([1.0] * len(single))
    assert single.largest.tolist() == ["Singapore or Taiwan, 15.0 %"] * len(single)
    assert ours.grade.fillna("none").tolist() == ["B", "none", "A"]


def test_only_nations_that_could_stop_something_are_shown(found: Figures, whole: dict[str, Any]) -> None:
    ours = rows(found, "country-exposure", country="FR")
    (stopping, _) = page(whole, "FR")["profile"]["exposures"]
    assert ours.nation.unique().tolist() == ["Taiwan"]
    assert ours.share.tolist() == [stopping[kind]["share"] for kind in ("stop_now", "stop_growth")]


def test_sites_stand_with_their_source_largest_first(found: Figures, whole: dict[str, Any]) -> None:
    facilities = pd.DataFrame(page(whole, "US")["facilities"])
    ours = rows(found, "country-sites", country="US")
    alike(ours, facilities, "name", [*AMOUNTS, "share"])
    assert ours["mean"].is_monotonic_decreasing
    assert set(ours.host) == {"example.org"}
    # its error may carry a share of variance below 0
    assert ours.set_index("name").spread["Site 0"] == 0.0
    assert len(view(found, "country-sites", country="US").spec["datasets"]["rows"]) == 12


def test_every_deployment_of_a_country_is_there_with_its_count(found: Figures, whole: dict[str, Any]) -> None:
    census = pd.DataFrame(whole["facilities"])
    ours = rows(found, "country-census", country="FR")
    assert sorted(ours.facility) == sorted(census[census.territory == "FR"].facility)
    by = ours.set_index("facility").to_dict("index")
    two = [by["Site of two"][name] for name in ("low", "best", "high", "interval")]
    assert two == [90, 100, 110, "90 to 110"]
    assert by["Site of one"]["interval"] == "as stated"
    assert pd.isna(by["Site of three"]["best"]) and pd.isna(by["Site of three"]["interval"])
    assert rows(found, "country-census", country="US").empty


def test_aims_are_those_of_the_programmes_and_say_why_not(found: Figures, whole: dict[str, Any]) -> None:
    (target,) = page(whole, "FR")["targets"]
    ours = rows(found, "country-targets", country="FR").set_index("aim").to_dict("index")
    reached, sites = ours["plan/exaflops"], ours["plan/sites"]
    assert {key: reached[key] for key in ("p5", "p50", "p95")}.items() <= target["reached"].items()
    assert (reached["target"], reached["probability"]) == (2e20, target["probability"])
    assert sites["reading"] == "it states sites and no capacity"
    assert pd.isna(sites["p50"])


def test_a_country_without_a_page_says_why(found: Figures) -> None:
    shown = view(found, "country-parts", country="SG")
    assert not shown.rows and shown.empty.startswith("Singapore hosts or owns less than 0.1 %")


@pytest.mark.parametrize(("name", "part"), [("sold", "designer"), ("sold-models", "model")])
def test_what_was_sold_is_located_or_not(found: Figures, whole: dict[str, Any], name: str, part: str) -> None:
    lines = pd.json_normalize(whole["sold"][part]).rename(
        columns=lambda column: column.replace("unlocated", "rest")
    )
    wanted = pd.DataFrame({"code": lines.code, "chips": lines["chips.sold.p50"]})
    for short in ("sold", "located", "rest"):
        for end, key in (("", "p50"), ("_p5", "p5"), ("_p95", "p95")):
            wanted[short + end] = lines[f"h100e.{short}.{key}"]
    wanted["share"] = lines["h100e.located.mean"] / lines["h100e.sold.mean"]
    ours = rows(found, name)
    alike(ours, wanted, "code", [str(column) for column in wanted if column != "code"])
    assert ours.sold.is_monotonic_decreasing
    # where more is located than was sold, nothing of the bar is not located
    assert (ours.end == ours[["sold", "located"]].max(axis=1)).all()


def test_bounds_are_of_the_level_that_is_chosen(found: Figures, whole: dict[str, Any]) -> None:
    bounds = pd.json_normalize(whole["sold"]["bounds"]["territory"])
    # a level of which nothing is bounded gives way to the first that has bounds
    for level in ("territory", "provider"):
        ours = rows(found, "sold-bounds", level=level).set_index("code")
        assert ours.least.to_dict() == dict(zip(bounds.code, bounds["lowest.p5"], strict=True))
        assert ours.most.to_dict() == dict(zip(bounds.code, bounds["highest.p95"], strict=True))


@pytest.mark.parametrize("unit", ["flops", "h100e"])
def test_the_walk_goes_from_their_total_to_ours(found: Figures, whole: dict[str, Any], unit: str) -> None:
    totals = pd.Series([stage["total"]["mean"] for stage in whole["bridge"][unit]["stages"]])
    ours = rows(found, "bridge", unit=unit)
    assert ours.effect[1:-1].tolist() == pytest.approx(totals.diff()[1:].tolist())
    assert ours.after.tolist() == [*totals, totals.iloc[-1]]
    assert ours.kind.tolist() == ["total", "takes away", "no change", "adds", "total"]
    assert ours.top.tolist() == pytest.approx([*totals.rolling(2, min_periods=1).max(), totals.iloc[-1]])


def test_sources_are_links_in_markdown(found: Figures, whole: dict[str, Any]) -> None:
    whole = {**whole, "facilities": [dict(one) for one in whole["facilities"]]}
    whole["facilities"][0] |= {"source": "https://example.org/a|b>c", "facility": "AT&T | <b>"}
    results = check_results(whole)
    text = markdown(results, figures(results), {"country": "FR"})
    assert "[example.org](<https://example.org/a%7Cb%3Ec>)" in text
    assert "AT\\&T \\| \\<b\\>" in text
    # what is no web address is no link
    assert "javascript:alert\\(1\\)" in text or "javascript:alert(1)" in text
    assert "](<javascript" not in text


def test_a_walk_in_one_unit_stays_in_it(whole: dict[str, Any]) -> None:
    made = figures(check_results({**whole, "bridge": {"h100e": parts.bridge("H100e", 1.0)}}))
    assert made is not None
    assert len(rows(made, "bridge", unit="flops")) == 5
    assert view(made, "bridge", unit="flops").title.endswith("H100e")


def test_a_walk_that_lacks_a_step_is_refused(whole: dict[str, Any]) -> None:
    broken = {**whole, "bridge": parts.bridges()}
    broken["bridge"]["flops"]["steps"].pop()
    with pytest.raises(InputError, match="one step between each two stages"):
        check_results(broken)
