"""What ``prepare`` of a workload refuses before it puts anything in place. Imports no torch."""

from __future__ import annotations

from kernels.workload import Place, Workload


def require_precision(workload: Workload, precision: str) -> None:
    """Refuse a precision that the workload does not list.

    Raises:
        ValueError: It is not among ``workload.precisions``; the message names those.
    """
    if precision not in workload.precisions:
        known = ", ".join(workload.precisions)
        raise ValueError(f"{workload.name} does not run in {precision!r}; known: {known}")


def require_place(workload: Workload, precision: str, place: Place) -> None:
    """Refuse a place where the workload cannot run.

    Raises:
        ValueError: The message gives the reason that ``workload.lacks`` gives.
    """
    if (lacking := workload.lacks(precision, place)) is not None:
        raise ValueError(f"{workload.name} cannot run in {precision}: {lacking}")


def require_backend(workload: Workload, precision: str, place: Place, backend: str | None) -> None:
    """Refuse a backend that the workload does not have there.

    Raises:
        ValueError: It is not among ``workload.backends``; the message names those.
    """
    known = workload.backends(precision, place)
    if backend is not None and backend not in known:
        raise ValueError(f"no backend {backend!r} for {workload.name} here; known: {', '.join(known)}")
