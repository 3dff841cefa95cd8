"""What ``flopcensus fleet`` prints: the judgement as documents, rows and tables."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    from bench.fleets.comparability import Likeness
    from bench.fleets.gathering import DeviceSeen, Gathered
    from bench.fleets.reading import Read, Reading
    from bench.fleets.verdicts import Judgement, Outlier

SCHEMA = "flopcensus/fleet/1"
COLUMNS = (
    "node",
    "device",
    "accelerator",
    "model",
    "workload",
    "precision",
    "size",
    "metric",
    "unit",
    "value",
    "steady_over_burst",
    "clock_mhz",
    "power_w",
    "temperature_c",
    "sick",
    "kinds",
    "file",
)
_MOST_SHOWN = 20
_ORDER = (
    "wrong",
    "ecc",
    "failing",
    "throttling",
    "link",
    "slow",
    "hot",
    "flaky",
    "drifting",
    "regressed",
    "power",
)


# a switch or a number: no path, host or user
_SETTING = re.compile(r"true|false|on|off|yes|no|\d{1,9}(\.\d{1,6})?", re.IGNORECASE)


@dataclass(frozen=True)
class Fleet:
    """A folder of records, judged. ``public`` are the names nodes go by where the real ones must not show."""

    gathered: Gathered
    reading: Reading
    judgement: Judgement
    public: Mapping[str, str] = field(default_factory=dict)

    def name(self, node: str) -> str:
        """What a node is called in the output."""
        return self.public.get(node, node)

    def file(self, path: str) -> str:
        """What a file is called in the output."""
        return _numbered(path) if self.public else path

    @property
    def is_sick(self) -> bool:
        """Whether any node is, or the fleet as a whole fell below its baseline."""
        return bool(self.judgement.outliers) or any(one.slower for one in self.judgement.shifts)


def read_fleet(
    folder: Path, also: Callable[[Read], object] | None = None, meter: MeterOf = Meter
) -> tuple[Gathered, Reading]:
    """Read a folder's records; progress goes to ``meter``. ``also`` is given each record too.

    Raises:
        InputError: no such folder, or no record in it; the first reasons are named.
    """
    from bench.errors import InputError
    from bench.fleets.gathering import Gathered
    from bench.fleets.reading import Reading, record_files, stream

    gathered, reading = Gathered(), Reading()
    for read in stream(record_files(folder), reading, meter("files read")):
        gathered.add(read)
        if also is not None:
            also(read)
    if not reading.records:
        reasons = "; ".join(f"{one.file}: {one.reason}" for one in reading.set_aside[:3])
        raise InputError(f"{folder}: no file is a record of flopcensus bench ({reasons})")
    return gathered, reading


def document(fleet: Fleet) -> dict[str, Any]:
    """Return what ``--format json`` prints."""
    judged, gathered = fleet.judgement, fleet.gathered
    sick, devices = judged.sick, _devices_by_node(fleet)
    return {
        "schema": SCHEMA,
        "anonymised": bool(fleet.public),
        "files": fleet.reading.files,
        "records": fleet.reading.records - len(fleet.reading.withdrawn),
        "first": gathered.first,
        "last": gathered.last,
        "false_alarm_rate": judged.rate,
        "tests": judged.tests,
        "groups": [asdict(one) | {"likeness": _likeness(fleet, one.likeness)} for one in judged.groups],
        "accelerators": accelerators(fleet),
        "nodes": [
            _node(fleet, name, sorted(devices[number]), sick.get(name, []))
            for name, number in sorted((name, number) for number, name in enumerate(gathered.nodes))
            if number in devices
        ],
        "outliers": [_outlier(fleet, one) for one in judged.outliers],
        "set_aside": [
            {"file": fleet.file(one.file), "reason": _reason(fleet, one.reason)}
            for one in sorted(fleet.reading.set_aside, key=lambda one: one.file)
        ],
        "distributions": [asdict(one) for one in judged.distributions],
        "shifts": [asdict(one) | {"slower": one.slower} for one in judged.shifts],
        "notes": [_reason(fleet, one) for one in judged.notes],
    }


def _likeness(fleet: Fleet, likeness: Likeness) -> dict[str, Any]:
    """Return what a group has in common; without names, of variables only what can be none."""
    plain = likeness._asdict()
    if fleet.public:
        pairs = (one.partition("=") for one in likeness.tuning)
        plain["tuning"] = [
            f"{name}={value if _SETTING.fullmatch(value) else '<value>'}" for name, _, value in pairs
        ]
    return plain


def accelerators(fleet: Fleet) -> list[dict[str, Any]]:
    """How many devices of which model were seen: the fleet as a measured facility."""
    counted = Counter(
        (one.description.accelerator, one.description.name, one.description.kind) for one in _counted(fleet)
    )
    return [
        {"accelerator": known, "model": name, "kind": kind, "count": count}
        for (known, name, kind), count in sorted(counted.items(), key=lambda item: (-item[1], item[0][1]))
    ]


def _counted(fleet: Fleet) -> list[DeviceSeen]:
    return [one for one in fleet.gathered.devices if one.places - fleet.reading.withdrawn]


def _node(fleet: Fleet, name: str, devices: list[str], outliers: list[Outlier]) -> dict[str, Any]:
    by_device: dict[str | None, list[Outlier]] = {}
    for one in outliers:
        by_device.setdefault(one.device, []).append(one)
    whole = kinds_of(by_device.get(None, []))
    return {
        "node": fleet.name(name),
        "sick": bool(outliers),
        "kinds": kinds_of(outliers),
        "why": [f"{one.device or 'all devices'}: {_words(fleet, one)}" for one in _best(outliers)],
        "devices": [{"id": one, "kinds": kinds_of(by_device.get(one, [])) + whole} for one in devices],
    }


def _devices_by_node(fleet: Fleet) -> dict[int, list[str]]:
    known: dict[int, list[str]] = {}
    for one in _counted(fleet):
        known.setdefault(one.node, []).append(one.description.id)
    return known


def kinds_of(outliers: list[Outlier]) -> list[str]:
    """What is wrong, the gravest first."""
    return sorted({one.kind for one in outliers}, key=_ORDER.index)


def _best(outliers: list[Outlier]) -> list[Outlier]:
    """For each device and kind the strongest outlier."""
    found: dict[tuple[str | None, str], Outlier] = {}
    for one in outliers:
        found.setdefault((one.device, one.kind), one)
    return sorted(found.values(), key=lambda one: (one.device or "", _ORDER.index(one.kind)))


def words(one: Outlier) -> str:
    """Say what is wrong in words."""
    from flopcensus.output import percent, si

    if one.words:
        return f"{one.kind}: {one.words}"
    if one.kind == "hot":
        what = f"{one.effect:.0f} °C above its peers"
    elif one.kind == "flaky":
        what = f"{one.signal}: {percent(one.effect)} lost to slow rounds, beyond peers"
    elif one.kind == "drifting":
        what = f"{one.signal}: {percent(one.effect)} lost in the course of a run"
    elif one.kind == "power":
        what = f"draws {percent(one.effect)} more than its peers"
    elif one.value is not None and one.median is not None:
        middle = si(one.median, one.unit or "")
        what = f"{one.signal} {si(one.value, one.unit or '')}, {percent(one.effect)} below {middle}"
    else:
        what = f"{one.signal} {percent(one.effect)} below its peers"
    return f"{one.kind}: {what} ({one.distance:.1f} scales, limit {one.limit:.1f})"


def _words(fleet: Fleet, one: Outlier) -> str:
    return words(replace(one, words=_reason(fleet, one.words)))


def _outlier(fleet: Fleet, one: Outlier) -> dict[str, Any]:
    plain = asdict(one) | {"node": fleet.name(one.node), "words": _words(fleet, one)}
    return {name: _finite(value) for name, value in plain.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbered(path: str) -> str:
    """A file's name that tells nothing of what it was called."""
    import hashlib

    return f"file-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


