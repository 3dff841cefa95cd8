"""The results document as the page reads it: what each part holds, and how it is read and checked."""

from __future__ import annotations

from flopcensus.report.document.reading import check_results, load_results
from flopcensus.report.document.results import Results

__all__ = ["Results", "check_results", "load_results"]
