"""What a claim such as "21 AI exaFLOPS" or "16 EF, 16,000 H100" says: a rate, and the words beside it.

Only total rates are read. What could be read in two ways is refused and not guessed: decimal commas, ranges,
products, rates per chip or per rack, counts of racks or servers, two rates in one claim.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from accounting.claims.chips import NamedChips, find_chips
from accounting.errors import quote
from accounting.reference.accelerators import PRECISIONS, Precision
from accounting.reference.facts import Facts
from bench.errors import InputError

Bound = Literal["at least", "about", "at most"]

# first those that hold others: bf16 is the 16-bit precision, as everywhere
_PRECISION_WORDS: tuple[tuple[str, tuple[Precision, ...]], ...] = (
    (r"tf[\s-]?32|tensor[\s-]?float[\s-]?32", ("tf32",)),
    (r"fp[\s-]?64|float[\s-]?64|double[\s-]precision|64[\s-]?bits?", ("fp64",)),
    (r"fp[\s-]?32|float[\s-]?32|single[\s-]precision", ("fp32",)),
    (r"32[\s-]?bits?", ("fp32", "tf32")),
    (r"b?fp?[\s-]?16|b?float[\s-]?16|half[\s-]precision|16[\s-]?bits?", ("bf16",)),
    (r"(?:mx)?fp[\s-]?8|float[\s-]?8", ("fp8",)),
    (r"int[\s-]?8", ("int8",)),
    (r"8[\s-]?bits?", ("fp8", "int8")),
    (r"(?:nv|mx)?fp[\s-]?4|float[\s-]?4|4[\s-]?bits?", ("fp4",)),
)
# words of everyday, so that they tell a precision only beside the unit
_BARE_WORDS: dict[str, Precision] = {"double": "fp64", "single": "fp32", "half": "bf16"}
_UNKNOWN_PRECISION = r"int[\s-]?(?:4|16|32)|(?:mx)?fp[\s-]?(?:6|128)|6[\s-]?bits?"
_DENSE = r"(?:without|no|non|not)[\s-]+(?:structured[\s-]+)?spars(?:e|ity)|dense"
_SPARSE = r"(?:with[\s-]+)?(?:structured[\s-]+)?(?:sparse|sparsity)|2:4"

_QUALITY = "|".join(
    [*(pattern for pattern, _ in _PRECISION_WORDS), *_BARE_WORDS, _UNKNOWN_PRECISION, _DENSE, _SPARSE, "ai"]
)
_BETWEEN = rf"(?:[\s-]*(?<![a-z])(?:{_QUALITY})\b)*[\s-]*"
_PREFIXES = {"g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21}
_UNIT = (
    r"(?:(?:(?:giga|tera|peta|exa|zetta)[\s-]?|[gtpez])(?:flop|op)s?"
    # a lone F needs its capital
    r"|(?-i:[GTPEZ]F)"
    # FLOP without a prefix needs its time, or it is a number of operations
    r"|(?:flop|op)s?(?=\s*/\s*s|\s+per\s+sec)|(?-i:FLOPS))"
    r"(?:\s*/\s*s(?:ec(?:ond)?)?|\s+per\s+sec(?:ond)?|ps)?(?!\w)"
)
_RATE = re.compile(
    rf"(?<![\w.,])(?P<number>(?:\d[\d.,]*|\.\d+)(?:e[+-]?\d+)?)(?P<more>\+?)(?P<between>{_BETWEEN})(?P<unit>{_UNIT})",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
_REFUSED_BEFORE = (
    (
        rf"(?<!\w)\d[\d.,]*{_BETWEEN}(?:{_UNIT})?\s*(?:-|–|—|\.\.+|\bto)\s*$",
        "a range; decode its two ends one by one",
    ),
    (r"(?:^|[\s(\"'])[-−–]\s*$", "a rate must be above 0"),
    (r"\d\s*[x×*]\s*$", "a product; write the total"),
    (r"\^\s*$", "a power; write the number as 1e18"),
    (r"(?<![\w-])\d{1,3}\s$", "a space inside a number; write a comma between thousands"),
)
_REFUSED_AFTER = r"\s*(?:per\s+\w+|/\s*\w+|each\b|a\s+(?:chip|gpu|piece|rack)\b)"

_BOUNDS: tuple[tuple[str, Bound], ...] = (
    (r">=?|≥|over|above|beyond|more\s+than|at\s+least|exceed(?:s|ing)?|in\s+excess\s+of", "at least"),
    (r"~|≈|about|around|approx(?:\.|imately)?|roughly|circa|nearly|almost|some", "about"),
    (r"<=?|≤|up\s+to|at\s+most|less\s+than|below|under", "at most"),
)
# from a pocket calculator of the 1970s to far beyond all that was ever built
_LEAST_FLOP_PER_S, _MOST_FLOP_PER_S = 1.0, 1e30
_MOST_CHARACTERS = 500
_EXAMPLE = "write for example '21 AI exaFLOPS', '300 PF' or '6 EF FP8'"


@dataclass(frozen=True)
class Claim:
    """A claim as read.

    Attributes:
        text: the claim as given.
        flop_per_s: the rate claimed. Unit: FLOP/s (or OP/s, which claims do not keep apart).
        bound: what the claim says of the figure: at least, about or at most it; None where nothing.
        precisions: those that its words allow; empty where they name none, as "AI" does.
        sparse: whether its words say sparse or dense; None where they say neither.
        chips: accelerators it names, each with its count where it gives one.
        count: a count of accelerators of no named model.
        unread: its words that nothing was made of.
    """

    text: str
    flop_per_s: float
    bound: Bound | None
    precisions: tuple[Precision, ...]
    sparse: bool | None
    chips: tuple[NamedChips, ...]
    count: float | None
    unread: str

    def allows(self, precision: Precision, *, sparse: bool) -> bool:
        """Whether a reading agrees with the claim's words."""
        of_precision = not self.precisions or precision in self.precisions
        return of_precision and self.sparse in (None, sparse)


