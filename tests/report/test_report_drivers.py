"""What drives the spread, on the page and on the terminal."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bench.errors import InputError
from flopcensus.report.page import render
from tests.cli import in_process as run
from tests.report.conftest import Page


def driven(document: dict[str, Any]) -> dict[str, Any]:
    """Return the results document with drivers on its last estimate."""
    found = copy.deepcopy(document)
    share = {"share": 0.6, "error": 0.01}
    one = {"input": "delivered", "name": "<b>availability", "inputs": 1, "low": 1e18, "high": 3e18}
    few = {"input": "count:*", "name": "counts", "inputs": 7, "low": 1.5e18, "high": 2.5e18}
    nothing = {"share": -0.002, "error": 0.01}
    found["estimates"][-1]["drivers"] = {
        "centre": 2e18,
        "sd": 1e17,
        "inputs": [
            one | {"first_order": share, "total_order": share},
            few | {"first_order": nothing, "total_order": nothing},
        ],
    }
    return found


def test_the_page_charts_the_shares_and_lists_every_input(document: dict[str, Any]) -> None:
    page = Page(render(driven(document))).root
    (section,) = [e for e in page.all("section") if e.attributes.get("aria-labelledby") == "drivers"]
    assert "60.0 ± 1.0 %" in section.text
    assert "-0.2 ± 1.0 %" in section.text
    assert "1.00 to 3.00 EFLOP/s" in section.text
    assert "7 inputs" in section.text
    bars = [
        float(str(e.attributes["width"]))
        for e in section.all("rect")
        if "bar" in str(e.attributes.get("class"))
    ]
    assert len(bars) == 2
    assert bars[0] > 0 == bars[1]
    # a name is text, never markup
    assert not [e for e in section.all("b") if "availability" in e.text]


def test_a_document_without_drivers_has_no_such_section(document: dict[str, Any]) -> None:
    page = Page(render(document)).root
    assert not [e for e in page.all("section") if e.attributes.get("aria-labelledby") == "drivers"]


def test_a_share_that_is_none_is_refused(document: dict[str, Any]) -> None:
    broken = driven(document)
    broken["estimates"][-1]["drivers"]["inputs"][0]["first_order"]["share"] = 7.0
    with pytest.raises(InputError, match="first_order"):
        render(broken)


def test_the_command_prints_a_table_with_errors_and_effects() -> None:
    options = ("estimate", "--country", "FR", "--basis", "delivered", "--drivers", "--draws", "300")
    outcome = run(*options)
    assert outcome.returncode == 0, outcome.stderr
    assert "what drives the spread (bf16 dense delivered FLOP/s)" in outcome.stdout
    assert "│" in outcome.stdout
    assert "availability" in outcome.stdout
