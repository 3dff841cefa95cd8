"""The page's script and data as they stand in it, and what the browser may run."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from importlib.resources import files
from typing import Any

from flopcensus.output import printable
from flopcensus.report import engine
from flopcensus.report.figures.all import Figures
from flopcensus.report.figures.theme import theme
from flopcensus.report.shapes import shapes

# its parts, joined into one script of which no name can be seen from outside
_SCRIPT = ("page", "address", "view", "words", "tables", "drawing", "begin")


def packed(figures: Figures) -> str:
    """Return what the page's script reads, compressed: no mark-up can stand in it."""
    rows = {figure.rows.name: figure.rows.columns for figure in figures.figures}
    data = {
        **figures.controls.to_plain(),
        "figures": [figure.to_plain() for figure in figures.figures],
        "rows": rows,
        "shapes": shapes(),
        "themes": {"light": theme(dark=False), "dark": theme(dark=True)},
    }
    text = json.dumps(shown(data), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # without a time, so that the same results make the same page
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()


def shown(part: Any) -> Any:
    """Make control characters and marks of writing direction visible, in every text of ``part``."""
    if isinstance(part, str):
        return printable(part)
    if isinstance(part, dict):
        return {key: shown(value) for key, value in part.items()}
    return [shown(one) for one in part] if isinstance(part, (list, tuple)) else part


def scripts() -> tuple[str, ...]:
    """Return the page's scripts: what draws, and what this page does with it."""
    folder = files("flopcensus.report") / "templates" / "script"
    own = "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPT)
    return engine.script(), f'"use strict";\n(() => {{\n{own}}})();\n'


def policy(scripts: tuple[str, ...]) -> str:
    """Return the content security policy: these scripts by their hash, and nothing from anywhere."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    running = f"script-src {hashes}; " if hashes else ""
    rest = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; {running}{rest}"


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
