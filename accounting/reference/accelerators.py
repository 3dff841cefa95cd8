"""Accelerators: dense spec peaks by precision, memory, power, and who designs and makes them."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.quantities import Area, Bandwidth, ExactPower, Memory, Rate
from accounting.reference.names import OrganisationId
from accounting.validation import Date, FactModel, Id, OtherValue, Source, Text

Precision = Literal["fp64", "fp32", "tf32", "bf16", "fp8", "int8", "fp4"]
Availability = Literal["shipping", "announced", "estimate"]
Accumulator = Literal["fp16", "fp22", "bf16", "fp32", "fp64", "int32", "mixed"]
PRECISIONS: tuple[Precision, ...] = ("fp64", "fp32", "tf32", "bf16", "fp8", "int8", "fp4")

_SOURCED = (
    "peak",
    "sparse_peak",
    "accumulate",
    "memory",
    "memory_type",
    "memory_bandwidth",
    "interconnect",
    "interconnect_bandwidth",
    "tdp",
    "die_area",
    "process",
    "foundry",
    "packager",
    "released",
    "memory_suppliers",
    "memory_shares",
)


class Accelerator(FactModel):
    """A chip model as its data sheet states it. Peaks are dense, in FLOP/s per accelerator.

    Rates that count operations on structural zeros stand apart, as ``sparse_peak``: no capacity is ever
    valued with them, they serve only to read what somebody else has claimed.
    """

    id: Id
    name: Text
    aliases: tuple[Text, ...] = Field((), description="other names that are taken")
    device_names: tuple[Text, ...] = Field((), description="names that drivers report")
    designer: OrganisationId = Field(description="who designed it: the vendor of accounts")
    foundry: OrganisationId | None = Field(None, description="who makes the compute dies")
    process: Text | None = Field(None, description="process of the compute dies, such as '4N'")
    packager: OrganisationId | None = Field(None, description="who puts dies and memory into one package")
    memory_suppliers: tuple[OrganisationId, ...] = Field((), description="all of them, or none is named")
    memory_shares: dict[OrganisationId, float] = Field(
        default_factory=dict, description="share of each supplier in what was shipped, 0 to 1; add to 1"
    )
    family: Id = Field(description="architecture; efficiencies are pooled within it")
    kind: Literal["gpu", "tpu", "npu", "cpu", "wafer"] = Field(
        description="wafer: a processor as large as a wafer; npu: any other for neural networks"
    )
    status: Availability = Field(
        "shipping", description="announced: not yet delivered; estimate: no sheet of the maker's exists"
    )
    data_center: bool = Field(True, description="designed or marketed for data centres (export rules ask)")
    released: Date | None = Field(None, description="first day on sale, or of availability in a cloud")
    peak: dict[Precision, Rate] = Field(description="dense peak by precision, FLOP/s", min_length=1)
    sparse_peak: dict[Precision, Rate] = Field(
        default_factory=dict, description="peak with structured sparsity as the vendor prints it, FLOP/s"
    )
    accumulate: dict[Precision, Accumulator] = Field(
        default_factory=dict, description="width the sums are kept in, where it matters for the peak"
    )
    memory: Memory | None = Field(None, description="bytes")
    memory_type: Text | None = Field(None, description="such as HBM3e, GDDR6, SRAM")
    memory_bandwidth: Bandwidth | None = Field(None, description="bytes per second")
    interconnect: Text | None = Field(None, description="links between accelerators, such as 'NVLink 4'")
    interconnect_bandwidth: Bandwidth | None = Field(
        None, description="bytes per second between accelerators, both directions together"
    )
    tdp: ExactPower | None = Field(None, description="watts")
    die_area: Area | None = Field(None, description="square millimetres, all compute dies")
    note: Text | None = None
    others: tuple[OtherValue, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _every_fact_sourced(self) -> Accelerator:
        covered = {key for source in self.sources for key in source.covers}
        bare = [key for key in _SOURCED if getattr(self, key) and key not in covered]
        if bare:
            message = f"no source covers {', '.join(bare)}; name the key in 'covers' of a source"
            raise PydanticCustomError("unsourced", message, {"at": "sources", "found": sorted(covered)})
        return self

    @model_validator(mode="after")
    def _sparse_above_dense(self) -> Accelerator:
        for precision, rate in self.sparse_peak.items():
            dense = self.peak.get(precision)
            if dense is not None and rate <= dense:
                message = f"the sparse {precision} rate must exceed the dense one ({dense / 1e12:g} TFLOP/s)"
                context = {"at": "sparse_peak", "found": f"{rate / 1e12:g} TFLOP/s"}
                raise PydanticCustomError("sparse", message, context)
        return self

    @model_validator(mode="after")
    def _shares_of_all(self) -> Accelerator:
        shares = self.memory_shares
        if not shares:
            return self
        whole = math.isclose(math.fsum(shares.values()), 1.0, abs_tol=1e-6) and min(shares.values()) >= 0
        if not (set(shares) == set(self.memory_suppliers) and whole):
            message = "memory_shares needs a share for each of memory_suppliers, and they must add to 1"
            raise PydanticCustomError("shares", message, {"at": "memory_shares", "found": str(shares)})
        return self

    def peak_flop_per_s(self, precision: str) -> float | None:
        """Return the dense peak in FLOP/s, None where the sheet states none for ``precision``."""
        return self.peaks().get(precision)

    def peaks(self) -> dict[str, float]:
        """Return the dense peaks in FLOP/s by precision."""
        return {str(precision): rate for precision, rate in self.peak.items()}

    def rate_flop_per_s(self, precision: Precision, *, sparse: bool) -> float | None:
        """Return the dense rate or the one with sparsity in FLOP/s, None where none is stated."""
        return (self.sparse_peak if sparse else self.peak).get(precision)


class AcceleratorFile(FactModel):
    """A file of ``configs/accelerators/``."""

    accelerators: tuple[Accelerator, ...]
