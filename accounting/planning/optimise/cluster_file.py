"""A planned cluster as YAML: the file that was asked about, with its counts; it loads again as a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from accounting.documents import read_document
from accounting.planning.clusters import shipped_clusters
from accounting.planning.optimise.build import SOMETHING
from accounting.planning.optimise.plan import Plan

_HEAD = "# Counts found by flopcensus plan, with: {limits}.\n"


def cluster_yaml(source: str, found: Plan) -> str:
    """Return the YAML of the planned cluster; everything but deployments and limits is as the file has it.

    Raises:
        ValueError: there is no plan.
    """
    if found.mix is None:
        raise ValueError("no plan to write")
    path = Path(source)
    data = read_document(path if path.is_file() else shipped_clusters()[source]).data
    stated = {row["id"]: row for row in data["cluster"]["deployments"]}
    rows = []
    for one in found.mix.chosen:
        d = one.deployment
        row: dict[str, Any] = dict(stated.get(d.id, {"id": d.id, "accelerator": d.accelerator}))
        if not one.stays or row.pop("share", None) is not None:
            row.pop("share", None)
            row.pop("note", None)
            row["count"] = int(one.count)
        if d.in_service and "in_service" not in row:
            row["in_service"] = d.in_service.isoformat()
        rows.append(row)
    limits = {m.metric: m.value for m in found.asked.metrics if m.sense == "at most"}
    own: dict[str, Any] = {"id": found.cluster.id, "name": found.cluster.name} if found.cluster else {}
    if (cap := limits.get("facility_full_load_w")) is not None:
        own["power_cap"] = f"{cap:.12g} W"
    if (budget := limits.get("capital_usd")) is not None:
        own["budget"] = f"{budget:.12g} USD"
    cluster = {**data["cluster"], **own}
    # last, where people look for them
    cluster.pop("deployments", None)
    cluster["deployments"] = rows
    head = _HEAD.format(
        limits="; ".join(bound.name for bound in found.bounds if bound.name != SOMETHING) or "nothing"
    )
    return head + yaml.safe_dump({"cluster": cluster}, sort_keys=False, allow_unicode=True, width=110)
