"""One chart of a page as a picture, in the view that is asked."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from accounting.errors import UnknownNameError
from bench.errors import InputError
from flopcensus.report import engine
from flopcensus.report.document.results import Results
from flopcensus.report.figures.all import Figures, figures
from flopcensus.report.figures.choosing import choose
from flopcensus.report.figures.controls import NAMES
from flopcensus.report.figures.theme import theme
from flopcensus.report.packing import shown
from flopcensus.report.shapes import shapes

_TITLE_COLUMNS = 88
# choices that a message names
_NAMED = 12
FORMS = ("svg", "png")


def figures_of(results: Results, source: str) -> Figures:
    """Return the figures of results.

    Raises:
        InputError: They hold nothing to draw.
    """
    found = figures(results)
    if found is None:
        raise InputError(f"{source}: holds no views to draw; write it again with: flopcensus run STUDY")
    return found


def draw(found: Figures, name: str, chosen: Mapping[str, str], target: Path) -> bytes:
    """Draw a chart as SVG or PNG, by the ending of ``target``.

    Raises:
        InputError: Another ending, a name that no figure has, or a view with nothing in it.
        MissingExtraError: The extra ``page`` is not installed.
    """
    form = target.suffix.lower().removeprefix(".")
    if form not in FORMS:
        raise InputError(f"{target}: a chart is written as .svg or .png; name such a file with -o")
    by_name = {figure.id: figure for figure in found.figures}
    if name not in by_name:
        raise UnknownNameError("chart", name, by_name)
    view = choose(by_name[name], found.controls, chosen, shapes())
    if not view.rows or view.undrawn:
        raise InputError(f"chart {name}: {view.undrawn or view.empty} Choose another view with --set")
    lines = textwrap.wrap(shown(view.title), _TITLE_COLUMNS)
    title = {"title": {"text": lines, "fontSize": 14, "offset": 14}}
    return engine.picture(shown(view.spec) | title, form, theme(dark=False))


def read_choices(texts: Sequence[str], found: Figures) -> dict[str, str]:
    """Read ``basis=peak`` and the like.

    Raises:
        InputError: No ``=``, a control that there is not, or a value that it does not have; says the nearest.
    """
    chosen = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text}: give a control and its value, as in --set basis=peak")
        if name not in NAMES:
            raise UnknownNameError("control", name, NAMES)
        chosen[name] = _value(name, value, found)
    return chosen


def _value(name: str, value: str, found: Figures) -> str:
    (control,) = [one for one in found.controls.controls if one.name == name]
    words = {said.casefold(): key for key, said in control.choices} | {
        k.casefold(): k for k, _ in control.choices
    }
    if value.casefold() in words:
        return words[value.casefold()]
    near = difflib.get_close_matches(value.casefold(), words, n=1)
    hint = f"; did you mean {words[near[0]]}?" if near else ""
    known = ", ".join([key for key, _ in control.choices[:_NAMED]] + ["…"] * (len(control.choices) > _NAMED))
    raise InputError(f"--set {name}={value}: this page has no such {name} (it has {known}){hint}")
