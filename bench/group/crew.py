"""The members that one process has started: what they say, as they say it, and their end in bounded time."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

from bench.group.spec import Spec
from bench.worker.process import KILL_SECONDS, START_SECONDS, ending

# Time beyond the patience until those that are left are killed once one member has failed: by then they
# should have found out by themselves.
GRACE_SECONDS = 15.0
POLL_SECONDS = 0.5


class Crew:
    """Members at work.

    Args:
        specs: A member each.
    """

    def __init__(self, specs: Sequence[Spec]) -> None:
        self._heard: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
        self._said: list[IO[bytes]] = []
        self._members: list[subprocess.Popen[str]] = []
        self._ended: set[int] = set()
        # When each was last heard; a process that has yet to load torch may be silent for longer.
        self._last = {number: time.monotonic() + START_SECONDS for number in range(len(specs))}
        first = specs[0]
        # Opening, meeting, measuring, leaving: each has its own limit, and this holds if one does not.
        self._patience = first.patience_seconds + GRACE_SECONDS
        self._end = time.monotonic() + START_SECONDS + 2 * self._patience + 2 * first.budget_seconds
        for number, spec in enumerate(specs):
            self._start(number, spec)

    @property
    def pids(self) -> list[int]:
        """Processes at work."""
        return [one.pid for one in self._members if one.poll() is None]

    def heard(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """What members say, until all have ended; a member that ends early says ``fault``."""
        while len(self._ended) < len(self._members):
            try:
                number, said = self._heard.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if time.monotonic() > self._end or self._all_silent():
                    yield from self._give_up()
                    return
                continue
            self._last[number] = time.monotonic()
            if said is None:
                yield from self._after_end(number)
                continue
            if said["kind"] == "beat":
                continue
            if said["kind"] == "end":
                self._ended.add(number)
            if said["kind"] == "fault":
                self._hurry()
            yield number, said

    def kill(self) -> None:
        """End all that are left."""
        for member in self._members:
            if member.poll() is None:
                member.kill()
        for member, said in zip(self._members, self._said, strict=True):
            with suppress(subprocess.TimeoutExpired):
                member.wait(KILL_SECONDS)
            said.close()

    def _start(self, number: int, spec: Spec) -> None:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        # -P: a folder named kernels or bench in the user's current folder must not be taken for ours.
        member = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.group"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            encoding="utf-8",
        )
        self._members.append(member)
        self._said.append(said)
        with suppress(OSError):
            if member.stdin is not None:
                member.stdin.write(spec.to_json() + "\n")
                member.stdin.flush()
        threading.Thread(target=self._listen, args=(number, member.stdout), daemon=True).start()

    def _listen(self, number: int, stream: IO[str]) -> None:
        with suppress(ValueError, OSError):
            for line in stream:
                self._heard.put((number, json.loads(line)))
        self._heard.put((number, None))

    def _after_end(self, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Its pipe has closed: how did it end, where it did not say."""
        if number not in self._ended:
            self._ended.add(number)
            self._hurry()
            # Where it has told a fault before, `bench.group.session` keeps that one.
            yield number, {"kind": "fault", "reason": ending(self._members[number], self._said[number])}

    def _all_silent(self) -> bool:
        """Whether no member that is left has said anything, not even that it is there, for long."""
        left = set(range(len(self._members))) - self._ended
        return all(time.monotonic() - self._last[one] > self._patience for one in left)

    def _hurry(self) -> None:
        self._end = min(self._end, time.monotonic() + self._patience)

    def _give_up(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number in set(range(len(self._members))) - self._ended:
            yield number, {"kind": "fault", "reason": "fell silent, or did not end in time, and was killed"}
