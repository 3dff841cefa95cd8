"""The page in a real browser: nothing asked of the network, no complaint, nothing wider than the window."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path
from typing import Any

import pytest

from flopcensus.report.page import render

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
# the page allows no script, and a browser's own window is never as narrow as a phone: so a frame is measured
FRAME = """<!DOCTYPE html><html><body>
<iframe style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const root = document.querySelector("iframe").contentDocument.documentElement;
  document.documentElement.dataset.width = root.scrollWidth + " " + root.clientWidth;
}}</script></body></html>"""

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is installed"),
]


def browse(tmp_path: Path, html: str, *flags: str) -> tuple[str, str]:
    """Return (the document as the browser built it, what it logged)."""
    page = tmp_path / "page.html"
    page.write_text(html, encoding="utf-8")
    done = subprocess.run(
        [
            str(BROWSER),
            *FLAGS,
            f"--user-data-dir={tmp_path / 'profile'}",
            *flags,
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    return done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")


def hostile(document: dict[str, Any]) -> dict[str, Any]:
    """Give the document names that are long, of other scripts, or markup."""
    document["study"]["title"] = "<script>document.title='x'</script>"
    document["facilities"][0]["facility"] = "W" * 400
    document["facilities"][1]["facility"] = "مركز الحوسبة"
    document["facilities"][1]["owners"] = ["東京計算機センター" * 8]
    document["estimates"][1]["accounts"]["territory"][0]["name"] = "M" * 300
    document["estimates"][1]["warnings"] = ["x" * 500]
    document["comparison"]["clusters"][0]["name"] = "W" * 120
    document["record"]["results"][1]["reason"] = "<img src=x onerror=alert(1)>" * 5
    return document


def test_the_browser_has_no_complaint_and_asks_nothing_of_the_network(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    log = tmp_path / "net.json"
    html = render(hostile(document))
    built, said = browse(tmp_path, html, f"--log-net-log={log}")
    assert "CONSOLE" not in said
    assert "<title>&lt;script&gt;" in built
    assert built.count("<tr>") == html.count("<tr>")
    asked = re.findall(r'"url":"(https?://[^"]+)"', log.read_text(encoding="utf-8", errors="replace"))
    in_page = {url.split("/")[2] for url in re.findall(r"https?://[^\"<\s]+", html)}
    assert in_page
    assert not [url for url in asked if url.split("/")[2] in in_page]


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("nasty", [False, True], ids=["plain", "hostile"])
def test_no_content_is_wider_than_the_window(
    tmp_path: Path, document: dict[str, Any], width: int, nasty: bool
) -> None:
    page = escape(render(hostile(document) if nasty else document), quote=True)
    built, _ = browse(tmp_path, FRAME.format(width=width, page=page), "--window-size=1600,1000")
    found = re.search(r'<html[^>]*data-width="(\d+) (\d+)"', built)
    assert found
    content, window = int(found[1]), int(found[2])
    assert window == width
    assert content <= window
