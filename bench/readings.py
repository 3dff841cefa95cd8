"""What the meters told over the rounds of a trial: clock, power, energy, throttling; None where none told."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from bench.trial import Round, Trial, tokens_of

NO_ENERGY = "not available"


def readings_of(trial: Trial) -> dict[str, Any]:
    """Clock, power, energy per FLOP and throttling over the rounds, None where no meter told."""
    details = [taken.detail for taken in trial.rounds]
    throttled = [taken.throttled for taken in trial.rounds if taken.throttled is not None]
    energy, source = _energy(trial)
    call_j = _energy_j_per_call(trial)
    tokens = tokens_of(trial)
    return {
        "clock_mhz": _median(one.clock_mhz for one in details),
        "power_w": _mean_power_w(trial.rounds) or _median(one.power_w for one in details),
        "temperature_c": max((t for one in details if (t := one.temperature_c) is not None), default=None),
        "energy_j_per_flop": energy,
        "energy_j_per_token": call_j / tokens if call_j and tokens else None,
        "energy_source": source,
        "throttled": any(throttled) if throttled else None,
        "throttle_reasons": tuple(sorted({name for one in details for name in one.throttle_reasons})),
    }


def _metered(rounds: Iterable[Round]) -> list[Round]:
    """Rounds over which the energy counter moved: one that stands still tells nothing, not zero."""
    return [taken for taken in rounds if taken.energy_j and taken.energy_j > 0]


def _energy(trial: Trial) -> tuple[float | None, str]:
    """J/FLOP with its source; from the long run where there is one, whose window is the longest."""
    long_run = trial.long_run
    if trial.workload.metric == "flop_rate" and long_run is not None and long_run.energy_j:
        return long_run.energy_j / long_run.energy_work, f"{long_run.energy_source}, long run"
    return _energy_j_per_flop(trial), _energy_source(trial)


def _energy_source(trial: Trial) -> str:
    sources = dict.fromkeys(taken.energy_source for taken in _metered(trial.rounds) if taken.energy_source)
    return ", ".join(sources) or NO_ENERGY


def _mean_power_w(rounds: Iterable[Round]) -> float | None:
    metered = _metered(rounds)
    seconds = sum(taken.window_seconds for taken in metered)
    return sum(taken.energy_j or 0.0 for taken in metered) / seconds if seconds > 0 else None


def _energy_j_per_flop(trial: Trial) -> float | None:
    settled, call_j = trial.settled, _energy_j_per_call(trial)
    if trial.workload.metric != "flop_rate" or settled is None or settled.chosen is None or call_j is None:
        return None
    return call_j / trial.workload.flop(settled.chosen.shape)


def _energy_j_per_call(trial: Trial) -> float | None:
    """Over all rounds that an energy meter told of. Unit: J."""
    metered = _metered(trial.rounds)
    calls = sum(taken.detail.sample_count for taken in metered)
    return sum(taken.energy_j or 0.0 for taken in metered) / calls if calls else None


def _median(readings: Iterable[float | None]) -> float | None:
    known = [reading for reading in readings if reading]
    return statistics.median(known) if known else None
