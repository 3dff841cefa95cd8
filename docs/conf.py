"""How Sphinx builds the site: the pages of this folder, and a reference made from types and schemas."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import _generate  # noqa: E402  (the line above lets it be found)

from flopcensus import __version__  # noqa: E402

project = "flopcensus"
author = "The flopcensus developers"
project_copyright = "The flopcensus developers, Apache-2.0"
release = version = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
# quotes stand in commands and data here, where curly ones would be wrong
smartquotes = False
# a colour that a terminal's output would have says nothing
highlight_language = "none"

html_theme = "furo"
html_title = f"flopcensus {__version__}"
html_copy_source = False
html_show_sphinx = False

nitpicky = True
# types of Python, numpy and pandas have their reference elsewhere; ours inside the package are not public
nitpick_ignore_regex = [("py:.*", r"(?!flopcensus\.[A-Za-z_]+$).*")]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# attributes stand in a class once, though its docstring and its fields both name them
napoleon_use_ivar = True


def setup(app: Sphinx) -> None:
    """Write the reference before the pages are read."""
    app.connect("builder-inited", lambda _: _generate.write(HERE / "reference"))
