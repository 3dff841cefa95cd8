"""The page's figures in a real browser: the right numbers in every view, and nothing asked of anyone."""

from __future__ import annotations

import copy
import csv
import io
import random
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from flopcensus.report import engine
from flopcensus.report.cells import cell
from flopcensus.report.document import check_results
from flopcensus.report.figures.all import Figures, figures
from flopcensus.report.figures.choosing import choose
from flopcensus.report.figures.figure import Column, Kind
from flopcensus.report.page import render

pytest.importorskip("playwright", reason="playwright is not installed")
pytest.importorskip("vl_convert", reason="the extra page is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is installed"),
]

NASTY = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "M" * 300,
    "مركز الحوسبة",
    "東京計算機" * 30,
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


class Seen:
    """A page as opened: what it said, and what it asked for."""

    def __init__(self, chromium: Any, address: str, **options: Any) -> None:
        self.tab = chromium.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.said: list[str] = []
        self.asked: list[str] = []
        self.tab.on("console", lambda m: self.said.append(m.text) if m.type in {"error", "warning"} else None)
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(address)
        self.drawn()

    def drawn(self) -> None:
        # the page's policy forbids what wait_for_function does
        until = time.monotonic() + 120
        while not self.tab.evaluate("window.flopcensus?.idle() ?? false"):
            assert time.monotonic() < until, "the figures are not drawn"
            self.tab.wait_for_timeout(20)

    def choose(self, **chosen: str) -> None:
        for name, value in chosen.items():
            self.tab.select_option(f"#control-{name}", value)
        self.drawn()


@pytest.fixture(scope="module")
def found(viewed: Mapping[str, Any]) -> Figures:
    made = figures(check_results(viewed))
    assert made is not None
    return made


