"""What the meters told over the rounds of a trial: clock, power, energy, throttling; None where none told."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from bench.devices.meters.energy import NOT_AVAILABLE
from bench.running.trial import Round, Trial, tokens_of


def readings_of(trial: Trial) -> dict[str, Any]:
    """Clock, power, energy and throttling over the rounds, by their names in a record.

    Energy of a FLOP and of a token are those of a call ÷ what a call does, so that the two agree.
    """
    details = [taken.detail for taken in trial.rounds]
    throttled = [taken.throttled for taken in trial.rounds if taken.throttled is not None]
    call_j, source = _energy_j_per_call(trial)
    flop, tokens = _flop_of(trial), tokens_of(trial)
    return {
        "clock_mhz": _median(one.clock_mhz for one in details),
        "power_w": _mean_power_w(trial.rounds) or _median(one.power_w for one in details),
        "temperature_c": max((t for one in details if (t := one.temperature_c) is not None), default=None),
        "energy_j_per_flop": call_j / flop if call_j and flop else None,
        "energy_j_per_token": call_j / tokens if call_j and tokens else None,
        "energy_source": source,
        "throttled": any(throttled) if throttled else None,
        "throttle_reasons": tuple(sorted({name for one in details for name in one.throttle_reasons})),
    }


def _energy_j_per_call(trial: Trial) -> tuple[float | None, str]:
    """Energy of a call and its source: from the long run where there is one, whose window is the longest.

    Else over all rounds whose energy counter moved. Unit: J.
    """
    long_run, flop = trial.long_run, _flop_of(trial)
    if long_run is not None and long_run.energy_j and flop:
        return long_run.energy_j / long_run.energy_work * flop, f"{long_run.energy_source}, long run"
    metered = _metered(trial.rounds)
    calls = sum(taken.detail.sample_count for taken in metered)
    sources = dict.fromkeys(taken.energy_source for taken in metered if taken.energy_source)
    joules = sum(taken.energy_j or 0.0 for taken in metered)
    return joules / calls if calls else None, ", ".join(sources) or NOT_AVAILABLE


def _mean_power_w(rounds: Iterable[Round]) -> float | None:
    metered = _metered(rounds)
    seconds = sum(taken.window_seconds for taken in metered)
    return sum(taken.energy_j or 0.0 for taken in metered) / seconds if seconds > 0 else None


def _metered(rounds: Iterable[Round]) -> list[Round]:
    """Rounds over which the energy counter moved: one that stands still tells nothing, not zero."""
    return [taken for taken in rounds if taken.energy_j and taken.energy_j > 0]


def _flop_of(trial: Trial) -> float | None:
    """FLOP of a call; None where the value is no rate of arithmetic, or no shape was chosen."""
    if trial.workload.metric != "flop_rate" or trial.settled is None or trial.settled.chosen is None:
        return None
    return trial.workload.flop(trial.settled.chosen.shape)


def _median(readings: Iterable[float | None]) -> float | None:
    known = [reading for reading in readings if reading]
    return statistics.median(known) if known else None
