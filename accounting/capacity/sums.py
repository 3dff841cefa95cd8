"""Sums of draws by row, exact: no order of entries, chunk size, number of threads or other row changes a bit.

Floating-point sums depend on their order. So every value is stated in grains (``GRAIN``) and rounded to a
whole number of them. Sums of whole numbers in float64 are exact up to 2⁵³: they come out the same in any
order, and the rows of a level add up to the total in every draw. Values without uncertainty are summed as
Python integers.

Some factors are shared by many entries of a row: a step without spread between sites, the bias of a source.
They multiply the sum of those entries instead of each entry, and so sums are kept apart by what they share.

Memory holds sums only, never the draws of entries. Where there are more rows than fit, the entries are drawn
again and summed in several passes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import length_hint

import numpy as np

from accounting.capacity.bases import Draws, Unit
from accounting.capacity.draws import draw, expit, standard_normal
from accounting.capacity.passes import Cell, Part, Parts, Pass, RowKey, Target
from accounting.capacity.term_draws import FINE, Shared, SharedDraws, TermDraws, plan
from accounting.capacity.valuation import Bias, Chain, Term, Valuer
from accounting.validation import Kind

Progress = Callable[[int, int], None]

# what values are rounded to, by unit of capacity: a hundred-thousandth of one accelerator or less. Sums stay
# exact up to 2**53 grains, 9.7e24 FLOP/s
GRAIN: Mapping[Unit, float] = {"FLOP/s": 2.0**30, "H100e": 2.0**-20, "B/s": 2.0**20, "FLOP/year": 2.0**55}
# draws are worked on in windows of so many, whose vectors fit a core's cache
WINDOW = 10_000
# terms of one kind are added up before they go to their rows: the larger the chunk, the fewer the additions
_CHUNK = 16_384


@dataclass(frozen=True)
class Work:
    """How to go about a sum. The result does not depend on it.

    ``workers`` are threads: one where left out, as the interpreter's lock makes two slower than one
    (docs/decisions.md, 29). ``chunk`` is how many items a thread takes at a time, ``sums_bytes`` what sums
    may take before they are made in several passes. ``progress`` is called with the items done so far and,
    where known, those in all (else 0).
    """

    workers: int | None = None
    chunk: int | None = None
    sums_bytes: int = 512 * 2**20
    progress: Progress | None = None


ONE_THREAD = Work()


Chunk = list[tuple[Target, list[Term]]]


class Summation:
    """Sums terms by row. The result depends on the terms, the seed and the number of draws alone."""

    def __init__(self, items: Iterable[tuple[Term, Cell]], valuer: Valuer, work: Work | None = None) -> None:
        """Take terms with the cells they go to, which may be read more than once.

        Args:
            items: terms and cells; those that go to the same rows share one cell.
            valuer: says seed, number of draws, bases and their unit.
            work: how to go about it.
        """
        self.work = work or ONE_THREAD
        self.items = list(items) if isinstance(items, Iterator) else items
        self.seed, self.size = valuer.seed, valuer.size
        self.grain = GRAIN[valuer.denomination("peak").unit]
        expected = length_hint(self.items, 0)
        self.workers = self.work.workers or 1
        self.chunk = self.work.chunk or _CHUNK
        self.most = max(2, self.work.sums_bytes // (8 * self.size * len(valuer.asked)))
        self.expected, self._done = expected * -(-self.size // WINDOW), 0

    def rows(self) -> Iterator[tuple[RowKey, tuple[Draws, ...]]]:
        """Yield each row with its draws by basis (one draw where it is exact); the total comes first."""
        run = Pass(self.most)
        while True:
            self._sum(run)
            for row, parts in run.rows.items():
                yield row, self._closed(parts)
            if not run.left:
                return
            rows = iter(run.left)
            wanted = frozenset(islice(rows, self.most))
            run = Pass(self.most, wanted, left=dict.fromkeys(rows))

    def _sum(self, run: Pass) -> None:
        for start in range(0, self.size, WINDOW):
            shared = SharedDraws(self.seed, start, min(start + WINDOW, self.size))
            rooms = threading.local()

            def work(
                chunk: Chunk, shared: SharedDraws = shared, rooms: threading.local = rooms
            ) -> Iterator[int]:
                if not hasattr(rooms, "draws"):
                    rooms.draws = TermDraws(shared, self.grain)
                for target, terms in chunk:
                    self._add(rooms.draws, target, terms, shared)
                    yield len(terms)

            self._share_out(self._chunks(run, shared), work)

    def _chunks(self, run: Pass, shared: SharedDraws) -> Iterator[tuple[int, Chunk]]:
        items = iter(self.items)
        while part := list(islice(items, self.chunk)):
            groups: dict[tuple[Cell, Chain, Kind, Bias | None], list[Term]] = {}
            for term, cell in part:
                groups.setdefault((cell, term.chain, term.kind, term.bias), []).append(term)
            chunk: Chunk = []
            for (cell, *_), terms in groups.items():
                target = run.target(cell, terms[0], plan(terms[0].chain))
                if target is not None:
                    shared.prepare(terms[0].chain)
                    chunk.append((target, terms))
            yield len(part), chunk

    def _share_out(self, chunks: Iterator[tuple[int, Chunk]], work: Callable[[Chunk], Iterator[int]]) -> None:
        if self.workers == 1:
            for count, chunk in chunks:
                told = 0
                for added in work(chunk):
                    self._tell(added)
                    told += added
                # what goes to no row of this pass
                self._tell(count - told)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            running: deque[tuple[int, Future[int]]] = deque()
            for count, chunk in chunks:
                running.append((count, pool.submit(lambda chunk: sum(work(chunk)), chunk)))
                # no more chunks are held than keep the threads busy
                while len(running) > 2 * self.workers:
                    self._wait(running)
            while running:
                self._wait(running)

    def _wait(self, running: deque[tuple[int, Future[int]]]) -> None:
        count, future = running.popleft()
        future.result()
        self._tell(count)

    def _tell(self, count: int) -> None:
        self._done += count
        if self.work.progress:
            self.work.progress(self._done, max(self.expected, self._done) if self.expected else 0)

    def _add(self, draws: TermDraws, target: Target, terms: list[Term], shared: SharedDraws) -> None:
        # what is parted is rounded term by term, so that the parts do not depend on what else is there
        batches: Sequence[Sequence[Term]] = [[term] for term in terms] if target.parted else [terms]
        for batch in batches:
            drawn, exact = draws.add_up(batch, target.sums)
            for division in target.divisions:
                for number in range(target.sums):
                    self._spread(division, number, drawn[number], exact[number], shared)

    def _spread(
        self,
        division: Parts,
        number: int,
        drawn: Draws | None,
        exact: int,
        shared: SharedDraws,
    ) -> None:
        """Part a sum; the last part is what the others leave, so that nothing is lost to rounding."""
        left, left_exact = drawn, exact
        for parts, weight in division[:-1]:
            share = None if drawn is None else np.rint(weight * drawn)
            whole = round(weight * exact)
            self._put(parts, number, share, whole, shared)
            left = None if left is None or share is None else left - share
            left_exact -= whole
        self._put(division[-1][0], number, left, left_exact, shared)

    def _put(
        self, parts: tuple[Part, ...], number: int, drawn: Draws | None, exact: int, shared: SharedDraws
    ) -> None:
        for part in parts:
            with part.lock:
                part.exact[number] += exact if shared.start == 0 else 0
                if drawn is None:
                    continue
                total = part.drawn[number]
                if total is None:
                    total = part.drawn[number] = np.zeros(self.size)
                window = total[shared.start : shared.start + shared.size]
                np.add(window, drawn, out=window)

    def _closed(self, parts: Mapping[Shared, Part]) -> tuple[Draws, ...]:
        """Return a row's draws by basis, in the unit of capacity: its parts times what each shares."""
        # in an order of their own, since these sums are of products and no longer exact
        ordered = sorted(parts.items(), key=lambda pair: pair[0].names)
        columns = []
        for basis in range(len(ordered[0][0].of_basis)):
            values = (
                self._shared_product(shared, basis) * _value(part, shared.of_basis[basis][0])
                for shared, part in ordered
            )
            columns.append(reduce(np.add, values) * self.grain)
        return tuple(columns)

    def _shared_product(self, shared: Shared, basis: int) -> Draws | float:
        product: Draws | float = 1.0
        for factor in shared.of_basis[basis][1]:
            logit = factor.shared_logit(lambda name: standard_normal(self.seed, name, self.size))
            product = product * expit(logit)
        if shared.bias is not None:
            normal = standard_normal(self.seed, shared.bias.name, self.size)
            product = product * draw(shared.bias.ratio, normal)
        return product


def _value(part: Part, number: int) -> Draws:
    exact, drawn = np.array([part.exact[number] / FINE]), part.drawn[number]
    return exact if drawn is None else drawn + exact
