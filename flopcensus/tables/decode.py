"""A decoded claim for people: what it says, its readings, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from accounting.capacity.bases import Basis
from accounting.claims.chips import H100E, NamedChips
from accounting.claims.readings import TOLERANCE, Decoded, Lacking, Reading
from flopcensus.answering.decode import DecodedClaim, Worth
from flopcensus.intervals import span
from flopcensus.output import print_table, printable, say, si

_UNIT = "FLOP/s"


def print_answer(result: DecodedClaim) -> None:
    """Print what the claim says, its readings, and what they come to."""
    decoded = result.decoded
    say(f"claim: {_claim_words(decoded)}")
    say(f"accelerators: {_accelerator_words(decoded)}")
    for words in _lacking_words(decoded):
        say(words)
    say("")
    print_table("", *(_implied_table(result) if decoded.count is None else _ratio_table(result)))
    for words in _conclusion(result):
        say(words)


def _claim_words(decoded: Decoded) -> str:
    claim = decoded.claim
    bound = f"{claim.bound} " if claim.bound else ""
    precision = f"names {' or '.join(claim.precisions)}" if claim.precisions else "names no precision"
    sparsity = {None: "neither dense nor sparse", True: "sparse", False: "dense"}[claim.sparse]
    unread = f"; not read: {printable(claim.unread)}" if claim.unread else ""
    return f"{bound}{si(claim.flop_per_s, _UNIT)}, {precision}, says {sparsity}{unread}"


def _accelerator_words(decoded: Decoded) -> str:
    names = " + ".join(_chip_words(decoded, place) for place in range(len(decoded.chips)))
    count = decoded.count
    if count is None:
        return f"{names}, no count given"
    return f"{names}, {si(decoded.claim.flop_per_s / count, _UNIT)} each"


def _chip_words(decoded: Decoded, place: int) -> str:
    """A name with the models that it is read as, those of the same rates in brackets."""
    chip = decoded.chips[place]
    groups = dict.fromkeys(reading.models[place] for reading in decoded.readings)
    parts = [ids[0] + (f" [alike: {', '.join(ids[1:])}]" if len(ids) > 1 else "") for ids in groups]
    return str(chip) if chip.ids == (chip.name,) else f"{chip} ({' or '.join(parts)})"


def _lacking_words(decoded: Decoded) -> Iterator[str]:
    """What rates are missing, and from whom; a name stands for all its models."""
    said: dict[str, list[str]] = {}
    for row in decoded.lacking:
        name = f"{row.precision} {'sparse' if row.sparse else 'dense'}"
        said.setdefault(_lacking_names(row, decoded.chips), []).append(name)
    for names, rates in said.items():
        yield f"left out, no such rate stated by {names}: {', '.join(rates)}"
    if decoded.readings and not any(r.sparse for r in decoded.readings):
        yield "no sparse rate is kept for all of these accelerators: a claim that counts sparsity cannot fit"


def _lacking_names(row: Lacking, chips: Sequence[NamedChips]) -> str:
    names = []
    for chip in chips:
        without = [identifier for identifier in chip.ids if identifier in row.accelerators]
        names += [chip.name] if len(without) == len(chip.ids) else without
    return ", ".join(names)


def _ratio_table(result: DecodedClaim) -> tuple[list[str], list[list[str]]]:
    columns = ["reading", "comes to", "ratio to the claim", "fits", "count it implies"]
    rows = [
        [
            _label(line.reading, result.decoded),
            si(line.reading.flop_per_s, _UNIT),
            f"{line.reading.ratio:.3f}",
            _yes(bool(line.reading.fits)),
            f"{line.reading.implied_count:,.0f}",
        ]
        for line in result.lines
    ]
    return _with_words(result, columns, rows)


def _implied_table(result: DecodedClaim) -> tuple[list[str], list[list[str]]]:
    unit = H100E if result.decoded.chips[0].name == H100E else "count"
    columns = ["reading", f"{unit} it implies", "in 16-bit dense", "of that achievable"]
    rows = [
        [
            _label(line.reading, result.decoded),
            f"{line.reading.implied_count:,.0f}",
            si(line.reading.dense_16_bit_flop_per_s, _UNIT),
            _worth_words(line.worth, "achievable"),
        ]
        for line in result.lines
    ]
    return _with_words(result, columns, rows)


def _with_words(
    result: DecodedClaim, columns: list[str], rows: list[list[str]]
) -> tuple[list[str], list[list[str]]]:
    """Add whether the claim's words allow a reading, where they forbid any."""
    if all(line.reading.as_stated for line in result.lines):
        return columns, rows
    stated = [_yes(line.reading.as_stated) for line in result.lines]
    return [*columns, "as stated"], [[*row, one] for row, one in zip(rows, stated, strict=True)]


def _label(reading: Reading, decoded: Decoded) -> str:
    """The reading's name, with its models where the accelerators' names can be read as several."""
    variant = _variant(reading, decoded)
    return f"{reading.name}, {variant}" if variant else reading.name


def _variant(reading: Reading, decoded: Decoded) -> str:
    mixes = {r.models for r in decoded.readings}
    varying = [ids[0] for place, ids in enumerate(reading.models) if len({m[place] for m in mixes}) > 1]
    return " + ".join(varying)


def _labels(readings: Sequence[Reading], decoded: Decoded) -> str:
    """Name readings together: what they may be, then of which models."""
    names = " or ".join(dict.fromkeys(r.name for r in readings))
    variants = "; ".join(dict.fromkeys(_variant(r, decoded) for r in readings))
    return f"{names} ({variants})" if variants else names


def _conclusion(result: DecodedClaim) -> Iterator[str]:
    decoded = result.decoded
    if decoded.count is None:
        yield "Without a count no reading is nearer than another: each implies its own."
        return
    within = f"within {100 * TOLERANCE:g} %"
    if decoded.verdict == "decoded":
        yield f"decoded as {_labels(decoded.fitting, decoded)}"
    elif decoded.verdict == "ambiguous":
        yield f"decoded as {_labels(decoded.fitting, decoded)}: ambiguous, each fits {within}"
    elif decoded.verdict == "not as stated":
        fitting = [r for r in decoded.readings if r.fits]
        yield f"nothing that the claim's words allow fits {within}; what fits is {_labels(fitting, decoded)}"
    else:
        nearest = decoded.readings[:1]
        others = "".join(f"; the nearest is {_label(r, decoded)} at {r.ratio:.3f}" for r in nearest)
        yield f"no reading fits {within}{others}"
    yield from _equivalents(result)


def _equivalents(result: DecodedClaim) -> Iterator[str]:
    """What the accelerators are in 16-bit dense and in measured terms: those of fitting readings, or all."""
    chosen = result.decoded.fitting or result.decoded.readings
    lines = {line.reading.models: line for line in result.lines if line.reading in chosen}
    for models, line in lines.items():
        named = f" ({' + '.join(ids[0] for ids in models)})" if len(lines) > 1 else ""
        peak = si(line.reading.dense_16_bit_flop_per_s, _UNIT)
        others = line.measured_as != line.reading.accelerators
        measured_as = f"; below peak as {' + '.join(line.measured_as)}" if others else ""
        yield f"in 16-bit dense{named}: {peak} peak{measured_as}"
        for basis, worth in line.worth.items():
            yield f"  {basis} {_worth_words(line.worth, basis)}, {worth.kind}"


def _worth_words(worth: dict[Basis, Worth], basis: Basis) -> str:
    if basis not in worth:
        return "not available"
    return span(worth[basis].quantiles, _UNIT)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