def parse_claim(text: str, facts: Facts) -> Claim:
    """Read a claim.

    Raises:
        InputError: no rate with its unit, or one that could be read in two ways; words that contradict
            one another; a precision or a chip that the catalogue does not know.

    >>> from accounting.reference.facts import load_facts
    >>> claim = parse_claim(">21 EF 8-bit", load_facts())
    >>> claim.flop_per_s, claim.bound, claim.precisions
    (2.1e+19, 'at least', ('fp8', 'int8'))
    """
    plain = " ".join(text.split())
    if len(plain) > _MOST_CHARACTERS:
        raise InputError(f"a claim has at most {_MOST_CHARACTERS} characters (found {len(plain)})")
    rates = list(_RATE.finditer(plain))
    if not rates:
        raise InputError(f"no rate found in the claim (found {quote(text)}); {_EXAMPLE}")
    for rate in rates:
        _refuse(rate, plain)
    value = _value(rates[0])
    if any(_value(other) != value for other in rates[1:]):
        both = " and ".join(quote(rate[0]) for rate in rates[:2])
        raise InputError(f"the claim gives two rates (found {both}); decode them one by one")
    bound, rest = _without_rates(plain, rates)
    precisions, sparse, rest = _qualities(rest, text)
    found = find_chips(rest, facts)
    return Claim(text, value, bound, precisions, sparse, found.chips, found.count, found.unread)


def _refuse(rate: re.Match[str], plain: str) -> None:
    before, after = plain[: rate.start()], plain[rate.end() :]
    reasons = [why for pattern, why in _REFUSED_BEFORE if re.search(pattern, before, re.IGNORECASE)]
    if not _NUMBER.fullmatch(rate["number"]):
        comma = "," in rate["number"]
        reasons.append("a comma stands only between thousands; write 0.5" if comma else "not a number")
    if re.match(_REFUSED_AFTER, after, re.IGNORECASE):
        reasons.append("the rate of a part; write the rate of the whole system")
    if not reasons and not _LEAST_FLOP_PER_S <= _value(rate) <= _MOST_FLOP_PER_S:
        reasons.append("no machine has such a rate")
    if reasons:
        raise InputError(f"the claim cannot be read: {reasons[0]} (found {quote(plain)})")


def _value(rate: re.Match[str]) -> float:
    """The rate in FLOP/s; a unit without a prefix begins with the letters of operations."""
    unit = rate["unit"].casefold()
    factor = 1.0 if unit.startswith(("flop", "op")) else _PREFIXES[unit[0]]
    return float(rate["number"].replace(",", "")) * factor


def _without_rates(plain: str, rates: list[re.Match[str]]) -> tuple[Bound | None, str]:
    """Take the rates out but for the words between number and unit; read what stands before the first."""
    before = plain[: rates[0].start()]
    bound: Bound | None = "at least" if rates[0]["more"] else None
    for pattern, meaning in _BOUNDS:
        match = re.search(rf"(?:^|(?<=\s)|(?<=\W))(?:{pattern})\s*(?:an?\s+)?$", before, re.IGNORECASE)
        if match:
            bound, before = meaning, before[: match.start()]
            break
    pieces, end = [before], rates[0].start()
    for rate in rates:
        pieces += [plain[end : rate.start()], " | ", rate["between"], " | "]
        end = rate.end()
    return bound, "".join([*pieces, plain[end:]])


def _qualities(rest: str, text: str) -> tuple[tuple[Precision, ...], bool | None, str]:
    unknown = re.search(rf"\b(?:{_UNKNOWN_PRECISION})\b", rest, re.IGNORECASE)
    if unknown:
        known = ", ".join(PRECISIONS)
        raise InputError(f"no rates are kept for the precision {quote(unknown[0])} (there are {known})")
    named: set[Precision] = set()
    for pattern, meant in _PRECISION_WORDS:
        rest, times = re.subn(rf"\b(?:{pattern})\b", " | ", rest, flags=re.IGNORECASE)
        named |= set(meant) if times else set()
    for word, precision in _BARE_WORDS.items():
        beside = rf"\|[\s(]*{word}\b(?!\s+(?:of|a|an|the)\b)"
        rest, times = re.subn(beside, " | ", rest, flags=re.IGNORECASE)
        named |= {precision} if times else set()
    rest, dense = re.subn(rf"\b(?:{_DENSE})\b", " | ", rest, flags=re.IGNORECASE)
    rest, sparse = re.subn(rf"(?<!\w)(?:{_SPARSE})\b", " | ", rest, flags=re.IGNORECASE)
    if dense and sparse:
        raise InputError(
            f"the claim says both dense and sparse (found {quote(text)}); decode them one by one"
        )
    rest = re.sub(r"\bai\b", " ", rest, flags=re.IGNORECASE)
    stated = bool(sparse) if dense or sparse else None
    return tuple(p for p in PRECISIONS if p in named), stated, rest
