"""What the ceilings of a run allow each of its results, judged at the size of its working set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Bound, Roofline
from bench.record import Result

# What these move does not come from the memory that the bandwidth was measured of.
ELSEWHERE = ("transfer", "storage", "launch")
CEILINGS = "ceiling"
LADDER = "memory_ladder"


@dataclass(frozen=True)
class _Rate:
    """A measured rate and the workload that gave it."""

    value: float
    source: str


@dataclass(frozen=True)
class Ceilings:
    """What was measured of one device that bounds other figures.

    Attributes:
        compute: Best ceiling by precision, or the best matrix product where there is none. Unit: FLOP/s.
        memory: Best bandwidth of main memory. Unit: B/s.
        rungs: Bandwidth by working set, smallest first. Units: B, B/s.
        launch_seconds: One launch. Unit: s.
    """

    compute: dict[str, _Rate]
    memory: _Rate | None
    rungs: tuple[tuple[float, float], ...]
    launch_seconds: float | None

    @classmethod
    def of(cls, results: Sequence[Result], device: str) -> Ceilings:
        """Those that results of a device hold."""
        good = [one for one in results if one.device == device and one.status == "ok" and one.value]
        compute: dict[str, _Rate] = {}
        for kind in ("gemm", CEILINGS):
            for one in good:
                if one.unit == "FLOP/s" and one.workload.startswith(kind) and _beats(one, compute, kind):
                    compute[one.precision] = _Rate(one.value or 0.0, one.workload)
        launches = [
            one.per_call.seconds / one.per_call.launches
            for one in good
            if one.per_call is not None and one.per_call.launches
        ]
        return cls(compute, _main_memory(good), _rungs(good), min(launches, default=None))

    def bandwidth_at(self, working_set_bytes: float) -> _Rate | None:
        """Bandwidth at the size of a working set, between rungs on logarithmic scales. Unit: B/s.

        Beyond the largest rung, and where there is no ladder, that of main memory.
        """
        above = [rung for rung in self.rungs if rung[0] >= working_set_bytes]
        if not above:
            return self.memory or (_Rate(self.rungs[-1][1], LADDER) if self.rungs else None)
        below = [rung for rung in self.rungs if rung[0] < working_set_bytes]
        if not below:
            return _Rate(above[0][1], LADDER)
        (small, fast), (large, slow) = below[-1], above[0]
        share = math.log(working_set_bytes / small) / math.log(large / small)
        return _Rate(math.exp((1 - share) * math.log(fast) + share * math.log(slow)), LADDER)


def with_rooflines(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results, each with its roofline, its share of the best matrix product and of memory bandwidth."""
    ceilings = {device: Ceilings.of(results, device) for device in {one.device for one in results}}
    return tuple(_judged(result, ceilings[result.device], results) for result in results)


def roofline_of(result: Result, ceilings: Ceilings) -> Roofline | None:
    """None for a ceiling itself, for what goes elsewhere, and where nothing bounds it."""
    call = result.per_call
    if call is None or result.value is None or _is_bound_itself(result):
        return None
    compute = ceilings.compute.get(result.precision) if call.flop else None
    bandwidth = ceilings.bandwidth_at(call.working_set_bytes) if call.bytes else None
    least: dict[Bound, float] = {}
    if compute is not None:
        least["compute"] = call.flop / compute.value
    if bandwidth is not None:
        least["memory"] = call.bytes / bandwidth.value
    if not least:
        return None
    if ceilings.launch_seconds is not None:
        least["launch"] = ceilings.launch_seconds
    bound = max(least, key=lambda name: least[name])
    fraction = least[bound] / call.seconds
    return Roofline(
        intensity_flop_per_byte=call.flop / call.bytes if call.bytes else None,
        compute_flop_per_s=compute.value if compute else None,
        compute_source=compute.source if compute else None,
        bandwidth_bytes_per_s=bandwidth.value if bandwidth else None,
        bandwidth_source=bandwidth.source if bandwidth else None,
        launch_seconds=ceilings.launch_seconds,
        attainable=result.value / fraction,
        fraction=fraction,
        bound=bound,
    )


def _judged(result: Result, ceilings: Ceilings, results: Sequence[Result]) -> Result:
    if result.status != "ok" or not result.value:
        return result
    return result.model_copy(
        update={
            "roofline": roofline_of(result, ceilings),
            "fraction_of_matmul": _of_matmul(result, results),
            "fraction_of_bandwidth": _of_bandwidth(result, ceilings),
        }
    )


def _of_matmul(result: Result, results: Sequence[Result]) -> float | None:
    rate = result.per_call.flop_per_s if result.per_call else None
    if rate is None or result.workload == "gemm" or result.metric == "bandwidth" or _is_bound_itself(result):
        return None
    matmul = matmul_of(results, result.device, result.precision)
    return rate / matmul.value if matmul is not None and matmul.value else None


def matmul_of(results: Sequence[Result], device: str, precision: str) -> Result | None:
    """The fastest sound matrix product of a device in a precision; None where there is none."""
    products = (
        one
        for one in results
        if one.workload == "gemm"
        and (one.device, one.precision) == (device, precision)
        and one.status == "ok"
        and one.value
    )
    return max(products, key=lambda one: one.value or 0.0, default=None)


def _of_bandwidth(result: Result, ceilings: Ceilings) -> float | None:
    """Only where the working set is main memory's: out of a cache, more than memory gives is no feat."""
    call = result.per_call
    if call is None or ceilings.memory is None or _is_bound_itself(result) or result.metric == "flop_rate":
        return None
    if not call.bytes or (ceilings.rungs and call.working_set_bytes < ceilings.rungs[-1][0] / 2):
        return None
    return call.bytes / call.seconds / ceilings.memory.value


def _is_bound_itself(result: Result) -> bool:
    return result.workload.startswith((CEILINGS, LADDER, *ELSEWHERE))


def _beats(result: Result, compute: dict[str, _Rate], kind: str) -> bool:
    """Whether it is higher than what is known so far; a ceiling is not measured against a matrix product."""
    known = compute.get(result.precision)
    if kind == "gemm" and result.workload != "gemm":
        return False
    if known is None or (kind == CEILINGS and not known.source.startswith(CEILINGS)):
        return True
    return (result.value or 0.0) > known.value


def _main_memory(good: Sequence[Result]) -> _Rate | None:
    names = ("memory_", f"{CEILINGS}_memory")
    mine = [one for one in good if one.workload.startswith(names) and one.workload != LADDER]
    rates = [_Rate(one.value or 0.0, one.workload) for one in mine]
    return max(rates, key=lambda rate: rate.value, default=None)


def _rungs(good: Sequence[Result]) -> tuple[tuple[float, float], ...]:
    rungs = (
        (float(one.per_call.working_set_bytes), one.value)
        for one in good
        if one.workload == LADDER and one.per_call is not None and one.value
    )
    return tuple(sorted(rungs))
