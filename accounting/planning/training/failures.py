"""What a run on many accelerators loses to interruptions: checkpoints, work done again, and restarts.

A synchronous run stops when one of its accelerators does, so that the mean time between interruptions is
M = 1 ÷ (rate per accelerator × accelerators). A checkpoint stops the run for a pause δ, and a restart takes
R. The interval between checkpoints is Daly's higher-order estimate of the best one (Daly 2006, *Future
Generation Computer Systems* 22, 303, eq. 37), of which √(2δM) (Young 1974, *Comm. ACM* 17, 530) is the
first order:

    τ = √(2δM) · [1 + ⅓·√(δ/2M) + (1/9)·(δ/2M)] − δ   for δ < 2M, else τ = M

It is never shorter than what the state takes to be written out behind the run. The share of time that
becomes steps, with interruptions as a Poisson process (Daly 2006, eq. 20), is

    G = τ ÷ (M · e^(R/M) · (e^((τ+δ)/M) − 1))

Very large runs restart the replica that failed alone (Salpekar et al. 2026, arXiv:2602.00277). All stand
still for a stall s, the replica of g accelerators is out for R; other replicas hold the state, so that no
step is lost. From ``replica_from`` accelerators on, the better of G and this is taken:

    G' = 1 ÷ (1 + s ÷ M) · (1 − rate per accelerator · g · R)

**What this adds to, and what it replaces.** ``availability`` (decision 25) was measured on whole programmes
and holds their interruptions already. The model is not multiplied on top: what it gives at the size of those
programmes is taken out, what it gives at the size of this run is put in:

    availability of the run = G(n) × min(availability measured ÷ G(n measured), 1)

The second factor is all that is lost otherwise (waiting, stragglers, ramp-up, maintenance). On as many
accelerators as it was measured on, the run has the availability measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from accounting.capacity.bases import Draws

_DAY_S = 86_400.0
# share of the way by which a search for the best number of accelerators narrows, and how often
_GOLDEN = (math.sqrt(5) - 1) / 2
_STEPS = 60


@dataclass(frozen=True)
class Failures:
    """What the model of interruptions needs, as draws (shape: draws) or as arrays of one median.

    ``rate`` is interruptions per accelerator and day; ``restart``, ``pause`` and ``stall`` are in seconds.
    ``state`` is the bytes of a checkpoint, ``write`` the bytes per second at which one accelerator writes it
    out, ``replica`` the accelerators of one replica.
    """

    rate: Draws
    restart: Draws
    pause: Draws
    state: Draws
    write: Draws
    stall: Draws
    replica: Draws
    replica_from: float = math.inf

    def between(self, accelerators: float) -> Draws:
        """Return the mean time between interruptions in seconds."""
        return _DAY_S / (self.rate * accelerators)

    def interval(self, accelerators: float) -> Draws:
        """Return the time between checkpoints in seconds: Daly's, or as long as writing one takes."""
        best = daly_interval(self.pause, self.between(accelerators))
        return np.maximum(best, self.state / (self.write * accelerators))

    def goodput(self, accelerators: float) -> Draws:
        """Return the share of time that becomes steps, 0 to 1."""
        mean = self.between(accelerators)
        whole = goodput(self.interval(accelerators), self.pause, self.restart, mean)
        if not self.by_replica(accelerators):
            return whole
        out = self.rate / _DAY_S * np.minimum(self.replica, accelerators) * self.restart
        return np.maximum(whole, replica_goodput(self.stall, mean, out))

    def by_replica(self, accelerators: float) -> bool:
        """Return whether a run on so many may restart its replicas one by one."""
        return accelerators >= self.replica_from

    def lost_to_checkpoints(self, accelerators: float) -> Draws:
        """Return the share of time between interruptions that checkpoints stop the run for."""
        interval = self.interval(accelerators)
        return self.pause / (interval + self.pause)

    @property
    def medians(self) -> Failures:
        """The medians, each an array of one."""
        names = ("rate", "restart", "pause", "state", "write", "stall", "replica")
        return replace(self, **{name: np.median(getattr(self, name), keepdims=True) for name in names})


