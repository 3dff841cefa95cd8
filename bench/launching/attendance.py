"""What the ranks of a launch tell one another: a small file each, in a folder beside the records.

Files need no port, no address and no service, and the folder of the records is shared between nodes already,
or else is each node's own: then the ranks of one node still find each other. Each file is written whole, and
again every few seconds with a higher count, so that a reader tells who is at work from who is gone without
comparing the clocks of two nodes.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from bench.environment import node_name
from bench.errors import InputError
from bench.files import write_text_atomic
from bench.launching.rank import Rank
from bench.record import safe_name

State = Literal["measures", "waits", "done", "failed"]
BEAT_SECONDS = 10.0
# What a site or a launcher sets so that a process sees some of its node's devices only.
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


@dataclass(frozen=True)
class Report:
    """One rank's word.

    Attributes:
        rank: Its number.
        node: Host that it runs on.
        state: ``measures`` its node, ``waits`` for the rank that does, or has ended: ``done``, ``failed``.
        sees: Which devices were left to it, ``CUDA_VISIBLE_DEVICES=0``; empty for all.
        reason: Why it failed.
        leads: Whether it is the one that measures its node.
        beat: Counts up while the process is there.
    """

    rank: int
    node: str
    state: State
    sees: str = ""
    reason: str | None = None
    leads: bool = False
    beat: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "failed")


def launch_folder(out_dir: Path, rank: Rank) -> Path:
    """Where the ranks of this launch leave word, apart from those of any other in the same folder."""
    name = rank.launch_id or rank.launcher
    # Two names that look alike once made safe for a file system stay two.
    digest = hashlib.sha256(f"{rank.launcher} {name} {rank.world_size}".encode()).hexdigest()[:8]
    return out_dir / f".launch-{safe_name(name)[:40]}-{digest}"


def node_folder(launch: Path, rank: Rank) -> Path:
    """Where the ranks of this node leave word, so that they read a few files and not those of all nodes."""
    name = safe_name(node_name()) if rank.node_index is None else str(rank.node_index)
    return launch / f"node-{name}"


def seen_devices(variables: Mapping[str, str] = os.environ) -> str:
    """The variables that hide devices from this process."""
    return " ".join(f"{name}={variables[name]}" for name in VISIBLE if name in variables)


def read_reports(folder: Path) -> dict[int, tuple[Report, float]]:
    """All reports of a node by rank, each with the time it was written, on the file system's clock."""
    return {report.rank: (report, when) for report, when in _reports(folder)}


def _reports(folder: Path) -> Iterator[tuple[Report, float]]:
    for path in sorted(folder.glob("rank-*.json")):
        # A file that is being replaced, or has just been removed, is read the next time.
        with suppress(OSError, ValueError, TypeError, KeyError):
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            yield Report(**data), path.stat().st_mtime


class Attendance:
    """This rank's own file, kept fresh by a thread while the block lasts.

    Args:
        folder: The node's.
        report: What to say at first.
        beat_seconds: How often the count goes up. Unit: s.

    Raises:
        InputError: The folder cannot be written to.
    """

    def __init__(self, folder: Path, report: Report, beat_seconds: float = BEAT_SECONDS) -> None:
        self.path = folder / f"rank-{report.rank:05d}.json"
        self.report, self._beat_seconds = report, beat_seconds
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self.written_at = self.path.stat().st_mtime
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def say(self, state: State, reason: str | None = None) -> None:
        """Tell the others; a disk that takes no more is not what ends a run."""
        self._update(state=state, reason=reason)

    def _keep_beating(self) -> None:
        while not self._over.wait(self._beat_seconds):
            self._update()

    def _update(self, **changes: Any) -> None:
        """Write the report with changes and a higher count.

        All of it under the lock: the beating thread would else write once more what the rank said before.
        """
        with self._lock, suppress(InputError):
            self.report = replace(self.report, beat=self.report.beat + 1, **changes)
            self._write()

    def _write(self) -> None:
        write_text_atomic(self.path, json.dumps(asdict(self.report), ensure_ascii=False) + "\n")
