"""From a trial to its result, with the reason wherever there is no value to stand by."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from bench.plan import MIN_ROUNDS
from bench.record import DeviceDescription, Result, Status
from bench.statistics import Summary, summarise
from bench.trial import Round, Trial

# A device may clock above what its spec sheet assumes (an H100's 989 TFLOP/s assumes 1,830 of 1,980 MHz),
# but not by a quarter: beyond that the clock, the work or the match is wrong.
IMPLAUSIBLE_FRACTION = 1.25


def result_of(trial: Trial, device: DeviceDescription) -> Result:
    """The result of a trial on a device as described, its spec peak included."""
    summary = _summary(trial)
    fraction = _fraction_of_peak(trial, device, summary)
    status, reason = _status(trial, summary, fraction)
    stands = summary if status in ("ok", "implausible") else None
    return Result(
        workload=trial.workload.name,
        device=device.id,
        precision=trial.precision,
        shape=dict(trial.shape),
        metric=trial.workload.metric,
        unit=trial.workload.unit,
        value=stands.median if stands else None,
        ci95=(stands.low, stands.high) if stands else None,
        settled=stands.settled if stands else None,
        fraction_of_peak=fraction if stands else None,
        backend=trial.backend,
        correct=None if trial.verdict is None else trial.verdict.correct,
        seconds_spent=trial.seconds_spent,
        status=status,
        reason=reason,
        rounds=trial.values,
        sample_count=sum(taken.sample_count for taken in trial.rounds),
        sample_seconds=sum(taken.sample_seconds for taken in trial.rounds),
        **_telemetry(trial, counts=stands is not None),
    )


def running_summary(trial: Trial) -> Summary | None:
    """Median and interval of the rounds so far; None before the second."""
    return summarise(trial.values) if len(trial.rounds) > 1 else None


def _summary(trial: Trial) -> Summary | None:
    return summarise(trial.values) if len(trial.rounds) >= MIN_ROUNDS else None


def _status(trial: Trial, summary: Summary | None, fraction: float | None) -> tuple[Status, str | None]:
    if trial.skipped:
        return "skipped", trial.skipped
    if trial.error:
        return "failed", trial.error
    if trial.verdict is not None and not trial.verdict.correct:
        return "incorrect", f"wrong output: {trial.verdict.detail}"
    if summary is None:
        cause = "interrupted" if trial.interrupted else "too few rounds"
        return "failed", f"{cause}: {len(trial.rounds)} of at least {MIN_ROUNDS} rounds done"
    if fraction is not None and fraction > IMPLAUSIBLE_FRACTION:
        return "implausible", f"{fraction:.2f} of the spec peak; the clock or the matched model is wrong"
    return "ok", None


def _fraction_of_peak(trial: Trial, device: DeviceDescription, summary: Summary | None) -> float | None:
    peak = device.peak.get(trial.precision)
    if summary is None or peak is None or trial.workload.metric != "flop_rate":
        return None
    return summary.median / peak


def _telemetry(trial: Trial, *, counts: bool) -> dict[str, Any]:
    """Clock, power, energy per FLOP and throttling over the rounds, None where no meter told."""
    if not counts:
        return {}
    during = [taken.during for taken in trial.rounds]
    throttled = [reading.throttled for reading in during if reading.throttled is not None]
    return {
        "clock_mhz": _median(reading.clock_mhz for reading in during),
        "power_w": _mean_power_w(trial.rounds) or _median(reading.power_w for reading in during),
        "energy_j_per_flop": _energy_j_per_flop(trial),
        "throttled": any(throttled) if throttled else None,
    }


def _metered(rounds: Iterable[Round]) -> list[Round]:
    """Rounds over which the energy counter moved: one that stands still tells nothing, not zero."""
    return [taken for taken in rounds if taken.energy_j and taken.energy_j > 0]


def _mean_power_w(rounds: Iterable[Round]) -> float | None:
    metered = _metered(rounds)
    seconds = sum(taken.window_seconds for taken in metered)
    return sum(taken.energy_j or 0.0 for taken in metered) / seconds if seconds > 0 else None


def _energy_j_per_flop(trial: Trial) -> float | None:
    metered = _metered(trial.rounds)
    flop = sum(taken.sample_count for taken in metered) * trial.workload.flop(trial.shape)
    if trial.workload.metric != "flop_rate" or flop <= 0:
        return None
    return sum(taken.energy_j or 0.0 for taken in metered) / flop


def _median(readings: Iterable[float | None]) -> float | None:
    known = [reading for reading in readings if reading]
    return statistics.median(known) if known else None
