"""Rules about claims: words of a census that fit its chips only with structured sparsity."""

from __future__ import annotations

import re
from collections.abc import Iterator

from accounting.claims.readings import decode
from accounting.lint.material import CLUSTERS, Line, Material
from accounting.lint.rates import best_rate, counted
from accounting.lint.rule import Evidence, Figure, rule
from bench.errors import InputError

_BASIS = "fastest dense peak of 8 bits or more"
_TEXTS = ("Note", "Hardware note", "Quote")
_RATE = re.compile(
    r"\b\d+(?:\.\d+)?[ -]?(?:AI )?(?:(?:exa|peta)flops?(?:/s)?|[EP]FLOPS|[EP]Flop/s)\b", re.IGNORECASE
)


@rule(
    "sparse-only",
    "A claim that fits only a sparse basis",
    "warning",
    "A claimed rate that the row's chips reach only where half of all operations are on zeros is twice "
    "what they do dense: it must not stand in a dense column.",
)
def sparse_only(material: Material) -> Iterator[Evidence]:
    """Find rates in the texts of a row, and rows without a column of OP/s, that only sparse rates fit."""
    for line in material.of(CLUSTERS):
        one = counted(line, material.facts)
        if one is None:
            continue
        for column in _TEXTS:
            for text in dict.fromkeys(_RATE.findall(line.cells.get(column, ""))):
                yield from _judged(material, line, text, column)
        top = line.entry.values.get("max")
        if top and not line.entry.values.get("fp8") and not line.entry.values.get("bf16"):
            yield from _judged(material, line, f"{top / 1e15:.6f} PFLOPS", "Max OP/s")


def _judged(material: Material, line: Line, text: str, column: str) -> Iterator[Evidence]:
    one = counted(line, material.facts)
    if one is None:
        return
    accelerator, count = one
    try:
        decoded = decode(text.replace("-", " "), material.facts, [accelerator.id], [round(count)])
    except InputError:
        return  # words that could be read in two ways are no claim
    best = best_rate(accelerator)
    if decoded.fitting and best and all(reading.sparse for reading in decoded.fitting):
        reading, claim = decoded.fitting[0], decoded.claim.flop_per_s
        yield Evidence(
            rows=(line.place,),
            found=Figure(claim, "FLOP/s", f"{reading.name} peak"),
            expected=Figure(best * count, "FLOP/s", _BASIS),
            message=f"{line.entry.facility_name}: '{text}' in '{column}' fits its {count:,.0f} "
            f"{accelerator.name} only as {reading.name} ({reading.ratio:.3g} × the claim); dense they do "
            f"{best * count / 1e18:,.3g} EFLOP/s at the most",
            ratio=claim / (best * count),
        )
