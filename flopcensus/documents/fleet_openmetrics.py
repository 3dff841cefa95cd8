"""A judged fleet as OpenMetrics text, for a Prometheus to scrape or a textfile collector to pick up.

Source: OpenMetrics 1.0 (github.com/prometheus/OpenMetrics), sections "Text format" and "MetricFamily": a
family's samples stand together, no two with the same labels, a unit is the name's suffix, and the text ends
with ``# EOF``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from flopcensus.answering.fleet import Fleet
from flopcensus.documents.fleet import flat_rows

_RATES = {
    "flop_rate": ("flopcensus_arithmetic_flops_per_second", "flops_per_second", "Arithmetic rate."),
    "bandwidth": ("flopcensus_bandwidth_bytes_per_second", "bytes_per_second", "Bytes moved per second."),
    "token_rate": ("flopcensus_generation_tokens_per_second", "tokens_per_second", "Tokens per second."),
    "call_rate": ("flopcensus_calls_per_second", "per_second", "Calls per second."),
}
_METERS = {
    "clock_mhz": ("flopcensus_clock_hertz", "hertz", "Median clock while it ran.", 1e6),
    "power_w": ("flopcensus_power_watts", "watts", "Mean power while it ran.", 1.0),
    "temperature_c": ("flopcensus_temperature_celsius", "celsius", "Highest temperature while it ran.", 1.0),
}
_Samples = dict[tuple[tuple[str, str], ...], list[float]]


def openmetrics(fleet: Fleet) -> str:
    """Return the text; several runs of one device are their mean."""
    families: defaultdict[str, _Samples] = defaultdict(dict)
    for row in flat_rows(fleet):
        labels = _labels(row)
        families[_RATES[row["metric"]][0]].setdefault(labels, []).append(row["value"])
        for column, (name, _, _, factor) in _METERS.items():
            if row[column] is not None:
                families[name].setdefault(labels, []).append(row[column] * factor)
    lines = [line for name, unit, words in _families() for line in _family(name, unit, words, families[name])]
    return "".join(f"{line}\n" for line in [*lines, *_verdicts(fleet), "# EOF"])


def _families() -> Iterator[tuple[str, str, str]]:
    yield from _RATES.values()
    for name, unit, words, _ in _METERS.values():
        yield name, unit, words


def _labels(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    names = ("node", "device", "accelerator", "workload", "precision", "size")
    return tuple((name, str(row[name])) for name in names if row[name])


def _family(name: str, unit: str, words: str, samples: _Samples) -> Iterator[str]:
    if not samples:
        return
    yield f"# TYPE {name} gauge"
    yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {words}"
    for labels, values in sorted(samples.items()):
        yield f"{name}{_braced(labels)} {_number(math.fsum(values) / len(values))}"


def _verdicts(fleet: Fleet) -> Iterator[str]:
    """Whether each node is sick and of what, and how many files were set aside."""
    sick = fleet.judgement.sick
    yield "# TYPE flopcensus_node_sick gauge"
    yield "# HELP flopcensus_node_sick Whether a node should be drained."
    for node in sorted(fleet.gathered.nodes):
        yield f"flopcensus_node_sick{_braced((('node', fleet.name(node)),))} {int(node in sick)}"
    found = {
        (("node", fleet.name(one.node)), ("device", one.device or "all"), ("kind", one.kind))
        for one in fleet.judgement.outliers
    }
    if found:
        yield "# TYPE flopcensus_device_fault gauge"
        yield "# HELP flopcensus_device_fault What is wrong with a device, by kind."
        yield from (f"flopcensus_device_fault{_braced(labels)} 1" for labels in sorted(found))
    yield "# TYPE flopcensus_files_set_aside gauge"
    yield "# HELP flopcensus_files_set_aside Files that are no record, or one twice."
    yield f"flopcensus_files_set_aside {len(fleet.reading.set_aside)}"


def _braced(labels: tuple[tuple[str, str], ...]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    r"""Backslash, quote and line feed as the format asks.

    >>> _escaped('a"b')
    'a\\"b'
    """
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return repr(float(value))