def _reason(fleet: Fleet, text: str) -> str:
    if not fleet.public or not text:
        return text
    from bench.fleets.anonymising import Names

    return Names(fleet.public).scrubbed(text)


def flat_rows(fleet: Fleet) -> Iterator[dict[str, Any]]:
    """Yield a row for each node, device, workload, precision and size, with what is wrong with the device."""
    sick: dict[tuple[str, str | None], list[Outlier]] = {}
    for one in fleet.judgement.outliers:
        sick.setdefault((one.node, one.device), []).append(one)
    for row in fleet.gathered.flat(fleet.reading.withdrawn):
        found = [*sick.get((row["node"], row["device"]), []), *sick.get((row["node"], None), [])]
        named = {"node": fleet.name(row["node"]), "file": fleet.file(row["file"])}
        yield row | named | {"sick": bool(found), "kinds": " ".join(kinds_of(found))}


def print_fleet(fleet: Fleet) -> None:
    """Print the fleet as its operator reads it: how large, how spread, what to drain, what was set aside."""
    from flopcensus.output import percent, print_table, say, si

    judged = fleet.judgement
    devices = ", ".join(f"{one['count']:,} {one['model']}" for one in accelerators(fleet))
    say(f"{len(fleet.gathered.nodes):,} nodes, {devices}; {fleet.reading.files:,} files")
    for note in judged.notes:
        say(note)
    rows = [
        (
            one.metric + (f" (group {one.group + 1})" if len(judged.groups) > 1 else ""),
            f"{one.devices:,}",
            si(one.median, one.unit),
            si(one.quantiles["p5"], one.unit),
            si(one.quantiles["p95"], one.unit),
            si(one.least, one.unit),
            percent(one.spread),
        )
        for one in judged.distributions
    ]
    print_table("", ("metric", "devices", "median", "5th", "95th percentile", "lowest", "spread"), rows)
    _print_shifts(fleet)
    _print_sick(fleet)
    _print_set_aside(fleet)


