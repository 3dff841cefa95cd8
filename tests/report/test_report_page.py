"""The page: complete, whole, escaped, with nothing to fetch, and readable without seeing it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import InputError
from flopcensus.report.page import render
from flopcensus.report.words import link

MARKER = "<x-evil>\"&'"
ESCAPED = "&lt;x-evil&gt;&#34;&amp;&#39;"
HEADINGS = ("h1", "h2", "h3", "h4")
Place = tuple[Any, ...]


def leaves(node: Any, at: Place = ()) -> Iterator[tuple[Place, bool]]:
    """Yield the place of every string, and whether it is a key."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*at, key), True
            yield from leaves(value, (*at, key))
    elif isinstance(node, list | tuple):
        for place, value in enumerate(node):
            yield from leaves(value, (*at, place))
    elif isinstance(node, str):
        yield at, False


def planted(document: dict[str, Any], place: Place, is_key: bool, text: str) -> dict[str, Any]:
    """Return the document with one string replaced by ``text``."""
    changed = copy.deepcopy(document)
    node: Any = changed
    for step in place[:-1]:
        node = node[step]
    if is_key:
        entries = list(node.items())
        node.clear()
        node.update((text if key == place[-1] else key, value) for key, value in entries)
    else:
        node[place[-1]] = text
    return changed


def tags(page: Any) -> list[str]:
    return [element.tag for element in page.all()]


# escaping


def test_every_string_is_escaped_wherever_it_stands(document: dict[str, Any]) -> None:
    shown = 0
    for place, is_key in list(leaves(document)):
        try:
            html = render(planted(document, place, is_key, MARKER))
        except InputError as error:
            assert "\n" not in str(error)
            continue
        assert "<x-evil" not in html, place
        assert not re.search(r"x-evil&gt;[\"']", html), place
        shown += ESCAPED in html
    assert shown > 60


@given(text=st.text(st.characters(exclude_categories=()), min_size=1, max_size=80))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_changes_the_page_around_it(document: dict[str, Any], read: Any, text: str) -> None:
    plain = tags(read(render(document)))
    places: list[Place] = [
        ("study", "title"),
        ("facilities", 0, "facility"),
        ("facilities", 0, "owners", 0),
        ("estimates", 1, "warnings", 0),
        ("estimates", 1, "accounts", "territory", 0, "name"),
        ("comparison", "clusters", 0, "name"),
        ("record", "results", 1, "reason"),
    ]
    changed = document
    for place in places:
        changed = planted(changed, place, False, text)
    html = render(changed)
    html.encode("utf-8")
    assert tags(read(html)) == plain


def test_control_characters_and_marks_of_direction_are_made_visible(document: dict[str, Any]) -> None:
    document["facilities"][0]["facility"] = "a\x00b\u202ec\x1b[31m\ud800"
    html = render(document)
    assert "a\\x00b\\x202ec\\x1b[31m\\xd800" in html
    assert "\u202e" not in html


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        " https://example.org",
        "https://example.org/\x00",
        "data:text/html,hello",
        "//example.org/a",
        "ftp://example.org/a",
        "https://",
        "https:example.org",
        "http://[",
        "see https://example.org",
        "Annual report 2024",
        "",
    ],
)
def test_what_is_no_web_address_becomes_no_link(document: dict[str, Any], read: Any, text: str) -> None:
    assert link(text) is None
    document["facilities"] = document["facilities"][:1]
    document["facilities"][0]["source"] = text
    assert not read(render(document)).by_id("census-table").all("a")


def test_web_addresses_become_links_as_they_are(document: dict[str, Any], read: Any) -> None:
    (anchor,) = read(render(document)).by_id("census-table").all("a")
    assert anchor.attributes["href"] == "https://example.org/one?a=1&b=2"
    assert anchor.attributes["rel"] == "noopener noreferrer"


# nothing to fetch


def test_the_page_fetches_nothing(document: dict[str, Any], read: Any) -> None:
    html = render(document)
    page = read(html)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & set(tags(page))
    for element in page.all():
        fetching = {"src", "srcset", "data", "poster", "background", "action", "xlink:href", "style"}
        assert not fetching & set(element.attributes), element.tag
        assert not [name for name in element.attributes if name.startswith("on")]
        href = element.attributes.get("href")
        assert href is None or (element.tag == "a" and href.startswith(("#", "http://", "https://")))
    assert "@import" not in html
    assert "url(" not in html


def test_the_policy_forbids_everything_but_inline_style(document: dict[str, Any], read: Any) -> None:
    page = read(render(document))
    (policy,) = [m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in str(policy.attributes["content"]).split("; "))
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    html = render(document)
    assert html.index("Content-Security-Policy") < html.index("<style>")


# structure


def test_the_head_says_language_encoding_and_size(document: dict[str, Any], read: Any) -> None:
    html = render(document)
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">')
    page = read(html)
    names = {meta.attributes.get("name") for meta in page.all("meta")}
    assert {"viewport", "color-scheme", "referrer"} <= names


def test_landmarks_and_headings_stand_in_order(document: dict[str, Any], read: Any) -> None:
    page = read(render(document))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1, landmark
    ranks = [int(element.tag[1]) for element in page.all() if element.tag in HEADINGS]
    assert ranks.count(1) == 1
    assert ranks[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(ranks))


def test_ids_are_unique_and_every_reference_has_its_target(document: dict[str, Any], read: Any) -> None:
    page = read(render(document))
    ids = [e.attributes["id"] for e in page.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in page.all():
        for target in (element.attributes.get("aria-labelledby") or "").split():
            assert target in ids
        href = element.attributes.get("href") or ""
        assert not href.startswith("#") or href[1:] in ids


def test_tables_have_captions_and_scopes_and_can_be_scrolled_by_keyboard(
    document: dict[str, Any], read: Any
) -> None:
    page = read(render(document))
    assert len(page.all("table")) >= 12
    for table in page.all("table"):
        assert table.children[0].tag == "caption"
        assert table.children[0].text
        heads = table.all("thead")[0].all("th")
        assert all(th.attributes["scope"] == "col" and th.text for th in heads)
        for tr in table.all("tbody")[0].all("tr"):
            assert len(tr.children) == len(heads)
            assert tr.children[0].attributes["scope"] == "row"
        assert table.parent is not None
        assert table.parent.attributes["tabindex"] == "0"


def test_charts_say_what_they_show(document: dict[str, Any], read: Any) -> None:
    page = read(render(document))
    charts = [svg for svg in page.all("svg") if svg.attributes.get("role") == "img"]
    assert len(charts) == 7
    for svg in charts:
        assert svg.children[0].tag == "title"
        assert svg.children[1].tag == "desc"
        assert svg.children[1].text
    hidden = [svg for svg in page.all("svg") if svg not in charts]
    assert all(svg.attributes.get("aria-hidden") == "true" for svg in hidden)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast_holds_in_both_themes(theme: int) -> None:
    css = files("flopcensus.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[theme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    texts = [
        ("ink", "paper"),
        ("soft", "paper"),
        ("link", "paper"),
        ("warn", "warn-shade"),
        ("ink", "warn-shade"),
    ]
    texts += [("ink", "shade"), ("ink", "bar"), *((f"s{n}", "on") for n in range(8))]
    for front, back in texts:
        assert _contrast(colours[front], colours[back]) >= 4.5, (front, back)
    for edge in ("bar-edge", *(f"s{n}" for n in range(8))):
        assert _contrast(colours[edge], colours["paper"]) >= 3, edge
