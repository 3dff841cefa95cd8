"""Measurements of what accelerators deliver, as calibration files state them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.capacity.efficiency.occupancy import Occupancy
from accounting.capacity.efficiency.scaling import ScalingSeries
from accounting.quantities import Bandwidth, Count, Fraction, Rate
from accounting.reference.accelerators import Precision
from accounting.reference.names import AcceleratorId
from accounting.validation import Date, FactModel, Kind, Text

Regime = Literal["bf16", "fp8-mixed", "fp4-mixed", "unknown"]
Metric = Literal["mfu", "hfu", "wall_clock"]
Setting = Literal["production", "benchmark"]

# a training regime is set against the peak of the precision its matmuls run in
REGIME_OF: dict[str, Regime] = {"bf16": "bf16", "fp8": "fp8-mixed", "fp4": "fp4-mixed"}
PRECISION_OF: dict[str, Precision] = {"bf16": "bf16", "fp8-mixed": "fp8", "fp4-mixed": "fp4"}


class Spread(FactModel):
    """Standard deviations of ln(rate) of a pooled figure; None where there was but one of a kind."""

    between_nodes: float | None = Field(None, ge=0, description="from node to node")
    within_node: float | None = Field(None, ge=0, description="from run to run and device to device")


class Measurement(FactModel):
    """One measured figure: a best matmul or stream, a training step, token generation, or availability.

    ``achieved`` is a rate per accelerator in FLOP/s. ``achieved_bandwidth`` is that of a stream
    (``bandwidth``) or of token generation (``inference``), in B/s. ``fraction`` is a share of the dense peak
    of the precision (or of the regime's precision), or, for availability, of wall-clock time.

    Three kinds of figure are kept but enter no estimate: a training step on one accelerator alone, which
    says nothing of training at scale; mixtures of experts; and whole systems solving equations (HPL-MxP).
    """

    accelerator: AcceleratorId | None = Field(
        None, description="what was measured; left out only of an availability"
    )
    basis: Literal["achievable", "sustained", "inference", "availability", "system", "bandwidth"] = Field(
        description="what the figure is of: a best matmul (achievable) or stream (bandwidth), a training step"
        " (sustained), token generation (inference), uptime (availability), or a whole system "
        "solving equations (system)"
    )
    precision: Precision | None = Field(
        None, description="number format of the operations; needed by achievable, inference and system"
    )
    regime: Regime | None = Field(
        None, description="numeric regime of the training step; needed by sustained"
    )
    metric: Metric | None = Field(
        None,
        description="mfu: FLOP of the model; hfu: with what is computed again; wall_clock: all FLOP ÷ "
        "(chip-hours × peak)",
    )
    setting: Setting | None = Field(
        None, description="production: a model was trained for use; benchmark: steps were run to be timed"
    )
    experts: bool = Field(False, description="whether the model trained is a mixture of experts")
    run: Text | None = Field(None, description="the training run that the figure is of")
    achieved: Rate | None = Field(None, description="rate per accelerator, dense")
    achieved_bandwidth: Bandwidth | None = Field(
        None, description="bytes per second, of the best stream or of token generation"
    )
    batch: Count | None = Field(None, description="sequences that tokens were generated for at once")
    fraction: Fraction | None = Field(
        None, description="of the dense peak of the precision or regime; of availability: of wall-clock time"
    )
    software: Text | None = Field(None, description="versions of what ran")
    method: Text | None = Field(None, description="how it was measured")
    nodes: Count | None = Field(None, description="servers that took part")
    accelerators: Count | None = Field(None, description="accelerators that took part")
    figures: Count | None = Field(None, description="runs and devices that a pooled figure is the mean of")
    spread: Spread | None = None
    source: Text
    date: Date
    kind: Kind
    note: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> Measurement:
        problem = _problem(self)
        if problem:
            raise PydanticCustomError("measurement", problem, {"at": "basis", "found": self.basis})
        return self


class MeasurementFile(FactModel):
    """A calibration file: measurements, and series and shares that serve all of them."""

    measurements: tuple[Measurement, ...] = ()
    scaling: tuple[ScalingSeries, ...] = ()
    occupancy: tuple[Occupancy, ...] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> MeasurementFile:
        if not (self.measurements or self.scaling or self.occupancy):
            raise PydanticCustomError("empty", "a calibration file needs 'measurements'", {"at": ""})
        return self


def _problem(m: Measurement) -> str:
    """Return what is missing or contradictory, an empty string where nothing is."""
    chip, bytewise = m.basis != "availability", m.basis in ("inference", "bandwidth")
    checks = (
        (
            not bytewise and (m.achieved is None) == (m.fraction is None),
            "state either 'achieved' (a rate) or 'fraction': one of them, and not both",
        ),
        (
            bytewise and (m.achieved is not None or m.fraction is not None),
            f"basis '{m.basis}' is stated as 'achieved_bandwidth' alone: no 'fraction' and no 'achieved'",
        ),
        (
            bytewise == (m.achieved_bandwidth is None),
            "'achieved_bandwidth' belongs to basis 'inference' or 'bandwidth', and they need it",
        ),
        (
            m.fraction is not None and not 0 < m.fraction.best < 1,
            "a measured fraction lies between 0 and 1, and is neither",
        ),
        (not chip and m.fraction is None, "availability is a 'fraction' of time"),
        (chip and m.accelerator is None, f"a measurement of basis '{m.basis}' needs its 'accelerator'"),
        (
            m.basis in ("achievable", "inference", "system") and m.precision is None,
            f"a measurement of basis '{m.basis}' needs its 'precision'",
        ),
        (
            m.basis == "sustained" and (m.regime is None or m.metric is None),
            "a measurement of basis 'sustained' needs its 'regime' and 'metric'",
        ),
    )
    return next((message for wrong, message in checks if wrong), "")


def is_at_scale(measurement: Measurement) -> bool:
    """Return whether a figure is of more than one accelerator, as far as it says."""
    count = measurement.accelerators
    return count is None or count.best > 1


def feeds_sustained(measurement: Measurement, regime: str | None) -> bool:
    """Return whether a figure calibrates training in ``regime``: an MFU of a dense model at scale."""
    m = measurement
    right = m.basis == "sustained" and m.regime == regime and m.metric == "mfu"
    return right and not m.experts and is_at_scale(m)
