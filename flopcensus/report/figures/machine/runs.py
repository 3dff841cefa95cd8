"""Long runs of a record: the first second against the steady state, and energy per FLOP."""

from __future__ import annotations

from typing import Any

from bench.record import Record, Result
from flopcensus.output import si
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec
from flopcensus.report.figures.headings import leaving_room, legend_columns, row_words, under_headings
from flopcensus.report.figures.machine.words import (
    NOT_THE_ESTIMATE,
    by_precision,
    devices,
    interval,
    named,
    rate,
    source,
    status,
)
from flopcensus.report.figures.marks import amount_axis, interval_line

_PICO = 1e12
_BURST, _STEADY, _MEDIAN = "burst: first second", "steady: last half", "median of rounds"
_NO_LONG_RUN = "No long run was made: it takes a budget of four minutes or more (flopcensus bench --full, or --time-budget)."
_NO_METER = (
    "No counter or meter of energy could be read on this machine, so that there is no energy per FLOP."
)


def run_figures(record: Record) -> tuple[Figure, ...]:
    """Return burst against steady and energy per FLOP; where there is neither, each says why."""
    return (_long_runs(record), _energy(record))


def _long_runs(record: Record) -> Figure:
    names = devices(record)
    found = [one for one in record.results if one.burst and one.steady and one.value and one.ci95]
    slots = _slots(found)
    rows = [_run(one, names[one.device], slots) for one in sorted(found, key=_order)]
    return Figure(
        id="burst-steady",
        section="machine",
        title="Burst against steady, measured here: share of the median of all rounds",
        says="For each workload a mark at the first second of a long run, one at its last half, and one at the median "
        "of all rounds with its 95 % interval.",
        rows=Rows.of("long_runs", rows),
        columns=(
            Column("Workload", "head"),
            Column("Device", "device"),
            Column("Burst", "burst_words:burst", "worded"),
            Column("Steady", "steady_words:steady", "worded"),
            Column("Steady ÷ burst", "kept", "share"),
            Column("Median of rounds", "rate:value", "worded"),
            Column("95 % interval", "interval:low", "worded"),
            Column("Status", "status"),
        ),
        spec=_dots(),
        source=source(record),
        caveats=(
            NOT_THE_ESTIMATE,
            "The axis does not begin at 0. Burst and steady are read once each, from one long run, and have no "
            "interval of their own; the line is that of the median of all rounds.",
            "Workloads that were given no long run are not here.",
        ),
        empty=_NO_LONG_RUN,
    )


def _order(one: Result) -> tuple[str, tuple[int, str], str]:
    return (one.workload, by_precision(one.precision), one.device)


def _slots(results: list[Result]) -> dict[str, int]:
    """Return each device's place under a heading."""
    return {device: slot for slot, device in enumerate(sorted({one.device for one in results}), 1)}


def _with_device(words: str, one: Result, slots: dict[str, int]) -> str:
    return f"{words} · {one.device}" if len(slots) > 1 else words


def _run(one: Result, device: str, slots: dict[str, int]) -> dict[str, Any]:
    value, burst, steady = one.value or 1.0, one.burst or 0.0, one.steady or 0.0
    low, high = one.ci95 or (value, value)
    kept = steady / burst
    return {
        "head": named(one),
        "slot": slots.get(one.device, 1),
        "device": device,
        "value": one.value,
        "low": low,
        "high": high,
        "burst": burst,
        "steady": steady,
        "kept": kept,
        "of_low": low / value,
        "of_high": high / value,
        "of_burst": burst / value,
        "of_steady": steady / value,
        "end": max(high, burst, steady) / value,
        "burst_words": si(burst, one.unit),
        "steady_words": si(steady, one.unit),
        "rate": rate(one.value, one.unit),
        "interval": interval(one),
        "status": status(one),
        "words": _with_device(f"{100 * kept:.1f} % kept", one, slots),
    }


