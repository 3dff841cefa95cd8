"""What draws the charts: Vega, from the package vl-convert, for the page and for single pictures.

The extra ``page`` installs it; without it a page has its tables and no chart.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from bench.errors import MissingExtraError
from flopcensus.report.figures.figure import Spec

VEGA_LITE = "6.4"
_WIDTH = 720
_HEIGHT = 420
_SCALE = 2.0


def available() -> bool:
    """Whether charts can be drawn."""
    from importlib.util import find_spec

    return find_spec("vl_convert") is not None


@cache
def script() -> str:
    """Return the scripts that draw: ``vegaEmbed`` with Vega and Vega-Lite, in one piece.

    Raises:
        MissingExtraError: The extra ``page`` is not installed.
    """
    text = str(_package().javascript_bundle(vl_version=VEGA_LITE))
    # a script ends where this stands, whatever surrounds it
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def picture(spec: Spec, form: str, config: Spec) -> bytes:
    """Draw one chart as ``svg`` or ``png``.

    Raises:
        MissingExtraError: The extra ``page`` is not installed.
    """
    package, lite = _package(), "vega-lite" in spec["$schema"]
    given: Any = json.dumps(_wide(spec, config))
    if form == "svg":
        text = package.vegalite_to_svg(given, vl_version=VEGA_LITE) if lite else package.vega_to_svg(given)
        return str(text).encode()
    if lite:
        return bytes(package.vegalite_to_png(given, vl_version=VEGA_LITE, scale=_SCALE))
    return bytes(package.vega_to_png(given, scale=_SCALE))


def _wide(spec: Spec, config: Spec) -> Spec:
    """Give a chart that fills its place a width of its own."""
    width = {"width": _WIDTH} if spec.get("width") == "container" or "width" not in spec else {}
    height = {"height": _HEIGHT} if spec.get("height") == "container" else {}
    return spec | width | height | {"config": config, "background": config["background"], "padding": 12}


def _package() -> Any:
    try:
        import vl_convert
    except ModuleNotFoundError as error:
        message = "charts need vl-convert-python; install it with: pip install 'flopcensus[page]'"
        raise MissingExtraError(message) from error
    return vl_convert
