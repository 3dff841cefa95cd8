"""Hypothetical clusters: what a planner might build."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.census.facilities import Sector
from accounting.census.ledger import Entry, Owner
from accounting.documents import is_there
from accounting.errors import InputFaults, UnknownNameError
from accounting.quantities import (
    Bandwidth,
    CarbonIntensity,
    Count,
    Duration,
    EnergyPrice,
    ExactPower,
    Fraction,
    Mass,
    Money,
    Power,
    PowerPrice,
    Pue,
    Ratio,
    WaterIntensity,
)
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, CountryCode, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Id, Text, check_unique, load
from bench.errors import InputError

_SHARE_TOLERANCE = 1e-6
ExactFraction = Annotated[float, Field(gt=0, le=1)]


Climate = Literal["cold", "temperate", "hot"]


class Network(FactModel):
    """What joins the servers. Nothing is drawn of it; models of training runs read it."""

    name: Text = Field(description="such as '8 x 400 Gbit/s InfiniBand, non-blocking'")
    bandwidth: Bandwidth | None = Field(
        None, description="bytes per second that one accelerator has between servers, one direction"
    )


class ClusterDeployment(FactModel):
    """A batch of one accelerator model in a hypothetical cluster; batches of later dates are its phases.

    Its size is ``count``, or ``share`` of the cluster's IT power at full load, or left to be solved for.
    """

    id: Id
    accelerator: AcceleratorId = Field(description="model of all accelerators of the batch")
    count: Count | None = Field(None, description="accelerators; to be solved for where left out")
    share: ExactFraction | None = Field(
        None, description="share of the IT power that the cluster's power cap allows; sets the count"
    )
    in_service: Date | None = Field(None, description="first day of use; from the start where left out")
    retired: Date | None = Field(None, description="end of use; the cluster's IT lifetime where left out")
    host_overhead: Fact[Ratio] | None = Field(None, description="overrides the cluster's")
    power: Fact[Power] | None = Field(
        None,
        description="watts of IT an accelerator takes in training, its part of host and network included",
    )
    price: Fact[Money] | None = Field(
        None, description="US dollars an accelerator with its part of host, network and storage"
    )
    embodied_carbon: Fact[Mass] | None = Field(
        None, description="kg CO2 equivalent of making an accelerator with its part of the host"
    )
    note: Text | None = None

    @model_validator(mode="after")
    def _one_size(self) -> ClusterDeployment:
        if self.count is not None and self.share is not None:
            raise PydanticCustomError("size", "give 'count' or 'share', not both", {"at": "share"})
        if self.in_service and self.retired and self.retired <= self.in_service:
            message = "must be retired after it came into service"
            raise PydanticCustomError("dates", message, {"at": "retired", "found": str(self.retired)})
        return self


class Cluster(FactModel):
    """A hypothetical cluster. Whatever is left out is a documented default (docs/planning.md).

    ``host_overhead`` is server and network power at full load ÷ the sum of accelerator TDPs; ``pue`` is
    facility power ÷ that. ``power_cap`` and ``budget`` limit what may be built; nothing is cut to fit them.
    """

    id: Id
    name: Text
    hypothetical: bool = Field(description="whether it is thought out; false where somebody has announced it")
    territory: CountryCode = Field(
        description="country that it would stand in; sets the defaults of electricity"
    )
    owner: OrganisationId = Field(description="who would own it")
    operator: OrganisationId = Field(description="who would run it")
    sector: Sector | None = Field(None, description="of the owner; public sites have defaults of their own")
    climate: Climate | None = Field(None, description="of the site; sets the defaults of PUE and water")
    network: Network | None = None
    budget: Money | None = Field(None, description="US dollars of capital that may be spent")
    power_cap: ExactPower | None = Field(None, description="watts at the meter, at full load")
    pue: Fact[Pue] | None = Field(None, description="yearly mean")
    host_overhead: Fact[Ratio] | None = Field(
        None, description="server and network power at full load ÷ the sum of accelerator TDPs"
    )
    load: Fact[Ratio] | None = Field(None, description="mean IT power over a year ÷ IT power in training")
    it_lifetime: Fact[Duration] | None = Field(
        None, description="until accelerators with their hosts are written off"
    )
    building_lifetime: Fact[Duration] | None = Field(
        None, description="until buildings with power and cooling are written off"
    )
    building_cost: Fact[PowerPrice] | None = Field(None, description="US dollars a watt of IT at full load")
    discount_rate: Fact[Fraction] | None = Field(None, description="real, a year")
    operations: Fact[Fraction] | None = Field(
        None, description="staff, maintenance, spares and insurance: share of the capital a year"
    )
    electricity_price: Fact[EnergyPrice] | None = Field(None, description="of the electricity bought")
    carbon_intensity: Fact[CarbonIntensity] | None = Field(None, description="of the electricity bought")
    building_carbon: Fact[Mass] | None = Field(
        None, description="kg CO2 equivalent of building, for each kilowatt of IT at full load"
    )
    water_on_site: Fact[WaterIntensity] | None = Field(None, description="WUE: litres a kWh of IT energy")
    water_of_grid: Fact[WaterIntensity] | None = Field(
        None, description="litres consumed a kWh of electricity generated"
    )
    deployments: tuple[ClusterDeployment, ...] = Field(min_length=1)
    note: Text | None = None

    @model_validator(mode="after")
    def _shares_have_a_cap(self) -> Cluster:
        shares = [d.share for d in self.deployments if d.share is not None]
        if shares and self.power_cap is None:
            message = "a share is of the power that 'power_cap' allows; give that too"
            raise PydanticCustomError("cap", message, {"at": "deployments"})
        if math.fsum(shares) > 1 + _SHARE_TOLERANCE:
            message = "the shares of the deployments add to more than 1"
            raise PydanticCustomError("shares", message, {"at": "deployments", "found": math.fsum(shares)})
        return self


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
    if not (is_there(path) and path.is_file()):
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

    Raises:
        InputError: a deployment's count is still to be solved for (:func:`check_sized`).
    """
    check_sized(cluster)
    owner = Owner(cluster.owner, facts.nation_of(cluster.owner), 1.0)
    return [
        Entry(
            id=f"{cluster.operator}/{d.accelerator}",
            facility=cluster.operator,
            facility_name=cluster.name,
            territory=cluster.territory,
            owners=(owner,),
            operator=cluster.operator,
            sector=cluster.sector,
            accelerator=d.accelerator,
            vendor=facts.accelerators[d.accelerator].designer,
            vendor_nation=facts.nation_of(facts.accelerators[d.accelerator].designer),
            count=d.count,
            in_service=d.in_service,
            retired=d.retired,
            status="announced",
            # its size is chosen, not observed: a given of the question, known as well as the chip's sheet
            kind="published",
            source="hypothetical",
        )
        for d in cluster.deployments
    ]


def check_sized(cluster: Cluster) -> None:
    """Raise InputError where a deployment's count is still to be solved for."""
    if open_ones := [d.id for d in cluster.deployments if d.count is None]:
        raise InputError(
            f"cluster {cluster.id}: no count for {', '.join(open_ones)}; give 'count', or 'share' with a "
            "'power_cap' on the cluster"
        )