def _dots() -> Spec:
    tooltip = [
        {"field": "head", "title": "workload"},
        {"field": "burst_words", "title": "burst"},
        {"field": "steady_words", "title": "steady"},
        {"field": "rate", "title": "median of rounds"},
        {"field": "interval", "title": "95 % interval"},
    ]
    x = {
        "type": "quantitative",
        "title": "share of the median",
        "axis": {"format": "~%", "tickCount": 3},
        "scale": {"zero": False, "nice": False, "padding": 10, **leaving_room()},
    }
    colour: Spec = {"type": "nominal", "title": None, "scale": {"domain": [_BURST, _STEADY, _MEDIAN]}}
    colour["legend"] = {"symbolType": "circle", "symbolOpacity": 1, **legend_columns(3)}
    return under_headings(
        {
            "mark": {"type": "rule", "tooltip": None},
            "encoding": {"x": x | {"field": "of_low"}, "x2": {"field": "of_high"}},
        },
        {
            "mark": {"type": "tick", "thickness": 2.5, "height": 14, "opacity": 1, "tooltip": None},
            "encoding": {"x": x | {"datum": 1}, "color": colour | {"datum": _MEDIAN}},
        },
        *(
            {
                "mark": {"type": "point", "shape": shape, "size": 80, "opacity": 1},
                "encoding": {
                    "x": x | {"field": field},
                    "color": colour | {"datum": name},
                    "tooltip": tooltip,
                },
            }
            for field, name, shape in (("of_burst", _BURST, "diamond"), ("of_steady", _STEADY, "circle"))
        ),
        row_words("end"),
        step=22,
    )


def _energy(record: Record) -> Figure:
    names = devices(record)
    asked = [one for one in record.results if one.unit == "FLOP/s"]
    slots = _slots([one for one in asked if one.energy_j_per_flop])
    rows = [_used(one, names[one.device], slots) for one in sorted(asked, key=_order)]
    known = any(row["energy"] is not None for row in rows)
    return Figure(
        id="energy",
        section="machine",
        title="Energy per FLOP measured here, by workload and precision, dense, pJ/FLOP",
        says="Bars of the energy that one operation takes, less is better; what has no meter has no bar.",
        rows=Rows.of("energy", rows if known else []),
        order="",
        columns=(
            Column("Workload", "head"),
            Column("Device", "device"),
            Column("Energy", "energy", "number", "pJ/FLOP"),
            Column("Power", "power", "number", "W"),
            Column("Rate", "rate:value", "worded"),
            Column("Rate, 95 % interval", "interval:low", "worded"),
            Column("Meter", "meter"),
            Column("Status", "status"),
        ),
        spec=_energy_bars(),
        source=source(record),
        caveats=(
            NOT_THE_ESTIMATE,
            "Lines carry the 95 % interval of the rate alone, at the mean power: the record holds one reading of energy "
            "a workload.",
            "A device's own meter counts the device, not the host, its fans or losses before it.",
        ),
        empty=_NO_METER,
    )


def _used(one: Result, device: str, slots: dict[str, int]) -> dict[str, Any]:
    energy = one.energy_j_per_flop * _PICO if one.energy_j_per_flop else None
    low, high = one.ci95 or (None, None)
    # at one power the energy of an operation falls as the rate rises
    ends = (
        (energy * one.value / high, energy * one.value / low)
        if energy and one.value and low and high
        else None
    )
    return {
        "head": named(one),
        "slot": slots.get(one.device, 1),
        "device": device,
        "energy": energy,
        "energy_low": ends[0] if ends else None,
        "energy_high": ends[1] if ends else None,
        "end": ends[1] if ends else energy,
        "power": one.power_w,
        "value": one.value,
        "low": low,
        "rate": rate(one.value, one.unit),
        "interval": interval(one),
        "meter": one.energy_source,
        "status": status(one),
        "words": _with_device(f"{energy:.3g} pJ/FLOP", one, slots) if energy else None,
    }


def _energy_bars() -> Spec:
    return under_headings(
        {
            "mark": {"type": "bar", "height": 13, "opacity": 0.55},
            "encoding": {
                "x": {
                    "field": "energy",
                    "type": "quantitative",
                    "title": "pJ/FLOP",
                    "axis": amount_axis(),
                    "scale": leaving_room(),
                },
                "tooltip": [
                    {"field": "head", "title": "workload"},
                    {"field": "words", "title": "energy"},
                    {"field": "power", "type": "quantitative", "format": ".4~r", "title": "power, W"},
                    {"field": "rate"},
                    {"field": "meter"},
                ],
            },
        },
        interval_line("energy_low", "energy_high", tooltip=None),
        row_words("end"),
        transform=[{"filter": "isValid(datum.energy)"}],
    )