@pytest.fixture(scope="module")
def address(viewed: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(viewed), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def seen(chromium: Any, address: str) -> Seen:
    return Seen(chromium, address)


def _views(found: Figures, many: int) -> list[dict[str, str]]:
    chance = random.Random(20261123)
    return [
        {c.name: chance.choice(c.choices)[0] for c in found.controls.controls if len(c.choices) > 1}
        for _ in range(many)
    ]


def test_every_view_shows_the_numbers_of_the_results(
    seen: Seen, found: Figures, viewed: Mapping[str, Any]
) -> None:
    for chosen in _views(found, 4):
        seen.choose(**chosen)
        assert seen.tab.evaluate("flopcensus.state()").items() >= chosen.items()
        for figure in found.figures:
            ours = choose(figure, found.controls, chosen)
            shown = seen.tab.evaluate("id => flopcensus.shown(id)", figure.id)
            assert (shown["title"], len(shown["rows"])) == (ours.title, len(ours.rows)), (figure.id, chosen)
            assert [_alike(row) for row in shown["rows"]] == [_alike(row) for row in ours.rows]
            place = seen.tab.locator(f"#figure-{figure.id}")
            assert place.locator(".figure-title").text_content() == ours.title
            cells = [[td.strip() for td in tr] for tr in _cells(seen, figure.id)]
            unit = shown["unit"]
            assert cells == [[cell(c, row, unit) for c in figure.columns] for row in ours.rows], figure.id


def _alike(row: Mapping[str, Any]) -> dict[str, Any]:
    """Round numbers to what two languages may differ by."""
    return {key: float(f"{v:.12g}") if isinstance(v, int | float) else v for key, v in row.items()}


def _cells(seen: Seen, figure: str) -> list[list[str]]:
    found = "[...document.querySelectorAll(`#figure-${id} tbody tr`)]"
    script = f"id => {found}.map(r => [...r.children].map(c => c.textContent))"
    rows: list[list[str]] = seen.tab.evaluate(script, figure)
    return rows


def test_what_is_drawn_is_what_the_accounts_say(seen: Seen, viewed: Mapping[str, Any]) -> None:
    """The bars' own lengths, read from the picture, are in the proportion of the results' numbers."""
    seen.choose(basis="sustained", precision="fp8", unit="h100e", level="vendor", year="2024-12-31")
    columns = viewed["cube"]["columns"]
    wanted = {
        "basis": "sustained",
        "precision": "fp8",
        "level": "vendor",
        "as_of": "2024-12-31",
        "status": "operational",
    }
    places = [n for n in range(len(columns["mean"])) if all(columns[k][n] == v for k, v in wanted.items())]
    medians = sorted((columns["p50"][n] for n in places), reverse=True)
    bars = seen.tab.locator("#figure-holders .chart .mark-rect path")
    widths = sorted((bars.nth(n).bounding_box()["width"] for n in range(bars.count())), reverse=True)
    assert len(widths) == len(medians) == 3
    assert widths[1] / widths[0] == pytest.approx(medians[1] / medians[0], abs=0.02)
    first = seen.tab.evaluate("flopcensus.shown('holders').rows[0].p50")
    assert first == pytest.approx(medians[0] / (1978.9e12 * 0.37), rel=1e-9)


# of the sizes that values have, and at the edges where they change how they read
NUMBERS = [
    s * v for s in (1, -1) for v in (0.0, 1e-9, 4e-4, 5e-4, 0.00125, 0.125, 0.9996, 1.0, 2.5, 9.95, 999.5)
]
NUMBERS += [s * 1.2345e3**n for s in (1, -1) for n in range(1, 12)] + [1e21, 1e24, 9.9951e26, 1e60]
KINDS = ("amount", "share", "number", "interval", "share_interval")


def test_a_cell_reads_the_same_in_both_languages(seen: Seen) -> None:
    asked = [
        (kind, low, unit) for kind in KINDS for low in [*NUMBERS, None] for unit in ("FLOP/s", "H100e", "B/s")
    ]
    rows = [{"a": low, "b": None if low is None else abs(low) * 1.5 + 1} for _, low, _ in asked]
    columns = [Column("x", "a:b" if "interval" in kind else "a", cast("Kind", kind)) for kind, _, _ in asked]
    given = [(vars(c), row, unit) for c, row, (_, _, unit) in zip(columns, rows, asked, strict=True)]
    found = seen.tab.evaluate("asked => asked.map(one => flopcensus.cell(...one))", given)
    assert found == [cell(c, row, unit) for c, row, (*_, unit) in zip(columns, rows, asked, strict=True)]


def test_where_no_h100e_is_defined_nothing_is_made_up(seen: Seen) -> None:
    seen.choose(basis="delivered", precision="fp8", unit="h100e", level="territory", year="2026-06-30")
    assert {row["p50"] for row in seen.tab.evaluate("flopcensus.shown('holders').rows")} == {None}
    assert _cells(seen, "holders")[0][2] == "not available"


def test_the_page_says_nothing_wrong_and_asks_no_one(seen: Seen, address: str) -> None:
    assert not seen.said
    assert {url.split("#")[0] for url in seen.asked if not url.startswith(("data:", "blob:"))} == {address}


def test_the_address_keeps_the_view(chromium: Any, seen: Seen) -> None:
    chosen = {"basis": "peak", "unit": "h100e", "level": "vendor", "country": "BR"}
    seen.choose(**chosen)
    again = Seen(chromium, seen.tab.url)
    assert again.tab.evaluate("flopcensus.state()").items() >= chosen.items()
    assert again.tab.locator("#control-level").input_value() == "vendor"
    again.tab.goto(seen.tab.url.split("#")[0] + "#basis=nonsense&level=%3Cb%3E")
    again.drawn()
    assert again.tab.evaluate("flopcensus.state().basis") == "delivered"
    again.tab.close()


def test_a_download_is_the_table_and_runs_no_formula(seen: Seen, viewed: Mapping[str, Any]) -> None:
    seen.choose(basis="peak", precision="bf16", unit="flops", level="vendor", year="2026-06-30")
    place = seen.tab.locator("#figure-holders")
    if not place.locator("details").get_attribute("open"):
        place.locator("summary").click()
    with seen.tab.expect_download() as waiting:
        place.locator(".save-csv").click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    shown = seen.tab.evaluate("flopcensus.shown('holders').rows")
    assert [float(row["p50_flop_per_s"]) for row in rows] == [row["p50"] for row in shown]
    assert {row["basis"] for row in rows} == {"peak"}
    (evil,) = [row["name"] for row in rows if row["code"] == "evil"]
    assert evil.startswith("'=")


def test_tables_sort_by_keyboard(seen: Seen) -> None:
    place = seen.tab.locator("#figure-holders")
    if place.locator("details").get_attribute("open") is None:
        place.locator("summary").click()
    head = place.locator("thead button").nth(0)
    head.focus()
    seen.tab.keyboard.press("Enter")
    assert place.locator("thead th").nth(0).get_attribute("aria-sort") == "ascending"
    names = [row[0] for row in _cells(seen, "holders")]
    assert names == sorted(names, key=str.casefold)
    assert seen.tab.evaluate("document.activeElement.textContent") == "Holder"


@pytest.fixture(scope="module")
def hostile(viewed: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page whose names are mark-up, very long, or of other scripts."""
    document = copy.deepcopy(dict(viewed))
    document["study"]["title"] = NASTY[1]
    names = document["cube"]["names"]
    for level in ("territory", "provider", "vendor"):
        for code, text in zip(names[level], NASTY, strict=False):
            names[level][code] = text
    for n, code in enumerate(names["territory,provider,vendor_nation"]):
        names["territory,provider,vendor_nation"][code] = " / ".join([NASTY[n % 5], NASTY[2], NASTY[4]])
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(render(document), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_names_are_text_and_nothing_is_wider_than_a_phone(
    chromium: Any, hostile: str, scheme: str
) -> None:
    phone = Seen(chromium, hostile, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert not phone.said
    assert phone.tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.tab.locator("img").count() == 0
    assert NASTY[0] in {name for name, *_ in _cells(phone, "holders")}
    phone.tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readers_of_all_kinds_can_use_it(chromium: Any, address: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = Seen(chromium, address, color_scheme=scheme)
    page.tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page.tab)
    bad = [
        (v["id"], v["help"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found.response["violations"]
    ]
    assert not bad
    page.tab.close()


def test_it_prints_with_every_figure(chromium: Any, address: str, tmp_path: Path) -> None:
    page = Seen(chromium, address, color_scheme="dark")
    page.tab.pdf(path=tmp_path / "page.pdf", format="A4")
    data = (tmp_path / "page.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") >= 3
    assert not page.said
    page.tab.close()


def test_one_file_below_three_megabytes(viewed: Mapping[str, Any]) -> None:
    assert len(render(viewed).encode()) < 3_000_000
    assert engine.available()
