"""Metamorphic laws of the whole pipeline: what becomes of accounts when a census changes in a known way.

Each law takes a ledger and returns how far it is missed, as a fraction; the tolerances say how far it may be.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from accounting.accounts.account import Account, Accounts, Quantiles
from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.h100e import constant, load_h100e
from accounting.capacity.streams import BLOCK, Streams
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import Selection
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts, load_facts
from accounting.reference.shipped import configs_root

DAY = datetime.date(2026, 6, 30)
BASES = ("peak", "delivered")
_TINY = 1e-300


@cache
def known() -> tuple[Facts, Calibration]:
    """Return facts and calibration, read once."""
    facts = load_facts()
    return facts, load_calibration(facts)


def accounts(ledger: Ledger, **asked: Any) -> Mapping[str, Accounts]:
    """Estimate a ledger; the accounts by basis."""
    facts, calibration = known()
    request = Request(Selection(DAY), asked.pop("bases", BASES), **({"draws": 500} | asked))
    return {one.basis: one.accounts for one in estimate(ledger, request, facts, calibration)}


def with_entries(ledger: Ledger, change: Callable[[Entry], Entry]) -> Ledger:
    """Return the ledger with every entry changed."""
    return replace(ledger, entries=tuple(change(entry) for entry in ledger.entries))


def apart(one: Quantiles, other: Quantiles, factor: float = 1.0) -> float:
    """Return the largest relative difference of two sets of quantiles, the first times ``factor``."""
    pairs = zip(_numbers(one), _numbers(other), strict=True)
    return max(abs(a * factor - b) / max(abs(b), _TINY) if a or b else 0.0 for a, b in pairs)


def _numbers(q: Quantiles) -> tuple[float, ...]:
    return q.p5, q.p50, q.p95, q.mean


def rows(account: Account) -> dict[str, Quantiles]:
    """Return an account's rows by code."""
    return {row.code: row.quantiles for row in account.rows}


def account(found: Accounts, key: str) -> dict[str, Quantiles]:
    """Return the rows of a level."""
    return rows(next(one for one in found.accounts if one.key == key))


def scaling(ledger: Ledger, factor: float = 8.0) -> float:
    """Counts times k give totals and rows times k; a power of two, so that rounding stays what it is."""

    def grown(entry: Entry) -> Entry:
        c = entry.count
        if c is None:
            return entry
        return replace(entry, count=Uncertain(c.low * factor, c.best * factor, c.high * factor, c.family))

    before, after = (
        accounts(with_entries(ledger, change))
        for change in (_only_counted, lambda e: grown(_only_counted(e)))
    )
    return max(apart(before[basis].total, after[basis].total, factor) for basis in BASES)


def _only_counted(entry: Entry) -> Entry:
    return entry if entry.count is not None else replace(entry, status="cancelled")


def swapping(ledger: Ledger, one: str = "nvidia", other: str = "amd") -> float:
    """Vendors that change names change accounts, and nothing else moves."""
    names = {one: other, other: one}
    before = accounts(ledger)
    after = accounts(with_entries(ledger, lambda e: replace(e, vendor=names.get(e.vendor or "", e.vendor))))
    worst = max(apart(before[basis].total, after[basis].total) for basis in BASES)
    for basis in BASES:
        old, new = account(before[basis], "vendor"), account(after[basis], "vendor")
        assert {names.get(code, code) for code in old} == set(new)
        worst = max(worst, *(apart(old[code], new[names.get(code, code)]) for code in old))
    return worst


def splitting(ledger: Ledger) -> tuple[float, float]:
    """A facility in two halves: the same peak, and a delivered mean as near as draws of its own leave it.

    Returns:
        How far the peak's totals are apart, and the delivered means in standard errors of the mean.
    """
    halves = [half for entry in ledger.entries for half in _halves(entry)]
    draws = 4_000
    before, after = (
        accounts(ledger, draws=draws),
        accounts(replace(ledger, entries=tuple(halves)), draws=draws),
    )
    old, new = before["delivered"].total, after["delivered"].total
    error = (old.p95 - old.p5) / 3.29 * (2 / draws) ** 0.5
    exactly = abs(before["peak"].total.p50 - after["peak"].total.p50) / before["peak"].total.p50
    return exactly, abs(old.mean - new.mean) / error


def _halves(entry: Entry) -> Sequence[Entry]:
    c = entry.count
    if c is None:
        return [entry]
    half = Uncertain(c.low / 2, c.best / 2, c.high / 2, c.family)
    return [replace(entry, id=f"{entry.id}-{n}", facility=f"{entry.facility}-{n}", count=half) for n in "ab"]


def ordering(ledger: Ledger) -> float:
    """The order of entries changes no bit."""
    before, after = accounts(ledger), accounts(replace(ledger, entries=ledger.entries[::-1]))
    return max(apart(before[basis].total, after[basis].total) for basis in BASES)


def units(ledger: Ledger) -> float:
    """FLOP/s ÷ H100e is the published constant, in every quantile of total and rows."""
    table = load_h100e(configs_root() / "h100e.yaml")
    flops, h100e = accounts(ledger), accounts(ledger, unit="h100e")
    worst = 0.0
    for basis in BASES:
        factor = constant(table, basis, "bf16")
        worst = max(worst, apart(h100e[basis].total, flops[basis].total, factor))
        old, new = account(h100e[basis], "territory"), account(flops[basis], "territory")
        worst = max(worst, *(apart(old[code], new[code], factor) for code in new))
    return worst


def coverage(ledger: Ledger, seeds: Sequence[int]) -> tuple[int, int]:
    """Count how many single draws, each of a seed of its own, lie in the stated 5 to 95 % of another seed.

    Returns:
        Those inside, and all.
    """
    stated = accounts(ledger, bases=("delivered",), draws=20_000, seed=-1)["delivered"].total
    drawn = [
        accounts(ledger, bases=("delivered",), draws=1, seed=seed)["delivered"].total.mean for seed in seeds
    ]
    return sum(stated.p5 <= one <= stated.p95 for one in drawn), len(drawn)


def normals64(seed: int, name: str, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the normals of a stream in float64 from the same random bits: what float32 comes near."""
    key = np.frombuffer(hashlib.blake2b(str(seed).encode(), digest_size=16).digest(), dtype="<u8")
    digest = np.frombuffer(hashlib.blake2b(name.encode(), digest_size=16).digest(), dtype="<u8")
    bits = np.random.Philox(key=key, counter=np.array([0, 0, *digest], dtype=np.uint64))
    blocks = -(-size // BLOCK)
    words = bits.random_raw(blocks * BLOCK // 2).view(np.int32).reshape(blocks, BLOCK)
    uniform = (words[:, : BLOCK // 2] & 0x7FFFFFFF) * 2.0**-31 + 2.0**-32
    angle = words[:, BLOCK // 2 :] * (np.pi * 2.0**-31)
    radius = np.sqrt(-2 * np.log(uniform))
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:size]


def streaming(seed: int, name: str, size: int = 10_000) -> float:
    """Return the largest difference of a normal in float32 from the same in float64."""
    ours = Streams(seed).fill(name, np.empty(size, np.float32)).astype(np.float64)
    return float(np.max(np.abs(ours - normals64(seed, name, size))))


# how far a law may be missed: float32 keeps seven digits, and sums are of whole grains
TOLERANCE = {"scaling": 2e-6, "swapping": 0.0, "ordering": 0.0, "units": 1e-12, "streaming": 5e-6}
LAWS: Mapping[str, Callable[[Ledger], float]] = {
    "scaling": scaling,
    "swapping": swapping,
    "ordering": ordering,
    "units": units,
}
