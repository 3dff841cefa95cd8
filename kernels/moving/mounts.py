"""What file system a folder lies on."""

from __future__ import annotations

import os
from collections.abc import Iterator

MEMORY_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"})
# How the kernel writes what would break its columns.
ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}
MOUNTS = "/proc/self/mountinfo"


def file_system(folder: str, mounts: str = MOUNTS) -> str | None:
    """Its type as Linux names it (``ext4``, ``nfs4``, ``tmpfs``); None where nothing tells.

    Args:
        folder: Any path.
        mounts: The table of mounts, in the form of ``/proc/self/mountinfo``.
    """
    path, deepest, found = os.path.realpath(folder), "", None
    for point, kind in _mounts(mounts):
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # A later mount on the same point hides the earlier one.
        if inside and len(point) >= len(deepest):
            deepest, found = point, kind
    return found


def _mounts(table: str) -> Iterator[tuple[str, str]]:
    """Mount point and type of each line; proc(5) describes the columns."""
    try:
        with open(table, encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123 - no paths here
            for line in lines:
                before, _, after = line.partition(" - ")
                if after:
                    yield _plain(before.split(" ")[4]), after.split(" ")[0]
    except OSError:
        return


def _plain(text: str) -> str:
    for escape, character in ESCAPES.items():
        text = text.replace(escape, character)
    return text
