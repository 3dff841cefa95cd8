"""A device's score in each precision: what accounting takes from a record."""

from __future__ import annotations

from collections.abc import Sequence

from bench.assessing.roofline import Ceilings, matmul_of
from bench.figures import Inference, Order, Regime, Score
from bench.record import DeviceDescription, Result

TRAINING = "training_step"
DECODE = "decode_step"
REGIMES: dict[str, Regime] = {"bf16": "bf16", "fp8": "fp8-mixed", "fp4": "fp4-mixed"}


def scores_of(devices: Sequence[DeviceDescription], results: Sequence[Result]) -> tuple[Score, ...]:
    """A score for each device and precision in which a matrix product, training or decoding was measured."""
    return tuple(
        _score(device, precision, results)
        for device in devices
        for precision in _precisions(device.id, results)
    )


def _precisions(device: str, results: Sequence[Result]) -> tuple[str, ...]:
    counted = (
        one.precision
        for one in results
        if one.device == device and one.status == "ok" and one.workload.startswith(("gemm", TRAINING, DECODE))
    )
    return tuple(dict.fromkeys(counted))


def _score(device: DeviceDescription, precision: str, results: Sequence[Result]) -> Score:
    peak = device.peak.get(precision)
    matmul = matmul_of(results, device.id, precision)
    training = _best_training(results, device.id, precision)
    order, reason = _order(peak, matmul, training)
    return Score(
        device=device.id,
        precision=precision,
        peak=peak,
        achievable=matmul.value if matmul else None,
        achievable_ci95=matmul.ci95 if matmul else None,
        sustained=training.value if training else None,
        sustained_ci95=training.ci95 if training else None,
        sustained_backend=training.backend if training else None,
        regime=REGIMES.get(precision) if training else None,
        inference=tuple(_inference(results, device.id, precision)),
        order=order,
        reason=reason,
    )


def _best_training(results: Sequence[Result], device: str, precision: str) -> Result | None:
    """The faster of compiled and not."""
    mine = [
        one
        for one in results
        if one.workload.startswith(TRAINING)
        and one.status == "ok"
        and (one.device, one.precision) == (device, precision)
    ]
    return max(mine, key=lambda one: one.value or 0.0, default=None)


def _inference(results: Sequence[Result], device: str, precision: str) -> list[Inference]:
    memory = Ceilings.of(results, device).memory
    bandwidth = memory.value if memory else None
    found = []
    for one in results:
        call = one.per_call
        if one.workload != DECODE or (one.device, one.precision) != (device, precision) or call is None:
            continue
        tokens, moved = call.tokens_per_s, call.bytes_per_s
        if one.status == "ok" and tokens and moved:
            found.append(
                Inference(
                    batch=one.shape["batch"],
                    tokens_per_s=tokens,
                    bytes_per_s=moved,
                    memory_bandwidth_bytes_per_s=bandwidth,
                    fraction_of_bandwidth=moved / bandwidth if bandwidth else None,
                    tokens_per_byte=tokens / bandwidth if bandwidth else None,
                )
            )
    return found


def _order(peak: float | None, matmul: Result | None, training: Result | None) -> tuple[Order, str | None]:
    """Whether each rung is at most the one before, by intervals, and why not."""
    if fault := _fault("achievable", matmul, "the spec peak", (peak, peak)):
        return "broken", (
            f"{fault}: the sheet's peak assumes a lower clock than the device ran at, or is another variant's"
        )
    interval = matmul.ci95 if matmul and matmul.ci95 else (None, None)
    if fault := _fault("sustained", training, "the best matrix product", interval):
        return "broken", (
            f"{fault}: the matrix product was searched or measured at a worse moment; measure longer on an "
            "idle machine"
        )
    missing = [
        name
        for name, value in (
            ("no spec peak is known", peak),
            ("no matrix product was measured", matmul),
            ("no training step was measured", training),
        )
        if value is None
    ]
    return ("incomplete", "; ".join(missing)) if missing else ("holds", None)


def _fault(
    name: str, lower: Result | None, upper_name: str, upper: tuple[float | None, float | None]
) -> str | None:
    """How one rung exceeds the one before, where even the low end of its interval is above the high end."""
    if lower is None or lower.ci95 is None or lower.value is None or upper[0] is None or upper[1] is None:
        return None
    if lower.ci95[0] <= upper[1]:
        return None
    return f"{name} is {lower.value / ((upper[0] + upper[1]) / 2):.3g} of {upper_name}"
