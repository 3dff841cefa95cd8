"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from accounting.lint.material import Material

# error: the figure is wrong; warning: a plain sum of the file is; note: a reader may take it for another
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Figure:
    """A figure with its unit and the basis it is stated on; ``value`` is text where it is no number."""

    value: float | str | None
    unit: str = ""
    basis: str = ""

    def __str__(self) -> str:
        """``494.7 TFLOP/s (bf16 dense peak)``, with the prefix that suits."""
        shown = "nothing" if self.value is None else self.value if isinstance(self.value, str) else ""
        text = shown or _number(float(self.value or 0), self.unit)
        return f"{text} ({self.basis})" if self.basis else text


def _number(value: float, unit: str) -> str:
    if unit.startswith(("FLOP/s", "bit-OP/s")):
        for factor, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T")):
            if abs(value) >= factor:
                return f"{value / factor:.4g} {prefix}{unit}"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}".strip()


@dataclass(frozen=True)
class Repair:
    """A cell of a file and what should stand there; ``line`` is where its row begins."""

    file: str
    line: int
    column: str
    new: float


@dataclass(frozen=True)
class Evidence:
    """What a check found.

    ``rows`` are places (``file:line``). ``factor`` is the total of the file in the column at fault, over
    rows of the same status, as it stands ÷ as it should be; above 1 the file overstates. None where the
    finding moves no total. ``ratio`` is the same of the rows alone.
    """

    rows: tuple[str, ...]
    found: Figure
    expected: Figure
    message: str
    factor: float | None = None
    ratio: float | None = None
    repairs: tuple[Repair, ...] = field(default=(), repr=False)
    severity: Severity | None = None


Check = Callable[["Material"], Iterable[Evidence]]


@dataclass(frozen=True)
class Rule:
    """A rule: its id, what it says, and why it matters."""

    id: str
    title: str
    severity: Severity
    explains: str
    check: Check = field(repr=False, compare=False)


@dataclass(frozen=True)
class Finding:
    """A rule and what it found."""

    rule: Rule
    evidence: Evidence

    @property
    def severity(self) -> Severity:
        """How bad it is; a rule may find lesser cases."""
        return self.evidence.severity or self.rule.severity


def rule(name: str, title: str, severity: Severity, explains: str) -> Callable[[Check], Rule]:
    """Make a rule of the check that follows."""
    return lambda check: Rule(name, title, severity, explains, check)


def findings(rules: Iterable[Rule], material: Material) -> Iterator[Finding]:
    """Yield what each rule finds, in the order of the rules."""
    for one in rules:
        for evidence in one.check(material):
            yield Finding(one, evidence)
