"""The uncertain inputs of a total, and terms in which some of them are drawn again or held at their medians.

A term draws each of its inputs by a name. To draw an input again is to change its name; to hold it at its
median is to take its spread away. :mod:`.drivers` does both to find what drives the spread of a total.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.sizing.correlated import CommonFactors
from accounting.capacity.stock.projection import ProjectedValuer, Projection
from accounting.capacity.valuation import Chain, Factor, Term, Valuer
from accounting.census.ledger import Entry
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts

# what is put to a name to draw it again
AGAIN = "again/"
SERVICE = "service"
_STEPS = {
    "achievable": "best matmul",
    "sustained": "training step",
    "delivered": "availability",
    "occupancy": "occupancy",
}
# steps that are one pool for all accelerators
_POOLED_FOR_ALL = frozenset({"delivered", "occupancy"})
_SIZING = {
    "overheads": "IT overhead of sized sites",
    "facility_overheads": "facility overhead of sized sites",
    "filled": "filled share of sized sites",
    "run_load": "load of benchmark runs",
    "watts": "watts of an accelerator",
    "prices": "price of an accelerator",
    "systems_share": "share of cost for systems",
}


@dataclass(frozen=True, order=True)
class Input:
    """One input: its kind, and which one of the kind (a facility, an accelerator, a source, a fact)."""

    kind: str
    which: str


# how far benchmarks lie above production runs is one figure for all accelerators
_EXCESS = Input("benchmark_excess", "")


@dataclass(frozen=True)
class InputGroup:
    """Inputs taken together, and the places of the terms that they touch."""

    inputs: tuple[Input, ...]
    places: tuple[int, ...]
    name: str = ""

    @property
    def key(self) -> str:
        """What scripts call it: ``count:FACILITY``, ``achievable:ACCELERATOR``, … or ``count:*`` for many."""
        first = self.inputs[0]
        which = first.which if len(self.inputs) == 1 else "*"
        return f"{first.kind}:{which}" if which else first.kind

    def named(self, facts: Facts) -> InputGroup:
        """Return it with words for people."""
        return replace(self, name=_name(self.inputs, facts))


def inputs_of(term: Term, valuer: Valuer) -> Iterator[Input]:
    """Yield the inputs that a term's draws depend on."""
    if term.count is not None and not term.count.exact:
        yield _count(term)
    for name, _ in term.common:
        yield _common(name)
    for factor in term.chain.factors:
        if factor.shared_sd:
            yield _shared(factor)
        if factor.common_sd:
            yield _EXCESS
        if factor.site_sd:
            yield _own(factor)
    if term.bias is not None and not term.bias.ratio.exact:
        yield Input("source", term.bias.name.removeprefix("bias/"))
    if _service_of(valuer):
        yield Input(SERVICE, "")


def redrawn(entry: Entry, term: Term, valuer: Valuer, again: Callable[[Input], bool]) -> Term:
    """Return a term with the inputs that ``again`` names drawn anew, all others as they are."""
    found = term
    if again(_count(term)):
        found = replace(found, id=f"{AGAIN}{term.id}")
    found = replace(found, chain=_chain(term.chain, lambda f: _renamed(f, again)))
    if term.bias is not None and again(Input("source", term.bias.name.removeprefix("bias/"))):
        found = replace(found, bias=replace(term.bias, name=f"{AGAIN}{term.bias.name}"))
    common = tuple((f"{AGAIN}{n}" if again(_common(n)) else n, loading) for n, loading in term.common)
    service = _service_of(valuer)
    if service and again(Input(SERVICE, "")):
        # -1 - seed is never the seed itself: these are other lives
        service = _service_of(valuer, seed=-1 - valuer.seed)
    return _with_presence(found, entry, valuer, common, service)


def known(entry: Entry, term: Term, valuer: Valuer, kept: Callable[[Input], bool]) -> Term:
    """Return a term with all inputs at their medians but those that ``kept`` names.

    Whether something is in service has no median between 0 and 1: its mean over draws stands for it.
    """
    found = term
    if term.count is not None and not kept(_count(term)):
        found = replace(found, count=_at_median(term.count))
    found = replace(found, chain=_chain(term.chain, lambda f: _narrowed(f, kept)))
    if term.bias is not None and not kept(Input("source", term.bias.name.removeprefix("bias/"))):
        found = replace(found, bias=replace(term.bias, ratio=_at_median(term.bias.ratio)))
    common = tuple((name, loading) for name, loading in term.common if kept(_common(name)))
    service = _service_of(valuer)
    if service and not kept(Input(SERVICE, "")):
        service = partial(_mean_of, service)
    return _with_presence(found, entry, valuer, common, service)


