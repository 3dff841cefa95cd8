"""A member of the group: opens its device, meets the others, and measures in step with them.

It is started by `bench.group.crew`, reads its `bench.group.spec.Spec` from stdin and reports on stdout.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from bench.choosing.faults import describe
from bench.group.spec import Kind, Spec, line_of

if TYPE_CHECKING:
    from bench.group.rendezvous.joining import Joined

PARENT_WATCH_SECONDS = 1.0
LEAVE_SECONDS = 20.0
# How long the member that keeps the meeting point stays after a fault, for the others to see whose it was.
LINGER_SECONDS = 10.0
EXIT_FAULT = 1


class Reporter:
    """Reports to the process that started this one, a line each; what libraries print goes to stderr."""

    def __init__(self) -> None:
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def say(self, kind: Kind, data: Mapping[str, Any] | None = None) -> None:
        """One line, whichever thread says it."""
        with self._lock:
            self._stream.write(line_of(kind, data or {}) + "\n")
            self._stream.flush()


def main() -> None:
    """Be a member. Ends the process itself: libraries may wait for other ranks as they are torn down."""
    reporter = Reporter()
    faulthandler.enable()
    # An interrupt from the keyboard reaches both; what to keep is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_beat_while_parent_lives, args=(os.getppid(), reporter), daemon=True).start()
    spec = Spec.from_json(sys.stdin.readline())
    try:
        _take_part(spec, reporter)
    except Exception as error:
        reporter.say("fault", {"reason": describe(error)})
        os._exit(EXIT_FAULT)
    os._exit(0)


def _take_part(spec: Spec, reporter: Reporter) -> None:
    """Open the device, meet the others, measure, and part from them."""
    from bench.environment import describe_environment  # noqa: PLC0415 - torch takes seconds to import
    from bench.group.measuring.programme import Programme  # noqa: PLC0415
    from bench.group.rendezvous.joining import join, leave  # noqa: PLC0415
    from bench.group.rendezvous.watch import Blamed  # noqa: PLC0415

    device = importlib.import_module(spec.opener).station(spec.device).device
    described = device.description.model_dump(mode="json")
    reporter.say("device", {"device": described, "environment": describe_environment()})

    def give_up(reason: str) -> NoReturn:
        reporter.say("fault", {"reason": reason})
        if spec.serves:
            time.sleep(LINGER_SECONDS)
        os._exit(EXIT_FAULT)

    try:
        with device.activated():
            joined = join(spec, device, give_up)
            reporter.say("roll", _roll(joined))
            Programme(spec, joined, device, reporter.say).run()
        leave(joined, LEAVE_SECONDS)
    except Blamed as error:
        give_up(str(error))
    reporter.say("end")


def _roll(joined: Joined) -> dict[str, Any]:
    """Who has come, as `bench.group.session` wants to know it."""
    own = joined.own_node
    return {
        "rank": joined.rank,
        "first_of_node": joined.rank == own[0],
        "ranks_here": list(own),
        "ranks": len(joined.facts),
        "nodes": len(joined.nodes),
        "interface": joined.interface,
    }


def _beat_while_parent_lives(parent: int, reporter: Reporter) -> None:
    """Report a beat every second; end the process with its parent, even in the middle of a call."""
    while os.getppid() == parent:
        reporter.say("beat")
        time.sleep(PARENT_WATCH_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
