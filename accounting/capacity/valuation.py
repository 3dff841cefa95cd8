"""What a deployment can do: its count, its chip's peak and the measured steps between the bases.

An entry becomes a :class:`Term`, a product of what is drawn for it. :meth:`Valuer.value` draws one in
float64, with nothing left out; :mod:`.sums` adds up any number of them in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Literal

import numpy as np

from accounting.capacity.bases import BASES, MEMORY, Basis, Capacity, Denomination, Draws, Unit
from accounting.capacity.calibration import EXCESS, Calibration
from accounting.capacity.draws import draw, expit, standard_normal
from accounting.capacity.peaks import lacking, peak_rate
from accounting.capacity.sizing.correlated import CommonFactors, Loadings, common_of, own_part
from accounting.census.ledger import Entry
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest
from bench.errors import InputError

Values = Literal["chips", "file"]
MAX_DRAWS = 1_000_000
# of one entry, in FLOP/s, B/s or H100e: a million times all that there is, and still far from where the
# sums of draws, in float32, overflow
MAX_PEAK = 1e30


@dataclass(frozen=True)
class Valued:
    """A deployment's capacity on each basis, and how each figure is known."""

    capacity: Mapping[Basis, Capacity]
    kinds: Mapping[Basis, Kind]


@dataclass(frozen=True)
class Skipped:
    """A deployment that could not be valued, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Factor:
    """The fraction that the step to ``basis`` keeps, of one accelerator: logit-normal.

    Its logit is ``mean`` + ``shared_sd`` × a normal that all sites share + ``common_sd`` × one that several
    accelerators share + ``site_sd`` × one of the site's own.
    """

    basis: Basis
    mean: float
    shared_sd: float
    site_sd: float
    shared_name: str
    site_name: str
    common_sd: float = 0.0
    common_name: str = ""

    def draws(self, seed: int, site: str, size: int) -> Draws:
        """Draw the fraction for a site."""
        own = standard_normal(seed, self.site_name + site, size)
        return expit(self.shared_logit(lambda name: standard_normal(seed, name, size)) + self.site_sd * own)

    def shared_logit(self, normal: Callable[[str], Draws]) -> Draws:
        """Return the part of the logit that is no site's own, from normals by name (shape: draws)."""
        logit = self.mean + self.shared_sd * normal(self.shared_name)
        return logit + self.common_sd * normal(self.common_name) if self.common_sd else logit


@dataclass(frozen=True, slots=True)
class Bias:
    """A factor that all entries of one source share, and that does not average out over them."""

    name: str
    ratio: Uncertain


@dataclass(frozen=True, eq=False)
class Chain:
    """The steps between the bases for one accelerator, how each is known, and the bases asked for."""

    factors: tuple[Factor, ...]
    known: tuple[Kind, ...]
    bases: tuple[Basis, ...]

    def kinds(self, kind: Kind) -> tuple[Kind, ...]:
        """Return how the value on each basis asked for is known, of an entry known as ``kind``."""
        known = accumulate((kind, *self.known), lambda a, b: weakest((a, b)))
        return tuple(k for basis, k in zip(BASES, known, strict=False) if basis in self.bases)


@dataclass(frozen=True, slots=True)
class Term:
    """An entry as what is drawn for it.

    The entry's peak is ``count`` × ``unit``: ``unit`` is the peak of one accelerator, or a file's own figure
    with a ``count`` of None, which stands for exactly 1. ``kind`` says how that size is known.

    ``presence``, where given, returns draws that the peak is multiplied by (shape: draws): 1 or 0 for in
    service or not, times the error that the count shares with others. ``common`` are the loadings of that
    error; ``count`` then has only the rest of its spread.
    """

    id: str
    site: str
    unit: float
    count: Uncertain | None
    chain: Chain
    kind: Kind
    bias: Bias | None = None
    presence: Callable[[], Draws] | None = None
    common: Loadings = ()

    @property
    def exact_peak(self) -> float | None:
        """The peak, where nothing of it is drawn."""
        if self.count is None:
            return self.unit
        return self.count.best * self.unit if self.count.exact else None

    @property
    def count_name(self) -> str:
        """The name that the count is drawn by."""
        return f"count/{self.id}"


