"""In what pieces and by which ways a file is read."""

from __future__ import annotations

# The file is read and written in blocks of this; larger ones gain nothing, smaller ones cost calls.
BLOCK_BYTES = 4 << 20
# Past the system's cache of pages, after dropping those of the file from it, and from it.
DIRECT, DROPPED, CACHED = "pread direct", "pread dropped", "pread cached"
