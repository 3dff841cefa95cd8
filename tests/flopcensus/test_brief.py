"""``flopcensus brief`` as its users and their scripts meet it."""

from __future__ import annotations

import csv
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.cli import in_process as run

AS_OF = "2026-06-30"
SOURCE = "https://example.org"


def batch(name: str, count: int, since: str | None, status: str = "operational") -> dict[str, Any]:
    number = {"value": count, "kind": "reported", "source": f"{SOURCE}/{name}", "date": "2026-01-01"}
    row = {"id": name, "accelerator": "nvidia-h100-sxm", "count": number, "status": status}
    return row | ({"in_service": since} if since else {})


def facility(
    name: str, territory: str, owners: dict[str, float], *deployments: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "territory": territory,
        "owners": [{"organisation": owner, "share": share} for owner, share in owners.items()],
        "sector": "public",
        "sources": [{"url": SOURCE, "title": "A page", "date": "2026-01-01"}],
        "deployments": list(deployments),
    }


CENSUS = [
    facility(
        "of-ours",
        "GB",
        {"ukri": 1.0},
        batch("ours", 1000, "2024-01-01"),
        batch("plan", 500, None, "announced"),
    ),
    facility("of-google", "GB", {"google": 1.0}, batch("google", 3000, "2026-01-01")),
    facility("abroad", "FR", {"eurohpc-ju": 0.5, "ukri": 0.5}, batch("joint", 4000, "2024-01-01")),
]