def young_interval(pause_s: Draws, between_s: Draws) -> Draws:
    """Return √(2δM) in seconds (Young 1974).

    >>> float(young_interval(np.array(5.0), np.array(10_000.0)))
    316.22776601683796
    """
    return np.asarray(np.sqrt(2.0 * pause_s * between_s))


def daly_interval(pause_s: Draws, between_s: Draws) -> Draws:
    """Return the best time between checkpoints in seconds (Daly 2006, eq. 37).

    >>> round(float(daly_interval(np.array(5.0), np.array(10_000.0))), 2)
    312.9
    """
    half = pause_s / (2.0 * between_s)
    higher = young_interval(pause_s, between_s) * (1.0 + np.sqrt(half) / 3.0 + half / 9.0) - pause_s
    return np.where(half < 1.0, higher, between_s)


def goodput(interval_s: Draws, pause_s: Draws, restart_s: Draws, between_s: Draws) -> Draws:
    """Return the share of time that becomes steps (Daly 2006, eq. 20).

    >>> with_none = goodput(np.array(100.0), np.array(0.0), np.array(0.0), np.array(1e12))
    >>> round(float(with_none), 6)
    1.0
    """
    # beyond this many means between interruptions nothing is ever done; exp must not overflow
    spans = np.minimum((interval_s + pause_s) / between_s, 500.0)
    restarts = np.minimum(restart_s / between_s, 200.0)
    share = interval_s / (between_s * np.exp(restarts) * np.expm1(spans))
    return np.asarray(np.clip(share, 0.0, 1.0))


def replica_goodput(stall_s: Draws, between_s: Draws, out: Draws) -> Draws:
    """Return the share of work done where replicas restart alone; ``out`` is the share of them that is out.

    Three minutes of stall every twelve, as arXiv:2602.00277 has it on 100,000 GPUs:

    >>> float(replica_goodput(np.array(180.0), np.array(720.0), np.array(0.0)))
    0.8
    """
    return np.asarray(np.clip(1.0 - out, 0.0, 1.0) / (1.0 + stall_s / between_s))


def availability(measured: Draws, at_measured: Draws, at_run: Draws) -> Draws:
    """Return a run's availability: what was measured, its interruptions replaced by the run's own.

    Args:
        measured: availability of whole programmes, 0 to 1.
        at_measured: the model's goodput on as many accelerators as those had.
        at_run: the model's goodput on as many as the run has.

    >>> float(availability(np.array(0.9), np.array(0.96), np.array(0.96)))
    0.9
    """
    return at_run * np.minimum(measured / at_measured, 1.0)


def most_useful(accelerators: float, failures: Failures, slope: float) -> float:
    """Return how many of the accelerators one job should use, at most all of them.

    Steps a day rise with the number n as n^(1 + slope ÷ ln 2) × G(n), since each doubling changes the rate of
    each by the factor e^slope; with enough of them interruptions outweigh one more. Golden-section search on
    ln n for the maximum, with medians; from ``replica_from`` on by itself.
    """
    middle = failures.medians

    def worth(log_n: float) -> float:
        good = float(middle.goodput(math.exp(log_n))[0])
        return -math.inf if good <= 0 else log_n * (1 + slope / math.log(2)) + math.log(good)

    top = math.log(accelerators)
    if accelerators <= 1 or worth(top) >= worth(top - 1e-3):
        return accelerators
    # restarts of replicas make a step up: each side has a maximum of its own
    edge = min(max(math.log(failures.replica_from), 0.0), top)
    found = [_highest(worth, low, high) for low, high in ((0.0, edge), (edge, top)) if low < high]
    return min(math.exp(max((*found, top), key=worth)), accelerators)


def _highest(worth: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one maximum between two ends is highest: golden-section search."""
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if worth(left) >= worth(right) else (left, high)
    return (low + high) / 2
