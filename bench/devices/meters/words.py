"""A GPU in words, whoever made it: who else uses it, and whether its power limit is lowered."""

from __future__ import annotations

import os
from collections.abc import Iterable

from bench.extras import require_psutil

MOST_NAMED = 4
# What an idle GPU may show: a display, a monitor that polls.
IDLE_PERCENT = 5
# The enforced limit is rounded and may differ from the default by less than this.
POWER_TOLERANCE_W = 1.0


def describe_users(listed: Iterable[int], own_pids: Iterable[int] = ()) -> str | None:
    """Other processes among those listed, in words; None where there is none.

    In a container the driver may list processes by numbers that mean nothing there. Where none of the numbers
    is that of a process we see, one of them is taken for this process.

    Args:
        listed: Processes that the driver lists for the device.
        own_pids: Processes that are ours besides this one and its relatives.
    """
    listed = set(listed)
    others = sorted(listed - _relatives() - set(own_pids))
    count = len(others)
    hidden = not listed & _visible(listed)
    if hidden and count:
        count -= 1
    if not count:
        return None
    noun = "process" if count == 1 else "processes"
    names = "" if hidden else f" (pid {', '.join(map(str, others[:MOST_NAMED]))})"
    return f"{count} other {noun} on the GPU{names}"


def describe_utilisation(percent: float | None) -> str | None:
    """Work on an otherwise idle GPU, in words; None for as little as an idle one shows, or where not told."""
    if percent is None or percent <= IDLE_PERCENT:
        return None
    return f"the GPU is {percent:.0f} % busy with work that is not ours"


def describe_lowered_limit(enforced_w: float | None, default_w: float | None) -> str | None:
    """``power limit 500 of 700 W``; None where the limit is the default, or either is not told. Unit: W."""
    if not enforced_w or not default_w or enforced_w >= default_w - POWER_TOLERANCE_W:
        return None
    return f"power limit {enforced_w:.0f} of {default_w:.0f} W"


def _relatives() -> set[int]:
    """This process, its parents and children, and what a parent of the same program started beside it."""
    psutil = require_psutil()
    me = psutil.Process()
    try:
        family = [*me.parents(), *me.children(recursive=True)]
        parent = me.parent()
        if parent is not None and parent.exe() == me.exe():
            family += parent.children(recursive=True)
    except psutil.Error:
        family = []
    return {os.getpid(), *(member.pid for member in family)}


def _visible(pids: set[int]) -> set[int]:
    """Those of the processes that exist in this process's own numbering."""
    psutil = require_psutil()
    return {pid for pid in pids if psutil.pid_exists(pid)}
