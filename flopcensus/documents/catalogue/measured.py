"""Tables of the catalogue that hold measurements, and how they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flopcensus.documents.catalogue.rows import Row

if TYPE_CHECKING:
    from accounting.reference.facts import Facts


def measurements(facts: Facts) -> list[Row]:
    """Return the measurements that estimates are calibrated with; rates in FLOP/s and B/s."""
    from accounting.capacity.calibration import load_calibration

    return [
        {
            "accelerator": m.accelerator,
            "basis": m.basis,
            "precision": m.precision or m.regime,
            "metric": m.metric,
            "achieved_flop_per_s": m.achieved,
            "achieved_bytes_per_s": m.achieved_bandwidth,
            "fraction": m.fraction.best if m.fraction else None,
            "software": m.software,
            "date": m.date,
            "kind": m.kind,
            "source": m.source,
        }
        for m in load_calibration(facts).measurements
    ]


def workloads(_: Facts) -> list[Row]:
    """Return what `bench` runs, and what it counts as work and as bytes moved."""
    import inspect

    from bench.workloads import load_grouped, load_workloads, shortest_mode

    alone = load_workloads()
    return [
        {
            "workload": one.name,
            "family": one.family,
            "unit": one.unit,
            "precisions": one.precisions,
            "runs from": shortest_mode(one) if one.name in alone else "asked for",
            "summary": one.summary,
            "flop": inspect.getdoc(type(one).flop) or "",
            "bytes": inspect.getdoc(type(one).bytes_moved) or "",
        }
        for one in (*alone.values(), *load_grouped().values())
    ]
