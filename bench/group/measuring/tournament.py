"""The tournament of `kernels.links`, played by all ranks in step."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.figures import Exchange, Link, Reach
from bench.group.measuring.slow_links import in_words
from bench.plan import MIN_ROUNDS
from bench.record import Result
from bench.statistics import Summary, summarise
from kernels.links import Links, tournament
from kernels.workload import Verdict

# Until a message takes as long, larger ones are tried: latency is no bandwidth. Unit: s.
ENOUGH_SECONDS = 0.01
# Both ways, and once to warm up.
CALLS_A_MEETING = 4
STEP = 8
MOST_KEPT = 4096


class Agreeing(Protocol):
    """What `bench.group.measuring.timing.Ensemble` does, as far as it is needed here."""

    def agree(self, *values: float) -> tuple[float, ...]:
        """The highest of each over all ranks; a barrier."""

    def highest(self, values: Sequence[float], group: Any = None) -> tuple[float, ...]:
        """The highest of each over a group."""

    def clock(self) -> float:
        """Agreed time. Unit: s."""

    def time_calls(self, call: Callable[[], None], count: int) -> tuple[float, ...]:
        """Time of each call. Unit: s."""


class Carrier(Protocol):
    """What `kernels.exchange.pair.Pairing` does."""

    @property
    def backend(self) -> str:
        """Library."""

    def poison(self) -> None:
        """Spoil what receives."""

    def send(self, peer: int) -> None:
        """Send to a rank of the subgroup."""

    def receive(self, peer: int) -> None:
        """Receive from one."""

    def check(self, peer: int) -> Verdict:
        """Judge what came from one."""


@dataclass(frozen=True)
class Tournament:
    """A tournament among the ranks of a subgroup, as one of them plays it.

    Attributes:
        me: Number of this rank in the subgroup; None where it is none of it, and only keeps in step.
        ranks: Numbers among all of those in the subgroup.
        nodes: Name of each one's node.
        ensemble: How all ranks agree.
        group: The subgroup's process group in torch.
    """

    me: int | None
    ranks: tuple[int, ...]
    nodes: tuple[str, ...]
    ensemble: Agreeing
    group: Any = None

    def play(self, carrier: Carrier | None, *, rounds: int) -> tuple[list[float], int]:
        """One tournament: seconds from each to each, flat, 0 where there is no link; and who was wrong.

        Args:
            carrier: Sends and receives; None where this rank is none of the subgroup.
            rounds: Rounds to keep in step with: those of the largest subgroup.

        Returns:
            Times, the highest of what both ends took; and 1 + the number among all of a rank that received
            anything wrong, 0 where none did.
        """
        count = len(self.ranks)
        seconds, wrong = [0.0] * (count * count), 0
        for _number, pairs in zip(range(rounds), _padded(count), strict=False):
            self.ensemble.agree()
            peer = next((two if one == self.me else one for one, two in pairs if self.me in (one, two)), None)
            if peer is None or carrier is None or self.me is None:
                continue
            wrong = max(wrong, self._meet(carrier, self.me, peer, seconds))
        shared = self.ensemble.highest(seconds, self.group) if self.me is not None else seconds
        (worst,) = self.ensemble.agree(float(wrong))
        return list(shared), int(worst)

    def _meet(self, carrier: Carrier, me: int, peer: int, seconds: list[float]) -> int:
        """Once each way to warm up, then once each way; the lower rank sends first."""
        ways = [(me, peer), (peer, me)] if me < peer else [(peer, me), (me, peer)]
        carrier.poison()
        for warm in (True, False):
            for sender, receiver in ways:
                act = (lambda: carrier.send(peer)) if sender == me else (lambda: carrier.receive(peer))
                (taken,) = self.ensemble.time_calls(act, 1)
                if not warm:
                    seconds[sender * len(self.ranks) + receiver] = taken
        return 0 if carrier.check(peer).correct else self.ranks[me] + 1


def _padded(count: int) -> Any:
    """Rounds of the tournament, and then rounds without matches for ever."""
    yield from tournament(count)
    while True:
        yield ()


def rounds_of(players: int) -> int:
    """Rounds until all have met."""
    return players - 1 + players % 2 if players > 1 else 0


def links_of(matches: Tournament, taken: Sequence[Sequence[float]], size: int) -> tuple[Link, ...]:
    """Each link's median and best bandwidth over tournaments. Size in B, times in s."""
    count = len(matches.ranks)
    found = []
    for place in range(count * count):
        sender, receiver = divmod(place, count)
        rates = [size / seconds[place] for seconds in taken if seconds[place] > 0]
        if rates and sender != receiver:
            ranks = (matches.ranks[sender], matches.ranks[receiver])
            nodes = (matches.nodes[sender], matches.nodes[receiver])
            found.append(
                Link(
                    ranks=ranks,
                    nodes=nodes,
                    bytes_per_s=statistics.median(rates),
                    best_bytes_per_s=max(rates),
                )
            )
    return tuple(found)


LINKS = Links()
PRECISION = "fp32"


def head_of(device: str) -> dict[str, object]:
    """The fields that every result of this workload has, whatever came of it."""
    return {
        "workload": LINKS.name,
        "device": device,
        "precision": PRECISION,
        "metric": LINKS.metric,
        "unit": LINKS.unit,
    }


def result_of_links(
    matches: Tournament,
    taken: Sequence[Sequence[float]],
    shape: dict[str, int],
    *,
    device: str,
    backend: str,
    reach: Reach,
    wrong: str | None,
) -> Result:
    """The median link, with all of them beside it, and those that are slow by name.

    Args:
        matches: Who played.
        taken: Of each tournament the times from each rank to each, flat, 0 where there is no link. Unit: s.
        shape: With the size of a message, ``bytes``. Unit: B.
        device: Id of this rank's device.
        backend: Library that carried the messages.
        reach: Which ranks played.
        wrong: What arrived wrong; None where nothing did.
    """
    size = shape["bytes"]
    values = tuple(statistics.median(size / s for s in seconds if s > 0) for seconds in taken)
    about = head_of(device) | {
        "shape": shape,
        "backend": backend,
        "rounds": values,
        "sample_count": sum(s > 0 for seconds in taken for s in seconds),
        "sample_seconds": sum(sum(seconds) for seconds in taken),
        "correct": wrong is None,
    }
    if wrong is not None or len(values) < MIN_ROUNDS:
        few = f"too few rounds: {len(values)} of at least {MIN_ROUNDS} done"
        status = "failed" if wrong is None else "incorrect"
        return Result.model_validate(about | {"status": status, "reason": wrong or few})
    summary = summarise(values)
    exchange = _exchange(matches, links_of(matches, taken, size), summary, size, reach)
    done = {"value": summary.median, "ci95": (summary.low, summary.high), "status": "ok"}
    notes = tuple(f"slow: {line}" for line in exchange.slow)
    return Result.model_validate(about | done | {"exchange": exchange, "notes": notes})


def _exchange(
    matches: Tournament, links: Sequence[Link], summary: Summary, size: int, reach: Reach
) -> Exchange:
    """All figures of the links; of very many links the slowest alone."""
    kept = sorted(links, key=lambda link: link.bytes_per_s)[:MOST_KEPT]
    return Exchange(
        ranks=len(matches.ranks),
        nodes=len(set(matches.nodes)),
        reach=reach,
        seconds=size / summary.median,
        seconds_ci95=(size / summary.high, size / summary.low),
        algorithm_bytes_per_s=summary.median,
        bus_bytes_per_s=summary.median,
        links=tuple(sorted(kept, key=lambda link: link.ranks)),
        slow=in_words(links),
    )
