"""A script that measures a list of hosts over ssh: several at a time, in bounded time, records brought home.

The records come back through the connection's own output, so that no disk is shared and nothing is copied
after.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.errors import InputError
from bench.launching.rank import LAUNCH_ID
from flopcensus.launching.bench_run import BenchRun
from flopcensus.launching.quoting import shell_line

# user@host, as ssh takes it: never a word that it would read as an option
_HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.:%_-]*")
REMOTE_DIR = "flopcensus-records"
# For the connection itself, on top of what the node may take. Unit: s.
CONNECTING_SECONDS = 60


def ssh_script(run: BenchRun, hosts: Sequence[str], at_once: int, remote_dir: str = REMOTE_DIR) -> str:
    """The script, for bash.

    Args:
        run: What to run; its folder is where records come home to.
        hosts: The nodes, each named once.
        at_once: How many at a time.
        remote_dir: Folder on each node.

    Raises:
        InputError: A host is named twice, or is no name that ssh would take for a host.
    """
    _require_hosts(hosts)
    waits = f'  while [ "$(jobs -rp | wc -l)" -ge {at_once} ]; do wait -n || true; done'
    return "\n".join(
        [
            _HEAD.format(
                out=shlex.quote(run.out),
                limit=run.limit_s + CONNECTING_SECONDS,
                remote=_remote(run, remote_dir),
            ),
            "start() {",
            waits,
            '  measure "$@" &',
            "}",
            *(f"start {rank} {host}" for rank, host in enumerate(hosts)),
            _TAIL.format(hosts=" ".join(hosts), count=len(hosts)),
        ]
    )


def host_names(path: Path) -> list[str]:
    """The hosts that a file names, one a line.

    Raises:
        InputError: The file is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text; give a file that names a host a line") from error
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def _remote(run: BenchRun, remote_dir: str) -> str:
    """What the shell of a node is told, quoted for it and then for ours; the rank comes in between."""
    settings = [f"WORLD_SIZE={run.nodes}", "LOCAL_RANK=0", "LOCAL_WORLD_SIZE=1"]
    bench = run.command_line(remote_dir, "--no-gather", "--format", "json")
    # The connection's end does not end the command, so that it has a limit of its own.
    timed = ["timeout", "--kill-after=30", str(run.limit_s), *bench]
    return '"env RANK=$1 ' + f"{LAUNCH_ID}=$launch " + '"' + shlex.quote(shell_line([*settings, *timed]))


def _require_hosts(hosts: Sequence[str]) -> None:
    if not hosts:
        raise InputError("name the hosts, or a file that lists them with --hosts")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise InputError(f"not the name of a host: {host[:60]!r}")
    twice = sorted(host for host, count in Counter(hosts).items() if count > 1)
    if twice:
        raise InputError(f"named twice: {', '.join(twice)}")


_HEAD = """#!/usr/bin/env bash
set -uo pipefail
out={out}
mkdir -p -- "$out" || exit 2
launch="ssh-$(date +%s)-$$"
# One node: its record comes through the connection, and takes its name once it is whole.
measure() {{
  local record="$out/record-$2-$launch.json" log="$out/log-$2-$launch.txt" code=0
  timeout --kill-after=30 {limit} ssh -o BatchMode=yes -o ConnectTimeout=30 -- "$2" {remote} \\
    </dev/null >"$record.part" 2>"$log" || code=$?
  if [ -s "$record.part" ]; then mv -f -- "$record.part" "$record"; else rm -f -- "$record.part"; fi
  printf '%s\\n' "$code" >"$out/.ended-$launch-$2"
}}"""
_TAIL = """wait
failed=0
for host in {hosts}; do
  code=$(cat -- "$out/.ended-$launch-$host" 2>/dev/null || echo none)
  rm -f -- "$out/.ended-$launch-$host"
  case "$code" in
    0) continue ;;
    124 | 137) why="did not end in time" ;;
    255) why="cannot be reached, or the connection broke" ;;
    *) why="ended with code $code" ;;
  esac
  failed=$((failed + 1))
  printf 'error: %s %s: %s\\n' "$host" "$why" "$(tail -n 1 -- "$out/log-$host-$launch.txt" 2>/dev/null)" >&2
done
printf '%s of {count} nodes measured; records in %s\\n' "$(({count} - failed))" "$out" >&2
[ "$failed" -eq 0 ]
"""