@lru_cache
def shipped(code: str, *options: str) -> Any:
    result = run("brief", code, "--as-of", AS_OF, "--draws", "200", "--format", "json", *options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def census(tmp_path: Path) -> str:
    path = tmp_path / "census.yaml"
    path.write_text(json.dumps({"facilities": CENSUS}), encoding="utf-8")
    return str(path)


def of(census: str, code: str, *options: str) -> Any:
    result = run("brief", code, census, "--as-of", AS_OF, "--basis", "peak", "--format", "json", *options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_small_census_by_hand(census: str) -> None:
    found = of(census, "GB")
    assert found["schema"] == "flopcensus/brief/1"
    assert (found["unit"], found["basis"], found["census"]) == ("H100e", "peak", census)
    account = {name: q["mean"] for name, q in found["national_account"]["levels"].items()}
    assert account == pytest.approx(
        {"home": 1000, "foreign": 3000, "abroad": 2000, "domestic": 4000, "national": 3000}
    )
    head = found["headline"]
    assert head["share_of_world"]["share"] == pytest.approx(0.5)
    assert (head["rank"], head["hosts"], head["provenance"]) == (1, 2, {"reported": 1.0})
    # 1,000 of 5,000 stood the year before, and now 4,000 of 8,000
    assert head["growth"]["p50"] == pytest.approx(4, rel=2e-3)
    assert head["world_growth"]["p50"] == pytest.approx(8 / 5, rel=2e-3)
    levels = {level["level"]: level for level in found["levels"]}
    assert levels["provider"]["domestic"]["share"] == pytest.approx(0.25)
    assert levels["vendor_nation"]["nations"]["US"]["share"] == pytest.approx(1)
    america = found["profile"]["exposures"][0]
    assert (america["nation"], america["stop_now"]["share"]) == ("US", pytest.approx(0.75))
    assert america["stop_growth"]["share"] == pytest.approx(1)
    assert found["profile"]["largest_site"]["code"] == "of-google"
    assert [f["facility"] for f in found["facilities"]] == ["of-google", "of-ours"]
    assert found["facilities"][0]["sources"] == [f"{SOURCE}/google"]
    assert found["profile"]["concentration"]["owner"]["hhi"]["p50"] == pytest.approx(6250)
    assert {one["code"]: one["mean"] for one in found["national_account"]["controls_in"]} == pytest.approx(
        {"GB": 1000, "FR": 2000}
    )
    grades = {name: grade["grade"] for name, grade in found["grades"].items()}
    assert grades["domestic"] == "B"
    planned = next(one for one in found["what_would_change"] if one["id"] == "announced")
    assert planned["value"] == pytest.approx(500)


def test_a_group_is_one_holder(census: str) -> None:
    found = of(census, "EU", "--demand", "20%")
    account = {name: q["mean"] for name, q in found["national_account"]["levels"].items()}
    assert account == pytest.approx(
        {"home": 2000, "foreign": 2000, "abroad": 0, "domestic": 4000, "national": 2000}
    )
    assert "FR" in found["country"]["members"]
    assert found["profile"]["published_categories"] is None
    assert found["demand"]["supply"]["share"] == pytest.approx(0.5)
    assert found["demand"]["gap"]["p50"] == pytest.approx(0.2 * 8000 - 4000)
    assert found["demand"]["closing"]["p50"] == 0


def test_a_gap_that_never_closes(census: str) -> None:
    demand = of(census, "EU", "--demand", "80%")["demand"]
    assert demand["closing"] == {"p5": None, "p50": None, "p95": None, "probability_never": 1.0}


def test_the_shipped_census_on_the_united_kingdom() -> None:
    found = shipped("GB")
    account = {name: q["mean"] for name, q in found["national_account"]["levels"].items()}
    assert account["domestic"] == pytest.approx(account["home"] + account["foreign"])
    assert account["national"] == pytest.approx(account["home"] + account["abroad"])
    assert account["domestic"] == pytest.approx(sum(f["mean"] for f in found["facilities"]))
    assert sum(f["share_of_variance"] for f in found["facilities"]) == pytest.approx(1)
    assert sum(found["headline"]["provenance"].values()) == pytest.approx(1)
    assert all(f["sources"] for f in found["facilities"])
    assert found["profile"]["published_categories"]["category"] == "Compute North"
    aim = next(one for one in found["targets"] if one["aim"] == "target-2030")
    assert aim["target"] == pytest.approx(106_120, rel=1e-4)
    assert aim["growth_needed"]["p50"] > 0
    assert found["targets_not_comparable"]["uk-ai-growth-zones/power-2030"] == "states power, no capacity"


def test_the_same_estimate_as_estimate_gives() -> None:
    result = run(
        "estimate", "--as-of", AS_OF, "--basis", "delivered", "--unit", "h100e", "--draws", "200",
        "--by", "territory", "--by", "provider", "--format", "json",
    )  # fmt: skip
    rows = json.loads(result.stdout)["estimates"][0]["accounts"]
    found = shipped("GB")
    for level, side in (("territory", "domestic"), ("provider", "national")):
        row = next(row for row in rows[level] if row["code"] == "GB")
        got = found["national_account"]["levels"][side]
        assert {name: row[name] for name in got} == pytest.approx(got)
    row = next(row for row in rows["territory"] if row["code"] == "GB")
    assert found["headline"]["share_of_world"] == pytest.approx(
        {"share": row["share"], "p5": row["share_p5"], "p95": row["share_p95"]}
    )


def test_a_country_that_holds_nothing_has_a_page() -> None:
    found = shipped("AQ")
    assert found["headline"]["capacity"]["mean"] == 0
    assert (found["headline"]["rank"], found["facilities"], found["targets"]) == (None, [], [])
    assert run("brief", "AQ", "--as-of", AS_OF, "--draws", "50").returncode == 0


def test_csv_has_the_figures_of_the_json() -> None:
    result = run("brief", "GB", "--as-of", AS_OF, "--draws", "200", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    found = shipped("GB")
    first = next(row for row in rows if row["name"].startswith("H home"))
    assert float(first["mean"]) == pytest.approx(found["national_account"]["levels"]["home"]["mean"])
    assert len([row for row in rows if row["section"] == "facilities"]) == len(found["facilities"])


def test_the_page_has_its_sections() -> None:
    result = run("brief", "United Kingdom", "--as-of", AS_OF, "--draws", "200", "--demand", "3%")
    assert result.returncode == 0, result.stderr
    for words in (
        "United Kingdom [GB]",
        "grade",
        "domestic and national account",
        "(weakest)",
        "can stop from growing",
        "published categories",
        "our categories",
        "facilities, the largest first",
        "https://",
        "aims of its programmes",
        "what would change it",
        "of demand, as claimed",
    ):
        assert words in result.stdout
    assert "warning: the shipped census holds" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Atlantis",), "unknown country"),
        (("GB", "--demand", "120%"), "--demand"),
        (("GB", "--precision", "bf61"), "unknown precision"),
        (("GB", "--as-of", "yesterday"), "--as-of"),
        (("GB", "gone.yaml"), "gone.yaml"),
        (("GB", "--draws", "0"), "draws"),
    ],
)
def test_bad_input_is_one_message(arguments: tuple[str, ...], words: str) -> None:
    result = run("brief", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr


def test_units_and_bases_agree() -> None:
    flops = shipped("GB", "--unit", "flops", "--basis", "peak")
    h100e = shipped("GB", "--basis", "peak")
    ratio = flops["headline"]["capacity"]["p50"] / h100e["headline"]["capacity"]["p50"]
    assert ratio == pytest.approx(989.4e12)
    for one, other in zip(flops["levels"], h100e["levels"], strict=True):
        assert one["domestic"] == pytest.approx(other["domestic"])
    delivered = shipped("GB", "--unit", "flops")["headline"]["capacity"]["p50"]
    assert delivered < flops["headline"]["capacity"]["p50"]


def test_without_an_h100e_the_page_is_in_operations() -> None:
    # an H100 has no fp4, and none is asked for
    found = shipped("GB", "--precision", "fp4", "--unit", "flops", "--basis", "peak", "--draws", "100")
    assert found["targets"] == []
    assert "none is published for fp4 on basis peak" in str(found["targets_not_comparable"])


def test_what_two_lists_plan_at_one_site_is_counted_once(tmp_path: Path) -> None:
    """The first list named is believed about the site that a tie says is the same."""
    own = facility("of-ours", "GB", {"ukri": 1.0}, batch("plan", 500, None, "announced"))
    census = tmp_path / "census.yaml"
    tied = own | {"same_as": ["epoch-clusters:Their name"]}
    census.write_text(json.dumps({"facilities": [tied]}), encoding="utf-8")
    listed = tmp_path / "clusters.csv"
    fixed = {"Status": "Planned", "Country": "United Kingdom", "Chip type (primary)": "NVIDIA H100 SXM5 80GB"}
    blank = ("Owner", "First Operational Date", "Sector", "GPU Supplier (primary)", "Superseded by")
    more = ("Include in Standard Analysis", "Possible Duplicate", "Max OP/s", "H100 equivalents")
    columns = (
        "Name", "Chip quantity (primary)", *fixed, *blank, *more, "16-bit OP/s", "8-bit OP/s", "32-bit OP/s",
    )  # fmt: skip
    with listed.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        for name, count in (("Their name", "700"), ("Another", "200")):
            peak = {"16-bit OP/s": f"{int(count) * 989.4e12:.6e}"}
            writer.writerow(fixed | peak | {"Name": name, "Chip quantity (primary)": count})

    def plans(*lists: str) -> float:
        result = run("brief", "GB", *lists, "--as-of", AS_OF, "--basis", "peak", "--format", "json")
        assert result.returncode == 0, result.stderr
        found = json.loads(result.stdout)["what_would_change"]
        return sum(float(one["value"]) for one in found if one["id"] in {"announced", "contracted"})

    foreign = f"epoch-clusters:{listed}"
    assert plans(foreign) == pytest.approx(900, rel=1e-3)
    assert plans(str(census), foreign) == pytest.approx(500 + 200, rel=1e-3)
    assert plans(foreign, str(census)) == pytest.approx(900, rel=1e-3)
