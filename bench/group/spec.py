"""What a member of the group is told by the process that started it, and what it says as it goes.

Both travel as JSON: one object down its stdin, then a line for each thing said up its stdout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["beat", "device", "roll", "results", "fault", "end"]


@dataclass(frozen=True)
class Spec:
    """Who a member is, where the others are met, and what is measured.

    Attributes:
        process: Rank of the process that started it, as its launcher says.
        processes: How many such processes there are.
        member: Number among the members that this process started.
        members: How many members it started.
        device: Id of the device.
        threads: CPU threads it may use; 0 for as many as it would.
        node: Name of the node, with its number where the launcher tells.
        workloads: Names.
        seed: Draws operands and the order of rounds.
        budget_seconds: Time for measuring, from when all have met. Unit: s.
        patience_seconds: How long another rank may keep this one waiting. Unit: s.
        host: Where the meeting point is; None where ``folder`` says.
        port: Its port; 0 where ``folder`` says.
        serves: Whether this member keeps the meeting point.
        folder: Where the one that keeps it writes its addresses.
        opener: Module that opens devices.
    """

    process: int
    processes: int
    member: int
    members: int
    device: str
    threads: int
    node: str
    workloads: tuple[str, ...]
    seed: int
    budget_seconds: float
    patience_seconds: float
    host: str | None = None
    port: int = 0
    serves: bool = False
    folder: str | None = None
    opener: str = "bench.worker.opening"

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """The inverse of `to_json`."""
        data: dict[str, Any] = json.loads(text)
        return cls(**data | {"workloads": tuple(data["workloads"])})


def line_of(kind: Kind, data: Mapping[str, Any]) -> str:
    """What a member says, on one line."""
    return json.dumps({"kind": kind, **data}, ensure_ascii=False, allow_nan=False)