@dataclass(frozen=True)
class Valuer:
    """Values entries in one precision.

    ``values`` says whose peaks serve: our catalogue's by chip and count (the file's own column where it
    gives no chip), or the foreign file's own column of that name. ``precision`` is then a column name
    (``bf16``, ``max``, ``h100e``, …); ``memory`` values memory bandwidth, in B/s. ``source_bias`` holds, by
    an entry's ``source``, a ratio with median 1 that all entries of that source share.
    """

    facts: Facts
    calibration: Calibration
    precision: str = "bf16"
    bases: tuple[Basis, ...] = ("peak", "delivered")
    seed: int = 0
    size: int = 10_000
    values: Values = "chips"
    source_bias: Mapping[str, Uncertain] = field(default_factory=dict)
    _chains: dict[str | None, Chain | Skipped] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse a number of draws that gives no quantiles, or would fill the memory."""
        if not 1 <= self.size <= MAX_DRAWS:
            raise InputError(f"draws must lie between 1 and {MAX_DRAWS} (found {self.size})")

    @cached_property
    def _factors(self) -> CommonFactors:
        return CommonFactors(self.seed, self.size)

    def denomination(self, basis: Basis) -> Denomination:
        """Return what the values of ``basis`` are stated in; the file's H100e are on its 8-bit peak."""
        unit: Unit = "B/s" if self.precision == MEMORY else "FLOP/s"
        unit = "H100e" if self.precision == "h100e" else unit
        precision = "8-bit" if self.precision == "h100e" else self.precision
        return Denomination(precision, basis, unit)

    @property
    def asked(self) -> tuple[Basis, ...]:
        """The bases asked for, in their order."""
        return tuple(basis for basis in BASES if basis in self.bases)

    def value(self, entry: Entry) -> Valued | Skipped:
        """Return the entry's capacity on every basis asked for (float64), or why it has none."""
        term = self.term(entry)
        if isinstance(term, Skipped):
            return term
        draws = self._peak_draws(term)
        if term.presence is not None:
            draws = draws * term.presence()
        capacity: dict[Basis, Capacity] = {}
        if "peak" in self.bases:
            capacity["peak"] = Capacity(draws, self.denomination("peak"))
        for factor in term.chain.factors:
            draws = draws * factor.draws(self.seed, term.site, self.size)
            if factor.basis in self.bases:
                capacity[factor.basis] = Capacity(draws, self.denomination(factor.basis))
        return Valued(capacity, dict(zip(self.asked, term.chain.kinds(term.kind), strict=True)))

    def term(self, entry: Entry) -> Term | Skipped:
        """Return what is drawn for an entry, or why it has no value.

        Raises:
            InputError: its peak is more than can be added up (``MAX_PEAK``).
        """
        sized = self._sized(entry)
        if isinstance(sized, Skipped):
            return sized
        unit, count = sized
        if unit * (count.high if count else 1.0) > MAX_PEAK:
            number = f"{count.high:g} accelerators at a peak" if count else "a peak"
            raise InputError(
                f"{entry.id}: {number} of {unit:g} are more than can be added up; check the unit"
            )
        chain = self._chains.get(entry.accelerator)
        if chain is None:
            chain = self._chains[entry.accelerator] = self._chain(entry.accelerator)
        if isinstance(chain, Skipped):
            return chain
        ratio = self.source_bias.get(entry.source) if self.source_bias else None
        bias = Bias(f"bias/{entry.source}", ratio) if ratio is not None else None
        term = Term(entry.id, entry.facility, *sized, chain, entry.kind, bias)
        common = common_of(entry)
        if not common or term.count is None or term.count.exact:
            return term
        presence = self._factors.times(common)
        return replace(term, count=own_part(term.count, common), common=common, presence=presence)

    def _sized(self, entry: Entry) -> tuple[float, Uncertain | None] | Skipped:
        """Return what one of an entry's accelerators does at peak, and how many there are.

        Here, and nowhere else, is decided what an entry's size is drawn from.
        """
        own = entry.values.get(self.precision)
        if self.values == "file":
            return (
                (own, None)
                if own is not None
                else Skipped(f"no value in the file's column for {self.precision}")
            )
        if entry.accelerator is None or entry.count is None:
            return (own, None) if own is not None else Skipped("no known accelerator and count")
        peak = peak_rate(self.facts.accelerators[entry.accelerator], self.precision)
        if peak is None:
            return Skipped(lacking(self.precision))
        return peak, entry.count

    def _chain(self, accelerator: str | None) -> Chain | Skipped:
        factors, known = [], []
        for step in BASES[1 : 1 + max(BASES.index(basis) for basis in self.bases)]:
            efficiency = self.calibration.efficiency(step, accelerator, self.precision)  # type: ignore[arg-type]
            if efficiency is None:
                return Skipped(f"no {step} measurement in {self.precision} to calibrate with")
            p, names = efficiency.prediction, (efficiency.shared_name, efficiency.site_name)
            factors.append(Factor(step, p.mean, p.shared_sd, p.site_sd, *names, p.common_sd, EXCESS))
            known.append(efficiency.kind)
        return Chain(tuple(factors), tuple(known), self.asked)

    def _peak_draws(self, term: Term) -> Draws:
        if term.count is None:
            draws = np.full(self.size, term.unit)
        else:
            # what is exact needs no normals
            normal = np.empty(self.size) if term.count.exact else self._normal(term.count_name)
            draws = draw(term.count, normal) * term.unit
        return draws * draw(term.bias.ratio, self._normal(term.bias.name)) if term.bias else draws

    def _normal(self, name: str) -> Draws:
        return standard_normal(self.seed, name, self.size)
