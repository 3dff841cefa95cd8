"""What an exception that a kernel raised tells."""

from __future__ import annotations

import traceback


def describe(error: BaseException) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def let_go(error: BaseException) -> None:
    """Free what the frames of a traceback hold, operands above all, so that the exception can be kept."""
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__context__


# Words by which an allocation that failed is known. Libraries beneath torch give a status: cuBLAS, cuSOLVER,
# hipBLAS and older cuDNN ``…_STATUS_ALLOC_FAILED``, cuDNN 9 one for the host and one for the device, and
# rocBLAS ``rocblas_status_memory_error``.
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "_status_alloc_failed",
    "_host_allocation_failed",
    "_device_allocation_failed",
    "rocblas_status_memory_error",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the host or on a device."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY)
