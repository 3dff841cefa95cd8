"""What records say by themselves of a fleet's devices: wrong results, errors, heat, narrow links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set

from bench.fleets.faults import Fault
from bench.fleets.gathering import Gathered
from bench.fleets.judging.baseline import lost_alone
from bench.fleets.judging.peers import Cohort
from bench.fleets.judging.verdicts import Outlier


def faults_of(gathered: Gathered, withdrawn: Set[int]) -> list[list[Fault]]:
    """Faults that the records of each device state, by the device's number, each once."""
    return [
        sorted(
            {fault for place, found in one.faults.items() if place not in withdrawn for fault in found},
            key=lambda fault: (fault.kind, fault.words),
        )
        for one in gathered.devices
    ]


def is_left_out(faults: Sequence[Fault]) -> bool:
    """Whether a device is known to be sick before it is compared, so that nothing is learnt from it."""
    return any(fault.kind in ("wrong", "throttling") for fault in faults)


def by_themselves(gathered: Gathered, cohort: Cohort, faults: Sequence[Sequence[Fault]]) -> Iterator[Outlier]:
    """Yield what records say by themselves of a group's devices.

    A workload that fails on half of the devices or more is left out, as no device is to blame. So is a rate
    far below the data sheet where there are peers to compare with. Where there are too few for that, a loss
    since the baseline is taken by itself.
    """
    failing = Counter(f.workload for one in cohort.devices for f in faults[one] if f.kind == "failing")
    for one in cohort.devices:
        seen = gathered.devices[one]
        for fault in faults[one]:
            everywhere = fault.kind == "failing" and 2 * failing[fault.workload] >= len(cohort.devices)
            if everywhere or (fault.kind == "slow" and cohort.learnt):
                continue
            yield Outlier(
                gathered.nodes[seen.node],
                seen.description.id,
                fault.kind,
                fault.workload or fault.kind,
                0.0,
                words=fault.words,
            )
    if cohort.learnt:
        yield from _links(gathered, cohort)
    elif cohort.ratios is not None:
        for place, load, lost in lost_alone(cohort.table, cohort.ratios):
            seen = gathered.devices[cohort.devices[place]]
            yield Outlier(
                gathered.nodes[seen.node],
                seen.description.id,
                "regressed",
                f"{load} since the baseline",
                lost,
                words=f"{load}: {100 * lost:.1f} % below the baseline",
            )


def _links(gathered: Gathered, cohort: Cohort) -> Iterator[Outlier]:
    """Links that are below those of most peers: PCIe generation, PCIe width, number of active NVLinks."""
    names = {
        "pcie_generation_max": "PCIe generation at most",
        "pcie_width": "PCIe width",
        "nvlink_active": "active NVLinks",
    }
    for name, words in names.items():
        told = [gathered.devices[one].description.details.get(name) for one in cohort.devices]
        values = [value for value in told if isinstance(value, int) and not isinstance(value, bool)]
        if not values:
            continue
        usual, count = Counter(values).most_common(1)[0]
        if 2 * count <= len(values):
            continue
        for one, value in zip(cohort.devices, told, strict=True):
            if isinstance(value, int) and value < usual:
                seen = gathered.devices[one]
                yield Outlier(
                    gathered.nodes[seen.node],
                    seen.description.id,
                    "link",
                    name,
                    1 - value / usual,
                    words=f"{words} {value}; most peers have {usual}",
                )
