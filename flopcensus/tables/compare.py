"""Clusters side by side for people: a table a subject, a column a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from accounting.accounts.account import Quantiles
from accounting.dimensions import YEAR_S
from accounting.planning.comparison import CapacityValue, ClusterValue, Comparison, Difference
from accounting.planning.known import Given
from accounting.planning.outlook import METRICS
from accounting.reference.export_control import NOT_LEGAL_ADVICE
from flopcensus.output import percent, print_table, say, si, warn

Row = tuple[str, ...]
_POWER = ("it_full_load_w", "facility_full_load_w", "it_power_w", "facility_power_w", "energy_j_per_year")
_EARTH = (
    *("operational_carbon_kg_per_year", "embodied_carbon_kg", "carbon_kg_per_year"),
    *("water_on_site_m3_per_year", "water_m3_per_year"),
)
_MONEY = (
    *("it_capital_usd", "building_capital_usd", "capital_usd", "electricity_usd_per_year"),
    *("cost_usd_per_year", "levelised_usd_per_1e21_flop"),
)
# of all differences, those that a table of each pair shows; the rest stand in the JSON
_DIFFERENCES = (
    *("bytes_per_s", "facility_power_w", "energy_j_per_year", "carbon_kg_per_year", "water_m3_per_year"),
    *("capital_usd", "cost_usd_per_year", "levelised_usd_per_1e21_flop", "run_flop"),
)
_BILLION, _MILLION, _THOUSAND = 1e9, 1e6, 1e3
_J_PER_WH = 3600.0
# with more clusters the table of pairs holds the last basis and these only
_FEW = 3
_MANY = ("facility_power_w", "cost_usd_per_year", "levelised_usd_per_1e21_flop")
_LIKELY = 0.5


def print_comparison(comparison: Comparison) -> None:
    """Print clusters side by side, then how sure the differences are, then what it rests on."""
    clusters = comparison.clusters
    heads = ("", *(v.cluster.name for v in clusters))
    hypothetical = "hypothetical clusters" if all(v.cluster.hypothetical for v in clusters) else "clusters"
    print_table(f"{hypothetical} side by side: median (5 to 95 %)", heads, list(_capacity(comparison)))
    print_table("power and energy", heads, _metrics(clusters, _POWER))
    print_table("cost", heads, _metrics(clusters, _MONEY))
    print_table("carbon and water", heads, _metrics(clusters, _EARTH))
    print_table(_origin_title(comparison), heads, list(_origins(comparison)))
    print_table("export rules of the United States", heads, list(_exports(clusters)))
    for title, rows in (("limits", list(_limits(clusters))), ("phases", list(_phases(clusters)))):
        if rows:
            print_table(title, heads, rows)
    _print_differences(comparison)
    _print_notes(comparison)


def print_assumptions(comparison: Comparison) -> None:
    """Print every parameter of each cluster, with where it stands and whether it is a default."""
    for value in comparison.clusters:
        rows = [
            (one.name, _given(one), one.kind, "default" if one.default else "stated", one.source)
            for one in value.given
        ]
        print_table(f"{value.cluster.name} rests on", ("", "value", "kind", "", "source"), rows)


def figure(value: float, unit: str) -> str:
    """Write a figure in the unit that people use for it.

    >>> figure(3.6e15, "J"), figure(2.5e9, "USD"), figure(4.2e6, "kg"), figure(2.8e25, "FLOP")
    ('1.00 TWh', '2.50 B$', '4,200 t', '2.80e+25 FLOP')
    """
    write = _WRITTEN.get(unit)
    return write(value) if write else si(value, unit)


def _dollars(value: float) -> str:
    for factor, prefix in ((_BILLION, "B$"), (_MILLION, "M$")):
        if value >= factor:
            return (
                f"{value / factor:,.3g} {prefix}"
                if value >= 10 * factor
                else f"{value / factor:.2f} {prefix}"
            )
    return f"{value:,.0f} $"


def cell(q: Quantiles | None, unit: str) -> str:
    """Write the median, and the 5th to 95th percentile where they differ."""
    if q is None:
        return "not known"
    middle = figure(q.p50, unit)
    if q.p5 == q.p95:
        return middle
    low, high = figure(q.p5, unit), figure(q.p95, unit)
    # the unit once, where both ends have it
    if low.rpartition(" ")[2] == high.rpartition(" ")[2] and " " in low:
        low = low.rpartition(" ")[0]
    return f"{middle} ({low} to {high})"


def _capacity(comparison: Comparison) -> Iterator[Row]:
    for place, first in enumerate(comparison.clusters[0].capacities):
        found = [value.capacities[place] for value in comparison.clusters]
        yield (f"{first.basis} {first.precision}", *(_flops(one) for one in found))
        if any(one.h100e for one in found):
            yield ("  in H100e", *(cell(one.h100e, "H100e") if one.h100e else "–" for one in found))
    for name in ("bytes_per_s", "run_flop", "tpp", "accelerators"):
        yield _metric(comparison.clusters, name)


def _flops(one: CapacityValue) -> str:
    return cell(one.flop_per_s, "FLOP/s") if one.flop_per_s else f"not known ({one.why_not})"


def _metrics(clusters: Sequence[ClusterValue], names: Sequence[str]) -> list[Row]:
    return [_metric(clusters, name) for name in names]


def _metric(clusters: Sequence[ClusterValue], name: str) -> Row:
    unit, label = METRICS[name]
    return (label, *(cell(value.quantiles(name), unit) for value in clusters))


def _origin_title(comparison: Comparison) -> str:
    return f"origin and sovereignty, of {comparison.bases[-1]} {comparison.precision}"


def _origins(comparison: Comparison) -> Iterator[Row]:
    clusters, basis = comparison.clusters, comparison.bases[-1]
    for place, first in enumerate(clusters[0].accounts[basis].accounts):
        accounts = [value.accounts[basis].accounts[place] for value in clusters]
        yield (
            first.key.replace("_", " "),
            *(", ".join(f"{row.name} {percent(row.share)}" for row in a.rows) for a in accounts),
        )
        yield ("  HHI", *(f"{a.hhi:,.0f}" for a in accounts))
    yield ("domestic at all levels at once", *(percent(value.sovereignty.joint.share) for value in clusters))
    yield ("least domestic at", *(value.sovereignty.weakest.replace("_", " ") for value in clusters))


def _exports(clusters: Sequence[ClusterValue]) -> Iterator[Row]:
    idle = []
    for place, first in enumerate(clusters[0].exports):
        found = [value.exports[place] for value in clusters]
        if not any(one.reached for one in found):
            idle.append(first.rule.id)
            continue
        forces = ["in force" if one.in_force else "not in force then" for one in found]
        same = len(set(forces)) == 1
        label = f"{first.rule.id} ({forces[0]})" if same else first.rule.id
        texts = zip(found, forces, strict=True)
        yield (label, *(one.text if same or not one.reached else f"{f}: {one.text}" for one, f in texts))
    if idle:
        yield (", ".join(idle), *("destination not reached" for _ in clusters))


def _limits(clusters: Sequence[ClusterValue]) -> Iterator[Row]:
    for name, unit in (("power_cap", "W"), ("budget", "USD")):
        found = [next((one for one in value.limits if one.name == name), None) for value in clusters]
        if any(found):
            yield (
                name.replace("_", " "),
                *(
                    f"{figure(one.value, unit)}, kept with {percent(one.probability_kept)}" if one else "–"
                    for one in found
                ),
            )


def _phases(clusters: Sequence[ClusterValue]) -> Iterator[Row]:
    days = sorted({one.day for value in clusters for one in value.phases if one.day})
    for day in days:
        found = [next((one for one in value.phases if one.day == day), None) for value in clusters]
        yield (
            f"from {day}",
            *(
                f"{one.accelerators:,.0f} accelerators, {cell(one.delivered_flop_per_s, 'FLOP/s')} delivered"
                if one
                else "–"
                for one in found
            ),
        )


def _print_differences(comparison: Comparison) -> None:
    shown = list(filter(_shown(comparison), comparison.differences))
    rows = [(_difference(d), *_ratio(d)) for d in shown]
    if rows:
        columns = ("ratio", "median", "5 to 95 %", "chance that the first has more")
        print_table("differences, with common draws", columns, rows)


def _shown(comparison: Comparison) -> Callable[[Difference], bool]:
    if len(comparison.clusters) <= _FEW:
        return lambda d: d.metric == "capacity" or d.metric in _DIFFERENCES
    last = (comparison.bases[-1], comparison.precision)
    return lambda d: (d.basis, d.precision) == last or d.metric in _MANY


def _difference(d: Difference) -> str:
    what = f"{d.basis} {d.precision}" if d.metric == "capacity" else METRICS[d.metric][1]
    return f"{d.a} ÷ {d.b}, {what}"


def _ratio(d: Difference) -> Row:
    same = d.ratio.p5 == d.ratio.p95
    between = "as stated" if same else f"{d.ratio.p5:.2f} to {d.ratio.p95:.2f}"
    return (f"{d.ratio.p50:.2f}", between, percent(d.probability_a_more))


def _print_notes(comparison: Comparison) -> None:
    for value in comparison.clusters:
        defaults = [one.name for one in value.given if one.default]
        stated = len(value.given) - len(defaults)
        say(f"{value.cluster.name}: {stated} stated, {len(defaults)} by default: {', '.join(defaults)}")
    say("Defaults and their sources: --assumptions, or assumptions in --format json.")
    say(NOT_LEGAL_ADVICE)
    for value in comparison.clusters:
        for one in value.limits:
            if one.probability_kept < _LIKELY:
                limit, metric = one.name.replace("_", " "), METRICS[one.metric][1]
                warn(f"{value.cluster.name}: its {metric} is likely above its {limit}")


_WRITTEN: dict[str, Callable[[float], str]] = {
    "": lambda value: f"{value:,.0f}",
    "J": lambda value: si(value / _J_PER_WH, "Wh"),
    "USD": _dollars,
    "kg": lambda value: f"{value / _THOUSAND:,.0f} t",
    "m3": lambda value: f"{value:,.0f} m³",
    "FLOP": lambda value: f"{value:.2e} FLOP",
    "TPP": lambda value: f"{value / _MILLION:,.0f} M TPP",
}
_UNITS: dict[str, Callable[[float], str]] = {
    "s": lambda value: f"{value / YEAR_S:.3g} years",
    "W": lambda value: si(value, "W"),
    "USD": _dollars,
}


def _given(one: Given) -> str:
    def plain(value: float) -> str:
        return f"{value:,.4g} {one.unit}".strip()

    write = _UNITS.get(one.unit, plain)
    low, best, high = one.value.low, one.value.best, one.value.high
    return write(best) if low == high else f"{write(best)} ({write(low)} to {write(high)})"
