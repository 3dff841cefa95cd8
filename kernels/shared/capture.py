"""Calls that must not be recorded into a graph and replayed: what the host does for each belongs to them."""

from __future__ import annotations


class NotRecordableError(RuntimeError):
    """A call refuses to be recorded; whoever tried must make it as it is."""


def recording(device: str) -> bool:
    """Whether the current stream of a CUDA or ROCm device is recording calls rather than making them."""
    import torch  # noqa: PLC0415 - it takes seconds to import

    return torch.device(device).type == "cuda" and torch.cuda.is_current_stream_capturing()


def refuse_recording(device: str, why: str) -> None:
    """End an attempt to record a call.

    Raises:
        NotRecordableError: One is under way.
    """
    if recording(device):
        raise NotRecordableError(why)
