"""Which shape to measure: climb the workload's ladder until a call is long enough, keep the best.

The probe only chooses. Its own times enter no figure, since the best of several noisy ones flatters.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.devices.device import MEMORY_SHARE, Batch
from bench.trial import Trial, is_out_of_memory

if TYPE_CHECKING:
    from kernels.workload import Prepared, Shape

# A call this share of its slot long leaves about twenty calls a round.
ENOUGH_OF_SLOT = 0.05
PROBE_CALLS = 3


def probe(trial: Trial, *, slot_seconds: float, allowed_seconds: float) -> None:
    """Choose the trial's shape, leave its operands in place, and check one output.

    Args:
        trial: The trial; ``skipped`` is set where the device cannot run it.
        slot_seconds: Expected length of a round. Unit: s.
        allowed_seconds: Time after which no further shape is tried. Unit: s.
    """
    with trial.attempt():
        ladder = _ladder(trial)
        if not trial.skipped:
            _climb(trial, ladder, slot_seconds, allowed_seconds)
            trial.check()


def _ladder(trial: Trial) -> Sequence[Shape]:
    """Shapes to try; empty, with the reason in ``trial.skipped``, where the device cannot run any."""
    arithmetic = trial.workload.metric == "flop_rate"
    trial.skipped = trial.device.lacks(trial.precision) if arithmetic else None
    if trial.skipped:
        return ()
    place = trial.device.place()
    ladder = trial.workload.ladder(trial.precision, place)
    if not ladder:
        trial.skipped = (
            f"too little memory: {place.memory_bytes / 1e9:.2f} GB may be taken "
            f"({MEMORY_SHARE:.0%} of what is free) beside a cache of {place.cache_bytes / 1e6:.0f} MB"
        )
    return ladder


def _climb(trial: Trial, ladder: Sequence[Shape], slot_seconds: float, allowed_seconds: float) -> None:
    best_rate, start = 0.0, trial.clock()
    for shape in ladder:
        try:
            prepared = trial.workload.prepare(trial.precision, shape, trial.device.place(), seed=trial.seed)
            batch = _time_calls(trial, prepared)
        except Exception as error:
            if trial.prepared is not None and is_out_of_memory(error):
                break
            raise
        # Judged by the median call, planned with the mean: a slow call costs its time all the same.
        rate = trial.work(shape) / statistics.median(batch.call_seconds)
        call_seconds = batch.total_seconds / PROBE_CALLS
        if rate > best_rate:
            best_rate = rate
            trial.prepared, trial.shape, trial.call_seconds = prepared, shape, call_seconds
            trial.backend = prepared.backend
        if call_seconds >= ENOUGH_OF_SLOT * slot_seconds or trial.clock() - start >= allowed_seconds:
            break


def _time_calls(trial: Trial, prepared: Prepared) -> Batch:
    """A few calls after one to warm up, the output poisoned before."""
    prepared.poison()
    with prepared.setting():
        trial.device.time_calls(prepared.run, 1, lambda: None)
        return trial.device.time_calls(prepared.run, PROBE_CALLS, lambda: None)
