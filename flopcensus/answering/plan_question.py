"""The options of ``flopcensus plan``, read: goal, limits, candidates and units."""

from __future__ import annotations

import datetime
from typing import Any

from accounting.accounts.levels import LEVELS, NATIONAL
from accounting.errors import UnknownNameError, quote
from accounting.planning.clusters import Cluster
from accounting.planning.optimise.asked import (
    Asked,
    CountWanted,
    MetricLimit,
    OriginLimit,
    quantity,
    unit,
)
from accounting.planning.optimise.buying import Buying, sold
from accounting.planning.optimise.candidates import Open, of_accelerators, of_cluster
from accounting.planning.optimise.problem import Sense
from accounting.reference.facts import Facts
from bench.errors import InputError
from flopcensus.answering.reading import read_value, require_basis

_DIMENSIONS = {
    **{"W": "power", "J": "energy", "USD": "money", "kg": "mass", "B/s": "bandwidth", "FLOP/s": "rate"},
    **{"": "count", "TPP": "count", "FLOP": "count", "m3": "count"},
}
# options that limit one quantity
_NAMED = {
    "power": ("facility_full_load_w", "--power"),
    "it_power": ("it_full_load_w", "--it-power"),
    "budget": ("capital_usd", "--budget"),
    "yearly_cost": ("cost_usd_per_year", "--yearly-cost"),
}


def read_question(options: dict[str, Any], cluster: Cluster, facts: Facts) -> Asked:
    """Return what is asked; the file's power cap and budget are limits unless others are given.

    Raises:
        InputError: a value that cannot be read, or nothing to make small within.
        UnknownNameError: a quantity, basis, level or code that there is not.
    """
    if options["maximise"] and options["minimise"]:
        raise InputError("give --maximise or --minimise, not both")
    require_basis(options["basis"])
    goal = quantity(options["minimise"] or options["maximise"] or "delivered")
    origins: list[OriginLimit] = []
    for option, sense in (("max_share", "at most"), ("min_share", "at least")):
        origins += [_origin(text, option, sense, facts) for text in options[option]]  # type: ignore[arg-type]
    return Asked(
        goal=goal,
        maximise=not options["minimise"],
        basis=options["basis"],
        metrics=tuple(_metrics(options, cluster)),
        origins=tuple(origins),
        counts=tuple(_counts(options, facts)),
        capped=options["caps"],
        robust=0.5 if options["robust"] is None else options["robust"],
        sure=options["sure"],
    )


def _metrics(options: dict[str, Any], cluster: Cluster) -> list[MetricLimit]:
    found = []
    stated = {"power": cluster.power_cap, "budget": cluster.budget.best if cluster.budget else None}
    for key, (metric, option) in _NAMED.items():
        if options[key] is not None:
            found.append(MetricLimit(metric, "at most", _value(options[key], metric, option)))
        elif (limit := stated.get(key)) is not None:
            found.append(MetricLimit(metric, "at most", limit))
    for text in options["most"]:
        name, value = _pair(text, "--at-most", "carbon=5000 t")
        found.append(MetricLimit(quantity(name), "at most", _value(value, quantity(name), "--at-most")))
    for text in options["least"]:
        name, _, value = text.rpartition("=")
        metric = quantity(name or options["basis"])
        found.append(MetricLimit(metric, "at least", _value(value, metric, "--at-least")))
    return found


def _value(text: str, metric: str, option: str) -> float:
    value = read_value(text, _DIMENSIONS[unit(metric)], option)
    if value <= 0:
        raise InputError(f"{option}: must be above 0 (found {quote(text)})")
    return value


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not (equals and name.strip() and value.strip()):
        raise InputError(f"{option}: write it as {example} (found {quote(text)})")
    return name.strip(), value.strip()


def _origin(text: str, option: str, sense: Sense, facts: Facts) -> OriginLimit:
    option = "--" + option.replace("_", "-")
    name, value = _pair(text, option, "vendor:US=0.6")
    level, code = _level_and_code(name, option, facts)
    if code is None and sense == "at least":
        raise InputError(f"{option}: name whose share, as in vendor:US=0.6 (found {quote(text)})")
    return OriginLimit(level, code, sense, read_value(value, "fraction", option))


def _level_and_code(text: str, option: str, facts: Facts) -> tuple[str, str | None]:
    """Read ``vendor:US``; a country at a level of organisations means the level of their nations."""
    level, _, code = (part.strip() for part in text.partition(":"))
    level = level.replace("-", "_")
    if level not in LEVELS:
        raise UnknownNameError(f"level ({option})", level, LEVELS)
    if not code:
        return level, None
    if level in NATIONAL:
        return level, _nation(code, facts)
    organisations, nations = facts.names.organisations, f"{level}_nation"
    try:
        return level, organisations.resolve(code) if organisations else code
    except UnknownNameError:
        if nations not in LEVELS:
            return level, code
        try:
            return nations, _nation(code, facts)
        except UnknownNameError:
            pass
        raise


def _nation(code: str, facts: Facts) -> str:
    if code.upper() in facts.groups:
        return code.upper()
    table = facts.names.countries
    return table.resolve(code) if table else code


def _counts(options: dict[str, Any], facts: Facts) -> list[CountWanted]:
    found = []
    for key, sense in (("max_count", "at most"), ("min_count", "at least")):
        for text in options[key]:
            option = "--" + key.replace("_", "-")
            name, value = _pair(text, option, "nvidia-gb300=5000")
            number = read_value(value, "count", option)
            found.append(CountWanted(_accelerator(name, facts), sense, number))  # type: ignore[arg-type]
    return found


def _accelerator(name: str, facts: Facts) -> str:
    """Return an accelerator's id, or the name itself: it may be that of a deployment."""
    table = facts.names.accelerators
    try:
        return table.resolve(name) if table else name
    except UnknownNameError:
        return name


def candidates_of(
    options: dict[str, Any], cluster: Cluster, facts: Facts, buying: Buying, day: datetime.date
) -> Open:
    """Return the candidates. Raises UnknownNameError."""
    table = facts.names.accelerators
    if options["accelerators"]:
        names = [name.strip() for name in options["accelerators"].split(",") if name.strip()]
        ids = [table.resolve(name) if table else name for name in names]
        return of_accelerators(cluster, ids, keep=options["keep"])
    if options["importable"]:
        return of_accelerators(cluster, sold(facts, buying, options["precision"], day), keep=options["keep"])
    found = of_cluster(cluster)
    if options["keep"] and not found.kept:
        raise InputError(f"cluster {cluster.id}: --keep leaves nothing to seek; name --accelerators")
    return found


def read_units(texts: tuple[str, ...], facts: Facts) -> dict[str, int]:
    """Read ``8`` or ``nvidia-gb300=72``. Raises InputError."""
    found = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        if not value.strip().isdigit():
            raise InputError(f"--unit: write a whole number, or nvidia-gb300=72 (found {quote(text)})")
        found[_accelerator(name.strip(), facts) if name else ""] = int(value)
    return found


def read_frontier(text: str | None, facts: Facts) -> OriginLimit | None:
    """Read ``vendor-nation`` or ``vendor:US``. Raises UnknownNameError."""
    if text is None:
        return None
    return OriginLimit(*_level_and_code(text, "--frontier", facts), "at most", 1.0)