def _print_shifts(fleet: Fleet) -> None:
    from flopcensus.output import print_table

    rows = [
        (
            one.metric,
            f"{one.devices:,}",
            f"{one.ratio:.3f}",
            "–" if one.ci95 is None else f"{one.ci95[0]:.3f} to {one.ci95[1]:.3f}",
            "slower" if one.slower else "",
        )
        for one in fleet.judgement.shifts
    ]
    if rows:
        print_table("against the baseline", ("metric", "devices", "now ÷ then", "95 % interval", ""), rows)


def _print_sick(fleet: Fleet) -> None:
    from flopcensus.output import percent, say

    judged, sick = fleet.judgement, fleet.judgement.sick
    if not sick:
        say(f"no node to drain ({judged.tests:,} tests)")
    rows = [
        (fleet.name(node), one.device or "all devices", _words(fleet, one))
        for node, outliers in sick.items()
        for one in _best(outliers)
    ]
    if rows:
        say(f"{len(sick):,} nodes to drain")
        _print_left(("node", "device", "why"), rows)
    if judged.tests:
        say(
            f"A fleet without a fault shows any outlier with chance {percent(judged.rate)} at most "
            f"({judged.tests:,} tests)."
        )


def _print_left(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table of words: all columns to the left."""
    from flopcensus.output import printable, say

    widths = [
        max(len(printable(row[place])) for row in [columns, *rows]) for place in range(len(columns) - 1)
    ]
    for row in [columns, *rows]:
        cells = [printable(cell).ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, printable(row[-1])]).rstrip())
    say("")


def _print_set_aside(fleet: Fleet) -> None:
    from flopcensus.output import say

    found = sorted(fleet.reading.set_aside, key=lambda one: one.file)
    if found:
        rows = [(fleet.file(one.file), _reason(fleet, one.reason)) for one in found[:_MOST_SHOWN]]
        say(f"{len(found):,} files set aside")
        _print_left(("file", "reason"), rows)
        if len(found) > _MOST_SHOWN:
            say(f"and {len(found) - _MOST_SHOWN:,} more: --format json lists all")
