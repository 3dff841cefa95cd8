"""The workloads of the floor below, loaded with an eye on a package of the same name.

Hugging Face publishes a package named ``kernels`` too. Installed side by side from wheels, ours lives
inside theirs; from an editable checkout theirs hides ours, and that gets a clear line.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.errors import InputError, KernelsShadowedError

if TYPE_CHECKING:
    from kernels.workload import Workload


BRIEF_BELOW_SECONDS = 120.0
GLANCE_BELOW_SECONDS = 20.0
IN_FULL_FROM_SECONDS = 900.0
ALL = "all"
MODEL_PRECISIONS = ("bf16", "fp16", "fp32")
OF_MODELS = ("typical", "training", "inference", "attention", "convolution")
# What a run of seconds takes: the others fill arrays of many gigabytes again and again, which takes longer.
AT_A_GLANCE = frozenset({"gemm", "memory_copy", "ceiling_vector", "ceiling_matrix"})
# What a run of a minute takes where nothing is asked for: the headline figures with what they are judged by.
BRIEFLY = frozenset({"gemm", "memory_copy", "memory_triad", "ceiling", "training_step"})
# What a run of minutes takes; half an hour is enough for all.
BY_DEFAULT = BRIEFLY | {"memory", "gemm_typical", "attention", "decode_step"}


def is_short(names: Sequence[str], budget_seconds: float) -> bool:
    """Whether a run is so short that it takes headline figures only, as none was asked for by name.

    Args:
        names: Workloads that were asked for.
        budget_seconds: Time budget of the run. Unit: s.
    """
    return not names and budget_seconds < IN_FULL_FROM_SECONDS


def shortest_mode(workload: Workload) -> str:
    """The shortest mode that takes a workload where nothing is asked for: quick, default or full."""
    names = {workload.name, workload.family}
    if names & BRIEFLY:
        return "quick"
    return "default" if names & BY_DEFAULT else "full"


def load_workloads() -> Mapping[str, Workload]:
    """All workloads by name.

    Raises:
        KernelsShadowedError: Another package named ``kernels`` hides ours.
    """
    try:
        catalogue = importlib.import_module("kernels.catalogue")
    except ImportError as error:
        if other := _other_package():
            raise KernelsShadowedError(
                f"another package named kernels hides this checkout's workloads: {other}; install flopcensus "
                "as a wheel (pip install .), uninstall the other, or use a separate environment"
            ) from error
        raise
    workloads: Mapping[str, Workload] = catalogue.WORKLOADS
    return workloads


def load_grouped() -> Mapping[str, Workload]:
    """Workloads of several ranks together, by name.

    Raises:
        KernelsShadowedError: See `load_workloads`.
    """
    load_workloads()
    grouped: Mapping[str, Workload] = importlib.import_module("kernels.catalogue").GROUPED
    return grouped


def is_grouped(names: Sequence[str]) -> bool:
    """Whether workloads of several ranks are asked for by name or family.

    Raises:
        InputError: Some of those asked for are, and some are not: one run cannot do both.
    """
    grouped = load_grouped().values()
    theirs = {name for one in grouped for name in (one.name, one.family)}
    found = [name for name in names if name in theirs]
    if found and len(found) < len(names):
        others = ", ".join(name for name in names if name not in theirs)
        raise InputError(
            f"{', '.join(found)} is what several ranks do together, {others} what each device does: "
            "give them in two runs"
        )
    return bool(found)


def select_workloads(available: Mapping[str, Workload], names: Sequence[str]) -> tuple[Workload, ...]:
    """The workloads with these names or of these families; all of them where no name is given.

    Raises:
        InputError: No workload or family has that name; the message suggests the nearest.
    """
    if not names or ALL in names:
        return tuple(available.values())
    chosen = {found.name: found for name in names for found in _named(available, name)}
    return tuple(chosen.values())


def names_for(
    available: Mapping[str, Workload], names: Sequence[str], budget_seconds: float
) -> tuple[str, ...]:
    """The names asked for; where none is, those of the workloads that a run of this length has time for.

    Args:
        available: All workloads by name.
        names: Workloads that were asked for.
        budget_seconds: Time budget of the run. Unit: s.
    """
    if names or budget_seconds >= IN_FULL_FROM_SECONDS:
        return tuple(names)
    wanted = BY_DEFAULT if budget_seconds >= BRIEF_BELOW_SECONDS else BRIEFLY
    if budget_seconds < GLANCE_BELOW_SECONDS:
        wanted = AT_A_GLANCE
    chosen = tuple(one.name for one in available.values() if {one.name, one.family} & wanted)
    return chosen or tuple(available)


def select_precisions(workload: Workload, asked: Sequence[str]) -> tuple[str, ...]:
    """The precisions of a workload that were asked for; all of its own where none was.

    Bandwidth does not depend on what the bytes mean, nor does a launch, so these run whatever was asked.
    """
    if not asked or workload.metric in ("bandwidth", "call_rate"):
        return workload.precisions
    return tuple(precision for precision in workload.precisions if precision in asked)


def without_stand_ins(
    workload: Workload, precisions: Sequence[str], has: Callable[[str], bool]
) -> tuple[str, ...]:
    """What a short run takes of a workload's precisions: of bf16, fp16 and fp32 the first that runs there.

    Products and ceilings are rates of the precision itself, and all are taken. A model, or a part of one, is
    run in bf16, and in fp16 or fp32 where a device has no bf16; where none runs, all are kept with reasons.
    """
    stand_ins = [precision for precision in precisions if precision in MODEL_PRECISIONS]
    able = [precision for precision in stand_ins if has(precision)]
    if workload.family not in OF_MODELS or not able:
        return tuple(precisions)
    return tuple(one for one in precisions if one not in stand_ins or one == able[0])


def require_known_precisions(available: Mapping[str, Workload], asked: Sequence[str]) -> None:
    """Refuse a precision that no workload has.

    Raises:
        InputError: The message names those that exist.
    """
    known = {precision: None for workload in available.values() for precision in workload.precisions}
    for precision in asked:
        if precision not in known:
            raise InputError(f"no workload runs in precision {precision!r}; choose from {', '.join(known)}")


def _named(available: Mapping[str, Workload], name: str) -> list[Workload]:
    found = [workload for workload in available.values() if name in (workload.name, workload.family)]
    if found:
        return found
    names = [*available, *(workload.family for workload in available.values())]
    names += [one for one in load_grouped() if one not in names]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(f"no workload named {name!r}; choose from {', '.join(dict.fromkeys(names))}{hint}")


def _other_package() -> str | None:
    """Where a package named ``kernels`` that is not ours lies; ours has no ``__init__`` and so no file."""
    try:
        spec = importlib.util.find_spec("kernels")
    except (ImportError, ValueError):
        return None
    return spec.origin if spec is not None else None
