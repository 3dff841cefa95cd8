"""What a record's figures are worth: set beside the ceilings of the run, and as scores for accounting."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figures import Roofline, Score
from bench.record import Record, Result
from flopcensus.output import duration, percent, print_table, say, si

_LADDERS = ("memory_", "ceiling")


def print_judgement(record: Record) -> None:
    """Print each workload beside what bounds it, and the scores, as far as the record has them."""
    several = len(record.devices) > 1
    judged = [one for one in record.results if one.roofline and not one.workload.startswith(_LADDERS)]
    if judged:
        _print("against the ceilings measured here", [_beside(one) for one in judged], several=several)
    if record.scores:
        _print("score", [_score(one) for one in record.scores], several=several)
        for line in _reasons(record.scores):
            say(line)


def shape_text(result: Result) -> str:
    """``2048×2048×2048`` for a product, else the first size with its name: the others follow from it."""
    if set(result.shape) == {"m", "n", "k"}:
        return "×".join(f"{size}" for size in result.shape.values())
    return " ".join(f"{size:,} {name}" for name, size in list(result.shape.items())[:1])


def _print(title: str, rows: Sequence[dict[str, str]], *, several: bool) -> None:
    # a column that says nothing in any row only pushes the others apart
    columns = [name for name in rows[0] if any(row[name] for row in rows) and (several or name != "device")]
    print_table(title, columns, [[row[column] for column in columns] for row in rows])


def _beside(result: Result) -> dict[str, str]:
    roofline, call = result.roofline, result.per_call
    return {
        "workload": result.workload,
        "precision": result.precision,
        "device": result.device,
        "shape": shape_text(result),
        "a call": duration(call.seconds) if call else "",
        "arithmetic": _rate(result.flop_per_s, "FLOP/s"),
        "memory": _rate(result.bytes_per_s, "B/s"),
        "tokens": _rate(result.tokens_per_s, "token/s"),
        "intensity": _intensity(roofline),
        "bound by": roofline.bound if roofline else "",
        "of roofline": _share(roofline.fraction if roofline else None),
        "of matmul": _share(result.fraction_of_matmul),
        "of bandwidth": _share(result.fraction_of_bandwidth),
    }


def _score(score: Score) -> dict[str, str]:
    single = next((one for one in score.inference if one.batch == 1), None)
    largest = max(score.inference, key=lambda one: one.batch, default=None)
    return {
        "precision": score.precision,
        "device": score.device,
        "peak": _rate(score.peak, "FLOP/s"),
        "achievable": _rate(score.achievable, "FLOP/s"),
        "sustained": _rate(score.sustained, "FLOP/s"),
        "of achievable": _ratio(score.sustained, score.achievable),
        "decode, batch 1": _rate(single.tokens_per_s if single else None, "token/s"),
        "of bandwidth": _share(single.fraction_of_bandwidth if single else None),
        "decode, large batch": _rate(largest.tokens_per_s if largest else None, "token/s"),
        "waterfall": score.order,
    }


def _reasons(scores: Sequence[Score]) -> list[str]:
    """Return why waterfalls are broken or incomplete, each reason once."""
    about: dict[str, list[str]] = {}
    for score in scores:
        if score.reason:
            about.setdefault(score.reason, []).append(f"{score.precision} on {score.device}")
    return [f"score {', '.join(names)}: {reason}" for reason, names in about.items()]


def _rate(value: float | None, unit: str) -> str:
    return "" if value is None else si(value, unit)


def _share(value: float | None) -> str:
    return "" if value is None else percent(value)


def _ratio(part: float | None, whole: float | None) -> str:
    return "" if part is None or whole is None else percent(part / whole)


def _intensity(roofline: Roofline | None) -> str:
    known = roofline.intensity_flop_per_byte if roofline else None
    return "" if known is None else f"{known:,.3g} FLOP/B"
