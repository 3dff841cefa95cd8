"""Colours and fonts of the charts, for light and dark: those of the page (page.css)."""

from __future__ import annotations

from typing import Any

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif'
# told apart by those who do not see all colours, and by their lightness in grey
SERIES_LIGHT = ("#1f5a8c", "#c2601c", "#3f9c74", "#8a5aa8", "#b3a02c", "#6e747d", "#b0487a", "#2f9aa3")
SERIES_DARK = ("#7fb2e4", "#eb9d77", "#8acaa8", "#c8a5dd", "#d9be68", "#b3b8c0", "#e79ab9", "#85c8cd")
# what is most is darkest on light, and brightest on dark
RAMP_LIGHT = ("#dbe9f6", "#0b3c6b")
RAMP_DARK = ("#1d3550", "#a8d2fa")


def theme(*, dark: bool) -> dict[str, Any]:
    """Return the configuration that charts are drawn with (Vega's ``config``)."""
    ink, soft, rule = ("#e6e8eb", "#a6adb8", "#3a4049") if dark else ("#1b1e23", "#555c66", "#d4d8de")
    series, ramp = (SERIES_DARK, RAMP_DARK) if dark else (SERIES_LIGHT, RAMP_LIGHT)
    text = {"labelColor": ink, "titleColor": soft, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "background": "#14171b" if dark else "#ffffff",
        "font": FONT,
        "axis": {
            **text,
            "titleFontWeight": "normal",
            "gridColor": rule,
            "domainColor": soft,
            "tickColor": soft,
            "labelLimit": 150,
        },
        "legend": {**text, "titleFontWeight": "normal", "labelLimit": 240, "orient": "top", "columns": 4},
        "header": text,
        "title": {"color": ink, "anchor": "start", "fontSize": 13, "fontWeight": 600},
        "text": {"color": ink, "fontSize": 12},
        "view": {"stroke": None},
        "bar": {"color": series[0]},
        "line": {"color": series[0], "strokeWidth": 2},
        "area": {"color": series[0]},
        "point": {"color": series[0], "size": 50, "filled": True},
        "rule": {"color": ink, "strokeWidth": 1.3},
        "tick": {"color": ink},
        "geoshape": {"fill": "#262b32" if dark else "#eceef1", "stroke": rule, "strokeWidth": 0.5},
        "range": {"category": list(series), "ramp": list(ramp), "heatmap": list(ramp)},
    }
