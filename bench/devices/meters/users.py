"""Who uses a GPU: processes that the driver lists and that are not ours."""

from __future__ import annotations

import os
from collections.abc import Iterable

from bench.extras import require_psutil

MOST_NAMED = 4


def describe_users(listed: Iterable[int], own_pids: Iterable[int] = ()) -> str | None:
    """Other processes among those listed, in words; None where there is none.

    In a container the driver may list processes by numbers that mean nothing there. When none of those
    listed is this process or a relative, but one could be, one of them is taken for it.

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