_Service = Callable[[Entry], Draws]


def _service_of(valuer: Valuer, seed: int | None = None) -> _Service | None:
    """Return what says in which draws an entry is in service; None where the valuer does not project."""
    if not isinstance(valuer, ProjectedValuer) or valuer.projection is None:
        return None
    projection = valuer.projection if seed is None else replace(valuer.projection, seed=seed)
    return partial(_presence, projection, valuer.day)


def _presence(projection: Projection, day: datetime.date, entry: Entry) -> Draws:
    return projection.presence(entry, day)


def _mean_of(service: _Service, entry: Entry) -> Draws:
    there = service(entry)
    return np.full(there.shape, there.mean())


def _with_presence(
    term: Term, entry: Entry, valuer: Valuer, common: tuple[tuple[str, float], ...], service: _Service | None
) -> Term:
    there: Callable[[], Draws] | None = partial(service, entry) if service else None
    if common:
        there = CommonFactors(valuer.seed, valuer.size).times(common, there)
    return replace(term, common=common, presence=there)


def _chain(chain: Chain, changed: Callable[[Factor], Factor]) -> Chain:
    factors = tuple(changed(factor) for factor in chain.factors)
    return chain if factors == chain.factors else Chain(factors, chain.known, chain.bases)


def _renamed(factor: Factor, again: Callable[[Input], bool]) -> Factor:
    shared = f"{AGAIN}{factor.shared_name}" if again(_shared(factor)) else factor.shared_name
    own = f"{AGAIN}{factor.site_name}" if again(_own(factor)) else factor.site_name
    common = f"{AGAIN}{factor.common_name}" if again(_EXCESS) else factor.common_name
    return replace(factor, shared_name=shared, site_name=own, common_name=common)


def _narrowed(factor: Factor, kept: Callable[[Input], bool]) -> Factor:
    shared = factor.shared_sd if kept(_shared(factor)) else 0.0
    own = factor.site_sd if kept(_own(factor)) else 0.0
    common = factor.common_sd if kept(_EXCESS) else 0.0
    return replace(factor, shared_sd=shared, site_sd=own, common_sd=common)


def _at_median(value: Uncertain) -> Uncertain:
    return Uncertain(value.best, value.best, value.best, value.family)


def _count(term: Term) -> Input:
    return Input("count", term.site)


def _common(name: str) -> Input:
    _, what, which = name.split("/", 2)
    return Input(f"sizing_{what}", which)


def _shared(factor: Factor) -> Input:
    step = _step(factor.shared_name)
    return Input(step, "" if step in _POOLED_FOR_ALL else factor.shared_name.rpartition("/")[2])


def _own(factor: Factor) -> Input:
    return Input("site_spread", _step(factor.site_name))


def _step(name: str) -> str:
    """Return the step that a factor is drawn for; its basis does not tell availability from occupancy."""
    return name.partition("/")[0]


def _name(inputs: tuple[Input, ...], facts: Facts) -> str:
    """Say in words what inputs of one kind are."""
    kind, which, many = inputs[0].kind, inputs[0].which, len(inputs)
    several = many > 1
    label = facts.label(which) if kind in _STEPS and which else which
    alone = f" ({which})" if which else ""
    words = {
        "count": f"counts of {many} other facilities" if several else f"count of {which}",
        "source": f"bias of {many} other sources" if several else f"bias of {which}",
        SERVICE: "what is in service by then",
        _EXCESS.kind: "benchmarks above production runs",
        "site_spread": "sites' own efficiency" if several else f"sites' own {_STEPS.get(which, which)}",
        **{step: _STEPS[step] for step in _POOLED_FOR_ALL},
    }
    if kind in words:
        return words[kind]
    if kind in _STEPS:
        return f"{_STEPS[kind]}, {f'{many} other accelerators' if several else label}"
    sizing = _SIZING.get(kind.removeprefix("sizing_"), kind)
    return f"{sizing}, {many} kinds" if several else f"{sizing}{alone}"
