"""Where a run took place: the node, its settings and libraries, and what else it was doing."""

from __future__ import annotations

from bench.devices.system import cgroup, processor
from bench.environment.libraries import library_facts
from bench.environment.load import Load
from bench.environment.node import Environment, node_facts, node_name
from bench.environment.variables import variable_facts

__all__ = ["Environment", "Load", "describe_environment", "node_name"]


def describe_environment() -> Environment:
    """Facts that a reader needs to judge or repeat a run, as the measuring process sees them.

    None where the system does not tell. Loads torch.

    Raises:
        MissingExtraError: Torch is not installed.
    """
    return {
        **node_facts(),
        "virtual_machine": processor.is_virtual(),
        "governor": processor.governor(),
        "cgroup_cpu_quota_cores": cgroup.cpu_quota_cores(),
        "cgroup_memory_headroom_bytes": cgroup.memory_headroom_bytes(),
        **library_facts(),
        **variable_facts(),
    }
