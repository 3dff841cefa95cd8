"""A member of the group: opens its device, meets the others, and measures in step with them."""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from bench.choosing.faults import describe
from bench.group.spec import Kind, Spec, line_of

PARENT_WATCH_SECONDS = 1.0
TELL_SECONDS = 2.0
LEAVE_SECONDS = 20.0
# How long the one that keeps the meeting point stays after a fault, for the others to look.
LINGER_SECONDS = 10.0
EXIT_FAULT = 1
# Signs of an error that says that another rank is gone, and not that this one has failed.
OF_OTHERS = ("gloo", "nccl", "xccl", "connection", "timed out", "dist")


class Mouth:
    """Says things to the process that started this one; what libraries print goes to stderr."""

    def __init__(self) -> None:
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def say(self, kind: Kind, data: Mapping[str, Any] | None = None) -> None:
        """One line."""
        with self._lock:
            self._stream.write(line_of(kind, data or {}) + "\n")
            self._stream.flush()


def main() -> None:
    """Be a member."""
    mouth = Mouth()
    faulthandler.enable()
    # An interrupt from the keyboard reaches both; what to keep is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(), mouth), daemon=True).start()
    spec = Spec.from_json(sys.stdin.readline())
    try:
        _take_part(spec, mouth)
    except Exception as error:
        mouth.say("fault", {"reason": describe(error)})
        os._exit(EXIT_FAULT)
    # Libraries may wait for others as they are torn down.
    os._exit(0)


def _take_part(spec: Spec, mouth: Mouth) -> None:
    from bench.group.joining import join, leave  # noqa: PLC0415 - torch takes seconds to import
    from bench.group.watch import Blamed  # noqa: PLC0415

    opener = importlib.import_module(spec.opener)
    station = opener.station(spec.device)
    device = station.device
    from bench.environment import describe_environment  # noqa: PLC0415

    description = device.description.model_dump(mode="json")
    mouth.say("device", {"device": description, "environment": describe_environment()})

    def give_up(reason: str) -> None:
        mouth.say("fault", {"reason": reason})
        _linger(spec)
        os._exit(EXIT_FAULT)

    joined = None
    try:
        with device.activated():
            joined = join(spec, device, give_up)
            _measure(spec, joined, device, mouth)
        leave(joined, LEAVE_SECONDS)
    except Blamed as error:
        mouth.say("fault", {"reason": str(error)})
        _linger(spec)
        os._exit(EXIT_FAULT)
    mouth.say("end")


def _measure(spec: Spec, joined: Any, device: Any, mouth: Mouth) -> None:
    import torch  # noqa: PLC0415

    from bench.group.campaign import Campaign, selected  # noqa: PLC0415
    from bench.group.reaches import circles  # noqa: PLC0415
    from bench.group.timing import Ensemble  # noqa: PLC0415
    from bench.group.tourney import Tourney  # noqa: PLC0415
    from bench.group.watch import Blamed  # noqa: PLC0415
    from bench.workloads import load_grouped  # noqa: PLC0415

    if spec.threads:
        torch.set_num_threads(spec.threads)
    mouth.say("roll", _roll(joined))
    last = time.monotonic()

    def tell(*, now: bool = False) -> None:
        nonlocal last
        if now or time.monotonic() - last > TELL_SECONDS:
            last = time.monotonic()
            results = [
                *campaign.results(),
                *tourney.found,
                *(one for scaling in scalings for one in scaling.found),
            ]
            mouth.say("results", {"results": [one.model_dump(mode="json") for one in results]})

    ensemble = Ensemble(device.torch_device, device.description.kind)
    place, description = _place(device, joined), device.description
    campaign = Campaign(joined, ensemble, description, place, spec.seed, tell)
    tourney = Tourney(joined, ensemble, description.id, place, spec.seed, tell)
    scalings: list[Any] = []
    wanted = [name for name in ("data_parallel", "tensor_parallel") if name in spec.workloads]
    if wanted:
        from bench.group.scaling import Scaling  # noqa: PLC0415 - loads the model

        precision = "fp32" if device.lacks("bf16") else "bf16"
        same = joined, ensemble, description.id, place, precision, spec.seed, tell
        scalings = [Scaling(load_grouped()[name], *same) for name in wanted]  # type: ignore[arg-type]
    together = selected(load_grouped(), spec.workloads)
    share = spec.budget_seconds / len(spec.workloads)
    try:
        found = circles(joined)
        ensemble.agree()
        if together:
            campaign.run(together, found, share * len(together))
        if "links" in spec.workloads:
            tourney.run(found, share)
        for scaling in scalings:
            scaling.run(share)
    except Exception as error:  # what it is, torch says in many ways
        if not any(sign in describe(error).lower() for sign in OF_OTHERS):
            with suppress(Exception):
                joined.watch.confess(describe(error))
        reason = joined.watch.blame(describe(error))
        campaign.end(reason)
        tell(now=True)
        raise Blamed(reason) from error
    joined.watch.step("the end")
    tell(now=True)


def _place(device: Any, joined: Any) -> Any:
    """Members of one node that share its memory take a part of it each."""
    from dataclasses import replace  # noqa: PLC0415

    place = device.place()
    here = sum(joined.facts[rank].device == place.device for rank in joined.own_node)
    return replace(place, memory_bytes=place.memory_bytes // max(1, here))


def _roll(joined: Any) -> dict[str, Any]:
    own = joined.own_node
    return {
        "rank": joined.rank,
        "first_of_node": joined.rank == own[0],
        "ranks_here": list(own),
        "ranks": len(joined.facts),
        "nodes": len(joined.nodes),
        "interface": joined.interface,
    }


def _linger(spec: Spec) -> None:
    if spec.serves:
        time.sleep(LINGER_SECONDS)


def _end_with_parent(parent: int, mouth: Mouth) -> None:
    """Say that one is there; and end, even in the middle of a call, where nobody is left to report to."""
    while os.getppid() == parent:
        mouth.say("beat")
        time.sleep(PARENT_WATCH_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
