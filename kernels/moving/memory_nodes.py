"""Which memory node (NUMA) an array's pages lie on, as Linux tells."""

from __future__ import annotations

import ctypes
import mmap
import platform
import sys
from collections import Counter
from collections.abc import Mapping

# The system call move_pages only tells where pages lie if it is given no nodes to move them to.
MOVE_PAGES = {"x86_64": 279, "aarch64": 239, "ppc64le": 301, "riscv64": 239}
SAMPLED_PAGES = 256


def nodes_of(address: int, size_bytes: int) -> Mapping[int, int] | None:
    """Pages by node, of 256 spread over the array; None where the system does not tell.

    Args:
        address: Of the first byte.
        size_bytes: All of it touched.
    """
    number = MOVE_PAGES.get(platform.machine()) if sys.platform == "linux" else None
    if number is None:
        return None
    count = min(SAMPLED_PAGES, -(-size_bytes // mmap.PAGESIZE))
    pages = (ctypes.c_void_p * count)(
        *(address + place * (size_bytes // count) & ~(mmap.PAGESIZE - 1) for place in range(count))
    )
    nodes = (ctypes.c_int * count)()
    whose = ctypes.c_int(0)  # this process
    library = ctypes.CDLL(None)
    failed = library.syscall(
        ctypes.c_long(number), whose, ctypes.c_ulong(count), pages, None, nodes, ctypes.c_int(0)
    )
    # A page that is nowhere gives a negated error.
    found = Counter(node for node in nodes if node >= 0)
    return None if failed or not found else found


def common_share(one: Mapping[int, int], other: Mapping[int, int]) -> float:
    """Share of the pages of two arrays that lie on the same nodes: 0 where they lie apart, 1 where alike."""
    totals = sum(one.values()), sum(other.values())
    return sum(min(one[node] / totals[0], other.get(node, 0) / totals[1]) for node in one)
