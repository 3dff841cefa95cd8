"""``flopcensus catalogue``: the facts that the accounts rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import format_option
from flopcensus.output import Format, si

if TYPE_CHECKING:
    from accounting.reference.facts import Facts

# too long for a terminal
_ONLY_IN_FILES = frozenset(
    {"source", "name", "facility", "owners", "operator", "kind", "software", "foundry"}
    | {"family", "summary", "flop", "bytes"}
)
_UNITS = {"_flop_per_s": "FLOP/s", "_bytes_per_s": "B/s", "_bytes": "B", "_w": "W"}
_TABLES = (
    "accelerators",
    "organisations",
    "countries",
    "groups",
    "facilities",
    "clusters",
    "measurements",
    "workloads",
)


@click.command("catalogue", epilog="Example: flopcensus catalogue accelerators --format csv")
@click.argument("table", type=click.Choice(_TABLES), default="accelerators")
@format_option
def command(table: str, output: Format) -> None:
    """List a TABLE of the shipped facts, each row with its source; or the workloads with their formulas."""
    from accounting.reference.facts import load_facts
    from flopcensus.output import note, print_table, to_csv, to_json

    rows = _ROWS[table](load_facts())
    columns = list(rows[0]) if rows else []
    if output == "json":
        click.echo(to_json({"schema": "flopcensus/catalogue/1", "table": table, "rows": rows}), nl=False)
    elif output == "csv":
        click.echo(to_csv(columns, rows), nl=False)
    else:
        shown = [column for column in columns if column not in _ONLY_IN_FILES]
        print_table(table, shown, [[_text(column, row[column]) for column in shown] for row in rows])
        if table == "workloads":
            _print_formulas(rows)
        note("sources and further columns: --format csv or json")


def _print_formulas(rows: list[dict[str, Any]]) -> None:
    """Print what each workload measures, and what counts as work, once where several share it."""
    from flopcensus.output import say

    sharing: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        sharing.setdefault((row["flop"], row["bytes"]), []).append(row)
    for (flop, moved), alike in sharing.items():
        for row in alike:
            say(f"{row['workload']}: {row['summary']}")
        say(f"  work:  {' '.join(flop.split())}")
        say(f"  bytes: {' '.join(moved.split())}")


def _text(column: str, value: Any) -> str:
    if value is None:
        return ""
    for ending, unit in _UNITS.items():
        if column.endswith(ending):
            return si(value, unit)
    return f"{value:,g}" if isinstance(value, float) else str(value)


def _accelerators(facts: Facts) -> list[dict[str, Any]]:
    from accounting.reference.accelerators import PRECISIONS

    return [
        {
            "id": a.id,
            "name": a.name,
            "designer": a.designer,
            "nation": facts.nation_of(a.designer),
            "foundry": a.foundry,
            **{f"{p}_flop_per_s": a.peak_flop_per_s(p) for p in PRECISIONS},
            "memory_bytes": a.memory,
            "memory_bandwidth_bytes_per_s": a.memory_bandwidth,
            "tdp_w": a.tdp,
            "source": " ".join(source.url for source in a.sources),
        }
        for a in facts.accelerators.values()
    ]


def _organisations(facts: Facts) -> list[dict[str, Any]]:
    return [
        {"id": o.id, "name": o.name, "nation": o.nation, "kind": o.kind, "source": o.source}
        for o in facts.organisations.values()
    ]


def _countries(facts: Facts) -> list[dict[str, Any]]:
    return [
        {"alpha2": c.alpha2, "alpha3": c.alpha3, "numeric": c.numeric, "name": c.name}
        for c in facts.countries.values()
    ]


def _groups(facts: Facts) -> list[dict[str, Any]]:
    return [
        {
            "code": group.code,
            "country": member.country,
            "since": member.since.isoformat(),
            "until": member.until.isoformat() if member.until else None,
            "source": group.source,
        }
        for group in facts.groups.values()
        for member in group.members
    ]


def _facilities(facts: Facts) -> list[dict[str, Any]]:
    from accounting.census.sources import load_census

    frame = load_census([], facts).to_frame()
    texts = frame.astype(object).where(frame.notna(), None)
    return [{str(key): _plain(value) for key, value in row.items()} for row in texts.to_dict("records")]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _clusters(facts: Facts) -> list[dict[str, Any]]:
    from accounting.planning.clusters import load_cluster, shipped_clusters

    return [
        {
            "id": cluster.id,
            "name": cluster.name,
            "territory": cluster.territory,
            "deployments": "; ".join(f"{d.count.best:,.0f} {d.accelerator}" for d in cluster.deployments),
        }
        for cluster in (load_cluster(path, facts) for path in shipped_clusters().values())
    ]


def _measurements(facts: Facts) -> list[dict[str, Any]]:
    from accounting.capacity.calibration import load_calibration

    return [
        {
            "accelerator": m.accelerator,
            "basis": m.basis,
            "precision": m.precision or m.regime,
            "metric": m.metric,
            "achieved_flop_per_s": m.achieved,
            "fraction": m.fraction.best if m.fraction else None,
            "software": m.software,
            "date": m.date.isoformat(),
            "kind": m.kind,
            "source": m.source,
        }
        for m in load_calibration(facts).measurements
    ]


def _workloads(_: Facts) -> list[dict[str, Any]]:
    import inspect

    from bench.workloads import load_workloads, shortest_mode

    return [
        {
            "workload": one.name,
            "family": one.family,
            "unit": one.unit,
            "precisions": " ".join(one.precisions),
            "runs from": shortest_mode(one),
            "summary": one.summary,
            "flop": inspect.getdoc(type(one).flop) or "",
            "bytes": inspect.getdoc(type(one).bytes_moved) or "",
        }
        for one in load_workloads().values()
    ]


_ROWS: dict[str, Callable[[Facts], list[dict[str, Any]]]] = {
    "accelerators": _accelerators,
    "organisations": _organisations,
    "countries": _countries,
    "groups": _groups,
    "facilities": _facilities,
    "clusters": _clusters,
    "measurements": _measurements,
    "workloads": _workloads,
}
