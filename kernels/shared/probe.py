"""Whether a workload runs at all where it should: one call in a small shape.

Imports torch: load it only to run something.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Protocol

import torch

from kernels.workload import Place, Shape, Workload


class Frozen(Workload, Hashable, Protocol):
    """A workload that a cache can tell from others, as a frozen dataclass is."""


def failure(workload: Frozen, precision: str, shape: Shape, place: Place) -> str | None:
    """The first line of what one call in that shape raises; None where it works.

    Args:
        workload: Which.
        precision: In which precision.
        shape: Small, so that asking costs milliseconds.
        place: Where; what changes from call to call is left out, so that it is asked once.

    Raises:
        torch.OutOfMemoryError, MemoryError: No memory is not a lack of software.
    """
    return _failure(workload, precision, tuple(shape.items()), place.for_probe())


@lru_cache
def _failure(
    workload: Frozen, precision: str, sizes: tuple[tuple[str, int], ...], place: Place
) -> str | None:
    try:
        prepared = workload.prepare(precision, dict(sizes), place, seed=1)
        with prepared.setting():
            prepared.run()
        prepared.check()  # waits for the device, which may fail late; its verdict is for the measurement
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # torch and the libraries below it raise whatever they like
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return f"torch {torch.__version__} cannot on {place.device}: {reason}"
    return None
