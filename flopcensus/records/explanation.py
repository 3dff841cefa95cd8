"""What the figures of a record mean, in plain words."""

from __future__ import annotations

from bench.record import Record
from bench.workloads import load_workloads
from flopcensus.output import say


def print_explanation(record: Record) -> None:
    """Say in plain words what each figure of a record means, and what it does not."""
    for line in explanation(record):
        say(line)


def explanation(record: Record) -> list[str]:
    """Return the explanation of a record, a line each; only of what the record holds."""
    known = load_workloads()
    lines = [f"{name}: {known[name].summary}." for name in _workloads(record) if name in known]
    rounds = sorted({len(result.rounds) for result in record.results if result.rounds})
    if rounds:
        many = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
        lines.append(
            f"value: the median over {many} rounds, spread over {record.seconds_spent:.0f} s and taken in "
            "turn with the other workloads; each round is the work of one call ÷ the median time of a call."
        )
        lines.append(
            "95 % interval: where the median of another run would lie 95 times in 100, if the machine goes "
            "on as it did. It says nothing of other machines of the model."
        )
        lines.append("settled: the interval lies within ±1 % of the value.")
    if any(result.fraction_of_peak for result in record.results):
        lines.append(
            "of peak: value ÷ the data sheet's dense peak in that precision. A sheet is no physical limit."
        )
    if record.scores:
        lines.append(_SCORE)
    lines += [
        line for name, line in _FIELDS.items() if any(getattr(result, name) for result in record.results)
    ]
    statuses = {result.status for result in record.results}
    return lines + [f"{status}: {meaning}." for status, meaning in _STATUSES.items() if status in statuses]


def _workloads(record: Record) -> list[str]:
    return list(dict.fromkeys(result.workload for result in record.results))


_SCORE = (
    "score: what accounting takes from this record. peak is the data sheet's, achievable the best matrix "
    "product, sustained the training step of one device alone (at scale it is less); each is at most the one "
    "before, or the table says why not."
)

_FIELDS = {
    "roofline": (
        "of roofline: value ÷ the most that the ceilings measured in this run allow a call of that many FLOP "
        "for each byte, with the bandwidth at the size of its working set; bound by says which of compute, "
        "memory and the launch of a kernel is the tightest."
    ),
    "fraction_of_matmul": (
        "of matmul: FLOP/s ÷ those of the best matrix product in the same precision; of peak, where the "
        "workload is a training step, is the model FLOP utilisation (MFU) against the data sheet."
    ),
    "fraction_of_bandwidth": (
        "of bandwidth: bytes that a call must move ÷ its time ÷ the best bandwidth of main memory measured."
    ),
    "fraction_of_ceiling": (
        "of ceiling: value ÷ the most that the device's units gave in this run with nothing in their way "
        "(operands in registers; for memory, non-temporal stores). What is missing is software's to find."
    ),
    "search": (
        "backend: the library that was fastest among those at hand, found by trying shapes and libraries and "
        "measuring the best again; the record says what torch's default gave."
    ),
    "burst": "burst, steady: the rate of the first second and of the last half of a run without a pause.",
    "together": "together: the rate while all devices of the node ran at once.",
    "strata": (
        "placement: whether the cores lay near or far from each other, by the time a cache line takes "
        "between them; a host may move them, and memory bandwidth goes with it."
    ),
}

_STATUSES = {
    "ok": "the output was checked against an independent computation, and was right",
    "skipped": "the device cannot do this, or only emulates it; another precision is never put in its place",
    "failed": "no figure came out; the reason stands in the table",
    "incorrect": "the device computed something wrong; the figure counts for nothing",
    "implausible": "faster than the device can be; something about the device or the clock is not as assumed",
}
