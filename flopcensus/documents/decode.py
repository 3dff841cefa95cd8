"""A decoded claim with its accelerators in measured terms: as a document and as CSV."""

from __future__ import annotations

from typing import Any

from accounting.claims.readings import TOLERANCE
from flopcensus.answering.decode import DecodedClaim, Line, times
from flopcensus.documents.parts import quantiles
from flopcensus.output import to_csv

SCHEMA = "flopcensus/decode/1"
CSV_COLUMNS = (
    "accelerator",
    "precision",
    "sparse",
    "exaflops",
    "count",
    "ratio",
    "fits",
    "as_stated",
    "implied_count",
    "dense_16_bit_exaflops",
    "achievable_p5",
    "achievable_p50",
    "achievable_p95",
    "kind",
)
_EXA = 1e18


def document(result: DecodedClaim) -> dict[str, Any]:
    """Return a decoded claim as plain data."""
    decoded = result.decoded
    claim, count = decoded.claim, decoded.count
    return {
        "schema": SCHEMA,
        "claim": {
            "text": claim.text,
            "exaflops": claim.flop_per_s / _EXA,
            "flop_per_s": claim.flop_per_s,
            "bound": claim.bound,
            "precisions": list(claim.precisions),
            "sparse": claim.sparse,
            "unread": claim.unread,
        },
        "accelerators": [
            {"name": chip.name, "count": _whole(chip.count), "ids": list(chip.ids)} for chip in decoded.chips
        ],
        "per_accelerator_flop_per_s": claim.flop_per_s / count if count else None,
        "tolerance": TOLERANCE,
        "verdict": decoded.verdict,
        "decoded_as": list(dict.fromkeys(r.name for r in decoded.fitting)),
        "readings": [_entry(line) for line in result.lines],
        "lacking": [
            {"precision": row.precision, "sparse": row.sparse, "accelerators": list(row.accelerators)}
            for row in decoded.lacking
        ],
        "seed": result.seed,
        "draws": result.draws,
    }


def _entry(line: Line) -> dict[str, Any]:
    reading = line.reading
    dense = reading.dense_16_bit_flop_per_s
    return {
        "accelerator": " + ".join(reading.accelerators),
        "accelerators": [
            {"accelerator": ids[0], "variants": list(ids), "count": _whole(count)}
            for ids, count in zip(reading.models, reading.counts, strict=True)
        ],
        "precision": reading.precision,
        "sparse": reading.sparse,
        "exaflops": reading.flop_per_s / _EXA,
        "count": _whole(reading.count),
        "ratio": reading.ratio,
        "fits": reading.fits,
        "as_stated": reading.as_stated,
        "implied_count": reading.implied_count,
        "dense_16_bit_exaflops": None if dense is None else dense / _EXA,
        "measured_as": list(line.measured_as),
        "measured_exaflops": {
            basis: {**quantiles(times(worth.quantiles, 1 / _EXA)), "kind": worth.kind}
            for basis, worth in line.worth.items()
        },
    }


def _whole(count: float | None) -> float | int | None:
    return int(count) if count is not None and count == int(count) else count


def csv(result: DecodedClaim) -> str:
    """Return the readings as CSV; rates and measured terms in exaFLOP/s."""
    rows = []
    for entry in document(result)["readings"]:
        achievable = entry["measured_exaflops"].get("achievable", {})
        cells = {f"achievable_{key}": achievable.get(key) for key in ("p5", "p50", "p95")}
        rows.append(entry | cells | {"kind": achievable.get("kind")})
    return to_csv(CSV_COLUMNS, rows)
