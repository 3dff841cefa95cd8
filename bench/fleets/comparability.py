"""Which devices may be judged by one another: the same hardware, limits and software.

Hardware is compared as `bench.assessing.difference` compares two records. What else decides how fast a device
can be must agree too: the variant (slice, partition), the releases of torch and of CUDA or ROCm, the branch
of the driver, and the variables that tune libraries.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bench.assessing.difference import installed_memory
from bench.errors import InputError
from bench.fleets.decoding import Device

# These say where things are or which of them to see, not how fast they are.
_NO_TUNING = re.compile(r"VISIBLE|PATH|HOME|DIR|ROOT|FILE|DEBUG|LOG|IFNAME|HCA|HOST|VERSION|NVIDIA_|UUID")
_MOST_SHOWN = 6


class IncomparableError(InputError):
    """Records of devices that no one baseline holds for; the message names the groups."""


class Likeness(NamedTuple):
    """What must agree for two devices to be compared; None where a record does not tell."""

    kind: str
    model: str
    memory: str | None
    units: int | None
    cores: float | None
    power_limit_w: float | None
    variant: str | None
    torch: str | None
    runtime: str | None
    driver: str | None
    tuning: tuple[str, ...]

    @property
    def hardware(self) -> Likeness:
        """The same without the software, which may be what two times are compared for."""
        return self._replace(torch=None, runtime=None, driver=None, tuning=())


_WORDS = {
    "model": "model",
    "memory": "memory (B)",
    "units": "units",
    "cores": "usable cores",
    "power_limit_w": "power limit (W)",
    "variant": "variant",
    "torch": "torch",
    "runtime": "CUDA or ROCm",
    "driver": "driver",
    "tuning": "tuning variables",
}


class Software(NamedTuple):
    """What must agree of a node's software."""

    torch: str | None
    runtime: str | None
    tuning: tuple[str, ...]


def software(environment: dict[str, Any]) -> Software:
    """What a node's software is compared by."""
    runtime = environment.get("cuda") or environment.get("rocm")
    return Software(_release(environment.get("torch"), 2), _release(runtime, 1), tuning(environment))


def likeness(device: Device, software: Software) -> Likeness:
    """What a device is compared by."""
    return Likeness(
        device.kind,
        device.name,
        installed_memory(device.memory_bytes),
        device.units,
        device.cores_usable,
        device.power_limit_w,
        device.variant,
        software.torch,
        software.runtime,
        _release(device.driver, 1),
        software.tuning,
    )


def tuning(environment: dict[str, Any]) -> tuple[str, ...]:
    """Variables that tune libraries, ``OMP_NUM_THREADS=8``, sorted."""
    names = [name for name in environment if name.startswith("env_") and not _NO_TUNING.search(name)]
    return tuple(f"{name[4:]}={environment[name]}" for name in sorted(names))


@functools.lru_cache(maxsize=1024)
def _release(version: Any, parts: int) -> str | None:
    """The first parts of a version: ``2.13`` of ``2.13.0+cpu``."""
    return None if version is None else ".".join(re.split(r"[.+]", str(version))[:parts])


def groups_of(known: Sequence[Likeness]) -> list[list[int]]:
    """Places of what may be compared with one another, largest group first."""
    groups: defaultdict[Likeness, list[int]] = defaultdict(list)
    for place, one in enumerate(known):
        groups[one].append(place)
    return [groups[one] for one in sorted(groups, key=lambda one: (-len(groups[one]), repr(one)))]


def require_comparable(known: Iterable[Likeness]) -> None:
    """Refuse devices of one kind (GPUs, CPUs) that differ.

    Raises:
        IncomparableError: names each group by what it differs in from the others.
    """
    counted = Counter(known)
    lines = []
    for kind in sorted({one.kind for one in counted}):
        found = sorted(
            (one for one in counted if one.kind == kind), key=lambda one: (-counted[one], repr(one))
        )
        if len(found) > 1:
            names = differing(found)
            shown = "; ".join(f"{counted[one]}: {described(one, names)}" for one in found[:_MOST_SHOWN])
            more = f"; and {len(found) - _MOST_SHOWN} groups more" if len(found) > _MOST_SHOWN else ""
            lines.append(f"{kind} devices differ in {', '.join(_WORDS[n] for n in names)} ({shown}{more})")
    if lines:
        raise IncomparableError(
            "records that cannot be compared: " + "; ".join(lines) + ". Give folders of one kind, or --force "
            "to judge each group apart"
        )


def differing(found: Iterable[Likeness]) -> list[str]:
    """Names of the fields in which any two differ."""
    listed = list(found)
    return [name for name in Likeness._fields[1:] if len({getattr(one, name) for one in listed}) > 1]


def described(one: Likeness, names: Iterable[str]) -> str:
    """The fields by those names, ``torch 2.6, driver 550``."""
    return ", ".join(f"{_WORDS[name]} {_plain(getattr(one, name))}" for name in names) or one.model


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    return "not told" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
