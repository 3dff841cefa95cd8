"""What was measured on the machine that wrote the results."""

from __future__ import annotations

from flopcensus.report.document.results import Results
from flopcensus.report.figures.figure import Figure
from flopcensus.report.figures.machine.fleet import fleet_figures
from flopcensus.report.figures.machine.matmul import matmul_figures
from flopcensus.report.figures.machine.roofline import roofline_figures
from flopcensus.report.figures.machine.runs import run_figures


def machine_figures(results: Results) -> tuple[Figure, ...]:
    """Return the figures of the record and of the fleet that the results hold."""
    record = results.record
    measured = (
        (*roofline_figures(record), *matmul_figures(record), *run_figures(record))
        if record and record.results
        else ()
    )
    return (*measured, *(fleet_figures(results.fleet) if results.fleet else ()))
