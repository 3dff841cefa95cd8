"""A judged fleet as plain data and as flat rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from flopcensus.answering.fleet import Fleet

if TYPE_CHECKING:
    from bench.fleets.comparability import Likeness
    from bench.fleets.gathering import DeviceSeen
    from bench.fleets.judging.verdicts import Outlier

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
            {"file": fleet.file(one.file), "reason": public_reason(fleet, one.reason)}
            for one in sorted(fleet.reading.set_aside, key=lambda one: one.file)
        ],
        "distributions": [asdict(one) for one in judged.distributions],
        "shifts": [asdict(one) | {"slower": one.slower} for one in judged.shifts],
        "notes": [public_reason(fleet, one) for one in judged.notes],
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
        "why": [f"{one.device or 'all devices'}: {public_words(fleet, one)}" for one in strongest(outliers)],
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


def strongest(outliers: list[Outlier]) -> list[Outlier]:
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


def public_words(fleet: Fleet, one: Outlier) -> str:
    """Say what is wrong in words, without the names that must not show."""
    return words(replace(one, words=public_reason(fleet, one.words)))


def _outlier(fleet: Fleet, one: Outlier) -> dict[str, Any]:
    plain = asdict(one) | {"node": fleet.name(one.node), "words": public_words(fleet, one)}
    return {name: _finite(value) for name, value in plain.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def public_reason(fleet: Fleet, text: str) -> str:
    """Return a text without the names that must not show."""
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
