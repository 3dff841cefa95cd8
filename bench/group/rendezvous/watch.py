"""Who keeps the others waiting: each rank says at which step it is, and that it is alive.

A collective that one rank does not come to ends for all others, with an error that says that some
connection was closed or that time is up, and not whose fault it was. So each rank counts its steps, and a
beat, where all can see them; who asks looks twice. No wait is longer than the patience: a thread ends the
process where the library would wait on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

BEAT_SECONDS = 1.0
# Between two looks several beats are due: a rank that is slow is not taken for gone.
LOOK_SECONDS = 4.0
MOST_NAMED = 5


class Blamed(Exception):
    """A rank has failed the group; the text says which and how."""


@dataclass(frozen=True)
class Seen:
    """A rank as the others see it."""

    beat: int
    step: int
    at: str
    fault: str = ""


class Watch:
    """This rank's steps and beats, and a look at those of all.

    Args:
        store: Meeting point, with a connection of its own: a look must not wait for what hangs.
        rank: This one.
        names: Of all ranks, ``rank 3 on node1``.
        patience_seconds: How long a step may take. Unit: s.
        give_up: Called with the reason once a step has taken longer; does not return.
    """

    def __init__(
        self,
        store: Any,
        rank: int,
        names: Sequence[str],
        patience_seconds: float,
        give_up: Callable[[str], None],
    ) -> None:
        self._store, self._rank, self._names = store, rank, names
        self._patience, self._give_up = patience_seconds, give_up
        self._beat, self._count, self._at = 0, 0, "meeting"
        self._since = time.monotonic()
        self._over = threading.Event()
        self._say_beat()
        self._say_step()

    def start(self) -> None:
        """Begin to beat; all ranks must have made their watch by then."""
        # Two threads: who looks for whom to blame must not fall silent over it.
        threading.Thread(target=self._keep_beating, daemon=True).start()
        threading.Thread(target=self._keep_watch, daemon=True).start()

    def step(self, at: str) -> None:
        """The next thing that all ranks do together."""
        self._count += 1
        self._at, self._since = at, time.monotonic()
        self._say_step()

    def stop(self) -> None:
        """There is nothing more to wait for."""
        self._over.set()

    def blame(self, own: str) -> str:
        """Who it is that the others wait for, in words; what went wrong here where nobody is to blame."""
        try:
            before = self._look()
            time.sleep(LOOK_SECONDS)
            return judge(before, self._look(), self._names, own)
        except Exception as error:  # of many kinds, as torch has it
            where = str(error).split("\n")[0][:120]
            return f"{self._names[0]}, where all meet, does not answer any more ({where}); here: {own}"

    def confess(self, reason: str) -> None:
        """Say that it is this rank."""
        self._store.set(f"fault/{self._rank}", reason)

    def _look(self) -> list[Seen]:
        return [self._seen(rank) for rank in range(len(self._names))]

    def _seen(self, rank: int) -> Seen:
        step, _, at = self._store.get(f"at/{rank}").decode().partition(" ")
        told = f"fault/{rank}"
        fault = self._store.get(told).decode() if self._store.check([told]) else ""
        return Seen(int(self._store.get(f"beat/{rank}")), int(step), at, fault)

    def _keep_beating(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            self._beat += 1
            # Where the meeting point is gone, what waits for it will say so.
            with suppress(Exception):
                self._say_beat()

    def _keep_watch(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            if time.monotonic() - self._since > self._patience:
                self._give_up(self.blame(f"{self._at} took longer than {self._patience:.0f} s"))

    def _say_beat(self) -> None:
        self._store.set(f"beat/{self._rank}", str(self._beat))

    def _say_step(self) -> None:
        self._store.set(f"at/{self._rank}", f"{self._count} {self._at}")


def judge(before: Sequence[Seen], after: Sequence[Seen], names: Sequence[str], own: str) -> str:
    """Who is to blame by two looks some beats apart: who says so, else who is silent, else who is behind.

    Example:
        >>> there, gone = Seen(9, 4, "all_reduce 8 B"), Seen(5, 4, "all_reduce 8 B")
        >>> judge([Seen(5, 4, "all_reduce 8 B"), gone], [there, gone], ["rank 0 on a", "rank 1 on b"], "?")
        'rank 1 on b fell silent at all_reduce 8 B: killed, stopped or cut off (here: ?)'
    """
    furthest = max(after, key=lambda one: one.step)
    pairs = list(zip(before, after, names, strict=True))
    faulty = [f"{name} failed at {now.at}: {now.fault}" for _, now, name in pairs if now.fault]
    silent = [
        f"{name} fell silent at {now.at}: killed, stopped or cut off"
        for then, now, name in pairs
        if now.beat == then.beat
    ]
    behind = [
        f"{name} has not come to {furthest.at}, and is still at {now.at}"
        for _, now, name in pairs
        if now.step < furthest.step
    ]
    found = faulty or silent or behind
    if not found:
        return own
    more = f" and {len(found) - MOST_NAMED} more ranks" if len(found) > MOST_NAMED else ""
    return f"{'; '.join(found[:MOST_NAMED])}{more} (here: {own})"
