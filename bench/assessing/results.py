"""From a trial to its result, with the reason wherever there is no value to stand by."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from bench.assessing.disturbance import disturbances
from bench.assessing.limits import implausible
from bench.assessing.readings import readings_of
from bench.assessing.roofline import ELSEWHERE
from bench.choosing.choice import work_of
from bench.figures import PerCall
from bench.plan import MIN_ROUNDS
from bench.record import DeviceDescription, Placement, Result, RoundDetail, Status, Stratum
from bench.running.trial import Round, Trial, tokens_of
from bench.statistics import Summary, summarise


def result_of(trial: Trial, device: DeviceDescription) -> Result:
    """The result of a trial on a device as described, its spec peak included."""
    counted = counted_rounds(trial.rounds) if _by_placement(trial) else list(trial.rounds)
    summary = summarise(_values(counted)) if len(counted) >= MIN_ROUNDS else None
    if summary is not None:
        summary = _with_process_spread(summary, counted)
    status, reason = _status(trial, summary, device)
    stands = summary if status in ("ok", "implausible") else None
    return Result(
        workload=trial.case.workload,
        device=device.id,
        precision=trial.case.precision,
        metric=trial.workload.metric,
        unit=trial.workload.unit,
        value=stands.median if stands else None,
        ci95=(stands.low, stands.high) if stands else None,
        settled=_settled(stands, counted) if stands else None,
        fraction_of_peak=_fraction_of_peak(trial, device, stands),
        correct=_correct(trial),
        repeatable=trial.repeatable,
        seconds_spent=trial.seconds_spent,
        status=status,
        reason=reason,
        rounds=trial.values,
        round_details=_details(trial),
        sample_count=sum(taken.detail.sample_count for taken in trial.rounds),
        sample_seconds=sum(taken.detail.sample_seconds for taken in trial.rounds),
        strata=_strata(trial.rounds) if stands else (),
        together=trial.together if stands else None,
        **_choice(trial),
        **(_of_call(trial, stands) if stands else {}),
        **(readings_of(trial) if stands else {}),
        **(_long_run(trial) if stands else {}),
        notes=tuple(dict.fromkeys([*trial.notes, *_notes(trial, counted)])),
    )


def _with_process_spread(summary: Summary, counted: Sequence[Round]) -> Summary:
    """The wider of two intervals: over rounds, and over the medians of the processes that took them.

    Rounds of one process share where its memory lies and where its threads run, so that they differ less than
    runs do; with five processes or more their medians show it.
    """
    medians = [statistics.median(_values(group)) for group in _by_process(counted)]
    if len(medians) < MIN_ROUNDS or len(medians) == len(counted):
        return summary
    between = summarise(medians)
    half = math.log(between.high / between.median)
    if math.log(summary.high / summary.median) >= half:
        return summary
    return Summary(summary.median, summary.median * math.exp(-half), summary.median * math.exp(half))


def _by_process(rounds: Sequence[Round]) -> list[list[Round]]:
    groups: dict[int, list[Round]] = {}
    for taken in rounds:
        groups.setdefault(taken.detail.process, []).append(taken)
    return list(groups.values())


def _settled(summary: Summary, counted: Sequence[Round]) -> bool:
    """Whether the interval is narrow, over rounds of five processes or more and of one placement."""
    one_placement = len({taken.detail.placement for taken in counted} - {None}) < 2
    return summary.settled and len(_by_process(counted)) >= MIN_ROUNDS and one_placement


def with_ceilings(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results, each with its share of the best ceiling of its device, precision and unit."""
    return tuple(_with_ceiling(result, results) for result in results)


def counted_rounds(rounds: Sequence[Round]) -> list[Round]:
    """The rounds that the value is taken over: those of the placement that was seen most.

    Near and far cores are two machines in one: a median over both would be a value of neither. The others
    stay in the record, as a stratum of their own.
    """
    placed = [taken.detail.placement for taken in rounds]
    seen = [placement for placement in placed if placement is not None]
    if len(set(seen)) < 2:
        return list(rounds)
    most = statistics.mode(seen)
    counted = [taken for taken, placement in zip(rounds, placed, strict=True) if placement == most]
    return counted if len(counted) >= MIN_ROUNDS else list(rounds)


def _values(rounds: Iterable[Round]) -> list[float]:
    return [taken.value for taken in rounds]


def _status(trial: Trial, summary: Summary | None, device: DeviceDescription) -> tuple[Status, str | None]:
    if trial.skipped:
        return "skipped", trial.skipped
    if trial.error:
        return "failed", trial.error
    if wrong := _wrong(trial):
        return "incorrect", wrong
    if summary is None:
        cause = "interrupted" if trial.interrupted else "too few rounds"
        return "failed", f"{cause}: {len(trial.rounds)} of at least {MIN_ROUNDS} rounds done"
    impossible = _implausible(trial, summary, device)
    return ("implausible", impossible) if impossible else ("ok", None)


def _wrong(trial: Trial) -> str | None:
    if trial.verdict is not None and not trial.verdict.correct:
        return f"wrong output: {trial.verdict.detail}"
    if trial.repeatable is False:
        return "two calls on the same operands differ in their bits, which this device promises they do not"
    return None


def _implausible(trial: Trial, summary: Summary, device: DeviceDescription) -> str | None:
    if trial.workload.metric != "flop_rate":
        return None
    clocks = [clock for taken in trial.rounds if (clock := taken.detail.clock_mhz)]
    highest = max(clocks, default=None)
    return implausible(summary.median, summary.low, device, trial.case.precision, seen_clock_mhz=highest)


