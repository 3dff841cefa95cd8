"""Several results of one workload in one record, as the rungs of a ladder are: what tells them apart.

The first size of a shape does; the others follow from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol


class _Sized(Protocol):
    """A result of a record, however it was read."""

    @property
    def workload(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def shape(self) -> Mapping[str, int]: ...


def size_of(shape: Mapping[str, int]) -> str:
    """The first size of a shape in words; empty for an empty shape.

    >>> size_of({"bytes": 4096, "passes": 8})
    'bytes=4096'
    """
    return "{}={}".format(*next(iter(shape.items()))) if shape else ""


def sizes_of(results: Sequence[_Sized]) -> list[str]:
    """For each result of a record its size where its workload, device and precision stand there again.

    Failed results count too, so that a failure of the others renames none.
    """
    keys = [(one.workload, one.device, one.precision) for one in results]
    counted = Counter(keys)
    return [size_of(one.shape) if counted[key] > 1 else "" for one, key in zip(results, keys, strict=True)]
