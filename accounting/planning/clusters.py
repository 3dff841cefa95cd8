"""Hypothetical clusters: what a planner might build."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from accounting.census.ledger import Entry, Owner
from accounting.errors import InputFaults, UnknownNameError
from accounting.quantities import Count, Pue, Ratio
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, CountryCode, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Id, Text, check_unique, load


class ClusterDeployment(FactModel):
    """A batch of one accelerator model in a hypothetical cluster."""

    id: Id
    accelerator: AcceleratorId
    count: Count = Field(description="accelerators")
    in_service: Date | None = None
    host_overhead: Fact[Ratio] | None = Field(None, description="overrides the cluster's")
    note: Text | None = None


class Cluster(FactModel):
    """A hypothetical cluster.

    ``host_overhead`` is server and network power ÷ the sum of accelerator TDPs; ``pue`` is facility
    power ÷ that.
    """

    id: Id
    name: Text
    hypothetical: bool
    territory: CountryCode
    owner: OrganisationId
    operator: OrganisationId
    pue: Fact[Pue]
    host_overhead: Fact[Ratio]
    deployments: tuple[ClusterDeployment, ...] = Field(min_length=1)
    note: Text | None = None


class ClusterFile(FactModel):
    """A file with one cluster."""

    cluster: Cluster


def load_cluster(source: str | Path, facts: Facts) -> Cluster:
    """Read a cluster from a YAML file, or a shipped one by its id.

    Raises:
        InputFaults: every fault of the file.
        UnknownNameError: neither a file nor the id of a shipped cluster.
    """
    path = Path(source)
    if not path.is_file():
        path = _shipped(str(source))
    document, content = load(path, ClusterFile, facts.names)
    items = [
        (document, ("cluster", "deployments", i, "id"), d.id)
        for i, d in enumerate(content.cluster.deployments)
    ]
    if faults := check_unique(items, "deployment id"):
        raise InputFaults(faults)
    return content.cluster


def shipped_clusters() -> dict[str, Path]:
    """Return the files of the shipped clusters by id."""
    return {path.stem: path for path in sorted((configs_root() / "clusters").glob("*.yaml"))}


def _shipped(name: str) -> Path:
    known = shipped_clusters()
    if name not in known:
        raise UnknownNameError("cluster (neither a file nor a shipped id)", name, known)
    return known[name]


def entries(cluster: Cluster, facts: Facts) -> Sequence[Entry]:
    """Return the cluster's deployments as the accounts see them.

    A site's own spread stands for its operator's skill and place, so clusters of one operator share it:
    two mixes compared differ by their hardware, not by luck.
    """
    owner = Owner(cluster.owner, facts.nation_of(cluster.owner), 1.0)
    return [
        Entry(
            id=f"{cluster.operator}/{d.accelerator}",
            facility=cluster.operator,
            facility_name=cluster.name,
            territory=cluster.territory,
            owners=(owner,),
            operator=cluster.operator,
            sector=None,
            accelerator=d.accelerator,
            vendor=facts.accelerators[d.accelerator].designer,
            vendor_nation=facts.nation_of(facts.accelerators[d.accelerator].designer),
            count=d.count,
            in_service=d.in_service,
            retired=None,
            status="announced",
            # its size is chosen, not observed: a given of the question, known as well as the chip's sheet
            kind="published",
            source="hypothetical",
        )
        for d in cluster.deployments
    ]