def _correct(trial: Trial) -> bool | None:
    if trial.repeatable is False:
        return False
    return None if trial.verdict is None else trial.verdict.correct


def _choice(trial: Trial) -> dict[str, Any]:
    settled = trial.settled
    if settled is None or settled.chosen is None:
        return {"shape": dict(trial.case.shape or {})}
    chosen = settled.chosen
    return {"shape": dict(chosen.shape), "backend": settled.backend, "search": chosen.search}


def _long_run(trial: Trial) -> dict[str, Any]:
    if trial.long_run is None or not trial.sound:
        return {}
    taken = trial.long_run
    return {"burst": taken.burst, "steady": taken.steady, "trace": taken.trace}


def _details(trial: Trial) -> tuple[RoundDetail, ...]:
    words = disturbances(trial.rounds)
    return tuple(
        taken.detail.model_copy(update={"disturbed": disturbed})
        for taken, disturbed in zip(trial.rounds, words, strict=True)
    )


def _notes(trial: Trial, counted: Sequence[Round]) -> list[str]:
    notes = []
    # By name, since another package may hide ours until that was checked.
    remark = getattr(trial.workload, "remark", None)
    if counted and remark and trial.settled and trial.settled.chosen:
        notes.append(str(remark(trial.settled.chosen.shape)))
    placements = {taken.detail.placement for taken in counted} - {None}
    if len(counted) < len(trial.rounds):
        told = ", ".join(str(one) for one in placements)
        notes.append(f"value over the {len(counted)} of {len(trial.rounds)} rounds with {told} cores")
    elif len(placements) > 1 and _by_placement(trial):
        notes.append("the cores were near in some rounds and far in others, too few of either to tell apart")
    if counted and len(_by_process(counted)) < MIN_ROUNDS:
        notes.append(
            "rounds of fewer than five processes: the interval may leave out how much processes differ; "
            "a longer --time-budget helps"
        )
    return notes


def _strata(rounds: Sequence[Round]) -> tuple[Stratum, ...]:
    return tuple(
        stratum for placement in get_args(Placement) if (stratum := _stratum(rounds, placement)) is not None
    )


def _stratum(rounds: Sequence[Round], placement: Placement) -> Stratum | None:
    values = [taken.value for taken in rounds if taken.detail.placement == placement]
    if not values:
        return None
    if len(values) < 2:
        return Stratum(placement=placement, rounds=1, value=values[0])
    summary = summarise(values)
    interval = (summary.low, summary.high)
    return Stratum(placement=placement, rounds=len(values), value=summary.median, ci95=interval)


def _by_placement(trial: Trial) -> bool:
    """Whether main memory sets the pace, and so the placement of the cores."""
    elsewhere = trial.workload.name.startswith(ELSEWHERE)
    return trial.workload.metric in ("bandwidth", "token_rate") and not elsewhere


def _of_call(trial: Trial, summary: Summary) -> dict[str, Any]:
    call = _per_call(trial, summary)
    if call is None:
        return {}
    return {
        "per_call": call,
        "flop_per_s": call.flop_per_s,
        "bytes_per_s": call.bytes_per_s,
        "tokens_per_s": call.tokens_per_s,
    }


def _per_call(trial: Trial, summary: Summary) -> PerCall | None:
    """What a call does, and how long it takes by the result's own value."""
    settled, workload, precision = trial.settled, trial.workload, trial.case.precision
    if settled is None or settled.chosen is None:
        return None
    shape = settled.chosen.shape
    work = work_of(workload, shape, precision)
    return PerCall(
        seconds=work / summary.median,
        flop=workload.flop(shape),
        bytes=workload.bytes_moved(shape, precision),
        tokens=tokens_of(trial),
        launches=work if workload.metric == "call_rate" else None,
        working_set_bytes=max(1, workload.footprint_bytes(shape, precision)),
    )


def _fraction_of_peak(trial: Trial, device: DeviceDescription, summary: Summary | None) -> float | None:
    peak = device.peak.get(trial.case.precision)
    if summary is None or peak is None or trial.workload.metric != "flop_rate":
        return None
    return summary.median / peak


def _with_ceiling(result: Result, results: Sequence[Result]) -> Result:
    ceilings = [
        value for one in results if _is_ceiling_of(one, result) and (value := _comparable(one, result))
    ]
    if not ceilings or not result.value or result.workload.startswith("ceiling"):
        return result
    return result.model_copy(update={"fraction_of_ceiling": result.value / max(ceilings)})


def _comparable(ceiling: Result, result: Result) -> float | None:
    """The ceiling's value in the placement that the result was measured in; None where it has none."""
    mine = [one.placement for one in result.strata if one.value == result.value]
    if ceiling.status != "ok" or result.metric != "bandwidth" or not mine or not ceiling.strata:
        return ceiling.value if ceiling.status == "ok" else None
    return next((one.value for one in ceiling.strata if one.placement == mine[0]), None)


def _is_ceiling_of(one: Result, result: Result) -> bool:
    if not one.workload.startswith("ceiling") or (one.device, one.unit) != (result.device, result.unit):
        return False
    # A rung of the ladder may lie in a cache, which main memory is no ceiling for.
    if result.metric == "bandwidth":
        return not result.workload.startswith(("memory_ladder", *ELSEWHERE))
    return one.precision == result.precision
