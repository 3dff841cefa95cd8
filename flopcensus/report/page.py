"""The page: one HTML file from a results document, with nothing to fetch and every string escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from flopcensus.output import printable
from flopcensus.report import engine, packing
from flopcensus.report.blocks.view import view
from flopcensus.report.document import check_results
from flopcensus.report.figures.all import TITLES, figures


def render(document: Mapping[str, Any]) -> str:
    """Return the page of a results document (schema ``flopcensus/results/1``) as HTML.

    Raises:
        InputError: The document is of another schema, newer, or lacks a part.
    """
    results = check_results(document)
    found = figures(results) if engine.available() else None
    scripts = packing.scripts() if found else ()
    # base64, our own scripts and hashes: nothing of the document's own words passes unescaped
    data, trusted = (Markup(packing.packed(found)) if found else ""), [Markup(text) for text in scripts]  # noqa: S704
    return (
        environment()
        .get_template("page.html")
        .render(
            view=view(results),
            figures=found,
            titles=TITLES,
            data=data,
            scripts=trusted,
            policy=Markup(packing.policy(scripts)),  # noqa: S704
        )
    )


@cache
def environment() -> Environment:
    """Return the templates of pages: strings are escaped, control characters made visible."""
    made = Environment(
        loader=PackageLoader("flopcensus.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["round1"] = _round1
    # for pages that run nothing; one with scripts gives its own
    made.globals["policy"] = Markup(packing.policy(()))  # noqa: S704
    return made


def _shown(value: Any) -> Any:
    """Make control characters and marks of writing direction visible; markup of ours passes."""
    return printable(value) if type(value) is str else value


def _round1(value: float) -> str:
    """Write a length of a picture with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
