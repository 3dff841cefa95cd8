"""The line that starts torchrun on each node, one process there.

https://pytorch.org/docs/stable/elastic/run.html
"""

from __future__ import annotations

import re

from bench.errors import InputError
from flopcensus.launching.bench_run import BenchRun
from flopcensus.launching.quoting import plain_name, shell_line

DEFAULT_PORT = 29400
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


def torchrun_line(run: BenchRun, host: str | None, run_id: str, port: int = DEFAULT_PORT) -> str:
    """The line, the same for every node.

    Args:
        run: What to run.
        host: Name of the node that the others meet at; None where there is one node.
        run_id: Name of the launch.
        port: Where they meet.

    Raises:
        InputError: There are several nodes and no host to meet at, or a name is not plain.
    """
    words = ["torchrun", f"--nnodes={run.nodes}", "--nproc-per-node=1", "--max-restarts=0"]
    if run.nodes == 1:
        words += ["--standalone"]
    else:
        if host is None or not _HOST.fullmatch(host):
            found = "nothing" if host is None else repr(host[:60])
            raise InputError(f"--host must name the node that all of them meet at (found {found})")
        words += [
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={host}:{port}",
            f"--rdzv-id={plain_name('--id', run_id)}",
        ]
        # Nodes that never come: the others go no further, and say so after this time.
        words += [f"--rdzv-conf=join_timeout={run.limit_s}"]
    return shell_line([*words, "--no-python", *run.command_line(run.out)]) + "\n"
