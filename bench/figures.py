"""Parts of a record that set a figure beside others: what a call does, its roofline, a device's score."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Bound = Literal["compute", "memory", "launch"]
Regime = Literal["bf16", "fp8-mixed", "fp4-mixed"]
Reach = Literal["all", "within", "between"]
Order = Literal["holds", "broken", "incomplete"]


class Frozen(BaseModel):
    """A part of a record: fixed once made, without NaN, and without fields that nobody knows."""

    # a model is built when first used: most commands use few of them
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class PerCall(Frozen):
    """One call of a workload: how long it takes, and what it does in closed form."""

    seconds: Positive = Field(description="Median: work of a call ÷ value. Unit: s.")
    flop: NotNegative = Field(description="Operations of a call, in closed form. Unit: FLOP.")
    bytes: NotNegative = Field(description="Read and written at least. Unit: B.")
    tokens: Positive | None = Field(None, description="Tokens read or made, where it is about tokens.")
    launches: Positive | None = Field(None, description="Kernels started, where that is what is measured.")
    working_set_bytes: PositiveInt = Field(description="Memory that its operands take. Unit: B.")

    @property
    def flop_per_s(self) -> float | None:
        """None where a call does no arithmetic. Unit: FLOP/s."""
        return self.flop / self.seconds if self.flop else None

    @property
    def bytes_per_s(self) -> float | None:
        """None where a call moves nothing. Unit: B/s."""
        return self.bytes / self.seconds if self.bytes else None

    @property
    def tokens_per_s(self) -> float | None:
        """None where it is not about tokens. Unit: token/s."""
        return self.tokens / self.seconds if self.tokens else None


class Roofline(Frozen):
    """What the ceilings measured in the same run allow a call of this intensity and size.

    The time of a call is at least the longest of FLOP ÷ compute ceiling, bytes ÷ bandwidth at the size of
    its working set, and one launch. Source: Williams, Waterman and Patterson, Roofline (CACM 52:4, 2009),
    with the bandwidth of each cache level as in Ilic, Pratas and Sousa (IEEE CAL 13:1, 2014).
    """

    intensity_flop_per_byte: NotNegative | None = Field(
        None, description="FLOP ÷ bytes of a call; null where it moves none. Unit: FLOP/B."
    )
    compute_flop_per_s: Positive | None = Field(
        None, description="Compute ceiling in the precision. Unit: FLOP/s."
    )
    compute_source: str | None = Field(None, description="Workload that it was measured with.")
    bandwidth_bytes_per_s: Positive | None = Field(
        None, description="Bandwidth at the size of the working set. Unit: B/s."
    )
    bandwidth_source: str | None = Field(None, description="Workload that it was measured with.")
    launch_seconds: Positive | None = Field(None, description="One launch, where it was measured. Unit: s.")
    attainable: Positive = Field(description="The most these allow, in the result's unit.")
    fraction: Positive = Field(description="Value ÷ attainable.")
    bound: Bound = Field(description="Which of them is the tightest.")


class Inference(Frozen):
    """Token generation, and what it makes of the memory's bandwidth."""

    batch: PositiveInt = Field(description="Sequences that tokens are generated for at once.")
    tokens_per_s: Positive = Field(description="Tokens generated a second, of all sequences. Unit: token/s.")
    bytes_per_s: Positive = Field(description="Weights and cache read, in closed form. Unit: B/s.")
    memory_bandwidth_bytes_per_s: Positive | None = Field(
        None, description="Best bandwidth of main memory in the same run. Unit: B/s."
    )
    fraction_of_bandwidth: Positive | None = Field(None, description="`bytes_per_s` ÷ that bandwidth.")
    tokens_per_byte: Positive | None = Field(
        None,
        description="Tokens per second for each byte per second of memory bandwidth, of the model measured. "
        "Unit: token/B.",
    )


class Link(Frozen):
    """What one rank sends to another."""

    ranks: tuple[int, int] = Field(description="From, to.")
    nodes: tuple[str, str] = Field(description="Names of theirs.")
    bytes_per_s: Positive = Field(description="Median over rounds. Unit: B/s.")
    best_bytes_per_s: Positive = Field(description="Of the fastest round. Unit: B/s.")


class Exchange(Frozen):
    """What several ranks did together, each a process with a device of its own.

    The time of a call is the longest that any rank took for it. Bandwidths as nccl-tests defines them; the
    result's value is the bus bandwidth.
    """

    ranks: PositiveInt = Field(description="How many took part.")
    nodes: PositiveInt = Field(description="On how many nodes.")
    reach: Reach = Field(
        description="All ranks (`all`); those of one node, all nodes at once (`within`); one of each node "
        "(`between`). Where a node has one rank, or there is one node, the others would be the same."
    )
    seconds: Positive = Field(description="Median time of a call; of a small one, the latency. Unit: s.")
    seconds_ci95: tuple[Positive, Positive] = Field(description="95 % interval. Unit: s.")
    algorithm_bytes_per_s: Positive = Field(description="Size ÷ time. Unit: B/s.")
    bus_bytes_per_s: Positive = Field(description="That × the operation's factor. Unit: B/s.")
    links: tuple[Link, ...] = Field(
        (), description="Pair by pair and way by way; of very many the slowest only."
    )
    slow: tuple[str, ...] = Field((), description="Links, ranks and nodes that are slow, in words.")


class ScalingPoint(Frozen):
    """A training step shared out to so many ranks."""

    ranks: PositiveInt = Field(description="Processes that share the step, one for each device.")
    nodes: PositiveInt = Field(description="Nodes that they run on.")
    value: Positive = Field(description="Rate of all ranks together, median. Unit: FLOP/s.")
    ci95: tuple[Positive, Positive] = Field(description="95 % interval. Unit: FLOP/s.")
    efficiency: Positive = Field(description="Value ÷ (ranks × that of one rank).")
    efficiency_ci95: tuple[Positive, Positive] = Field(description="95 % interval, by ratios of rounds.")


class Score(Frozen):
    """What one device gives in one precision, as accounting takes it: each rung at most the one before."""

    device: str = Field(description="Id of the device within the record.")
    precision: str = Field(description="Number format of the operations.")
    peak: Positive | None = Field(None, description="Dense, from the spec sheet. Unit: FLOP/s.")
    achievable: Positive | None = Field(None, description="Best matrix product. Unit: FLOP/s.")
    achievable_ci95: tuple[Positive, Positive] | None = Field(
        None, description="95 % interval of `achievable`. Unit: FLOP/s."
    )
    sustained: Positive | None = Field(None, description="Model FLOP/s of a training step. Unit: FLOP/s.")
    sustained_ci95: tuple[Positive, Positive] | None = Field(
        None, description="95 % interval of `sustained`. Unit: FLOP/s."
    )
    sustained_backend: str | None = Field(None, description="With torch.compile or without.")
    regime: Regime | None = Field(None, description="Numeric regime of the training step.")
    inference: tuple[Inference, ...] = ()
    order: Order = Field(description="Whether peak ≥ achievable ≥ sustained.")
    reason: str | None = Field(None, description="Why it is broken or incomplete.")
