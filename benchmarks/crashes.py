"""Commands killed at random moments: nothing is lost, files are whole, running again ends the same.

python benchmarks/crashes.py [--kills N] [--seed S] [--command NAME …] [--case NAME …] [--json FILE]

Each command runs as a process group of its own, in small: a small census, six nodes' records, scripted
devices (`tests.reliability.crash_cases`). Half of the kills (SIGKILL to the group) fall at a moment drawn
evenly over the time of an undisturbed run, half on a change of a file drawn evenly among those that it makes,
up to 2 ms after. Half begin in an empty folder, half over the files of an earlier run with other content.
After each:

- every file there is whole, and is that of the earlier run or of the new one;
- what was announced as finished is in a journal or a record, and stays there, figure for figure;
- `--resume`, or running again, ends with the same files as the undisturbed run, and nothing else.

Ctrl-C ends it with what it has found so far. Exit code 1 if anything failed. Linux only (inotify).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.reliability.crash_cases import (  # noqa: E402  (the checkout comes first)
    ESTIMATE,
    FLOPCENSUS,
    Case,
    Contents,
    announced,
    cases,
    contents,
    environment,
    finished,
    is_part,
    make_inputs,
)
from tests.reliability.killing import Ended, Moment, run  # noqa: E402

COLUMNS = ("kills", "on a change", "mid-write", "files", "left over", "resumed", "failures")


@dataclass
class Reference:
    """What an undisturbed run does, in an empty folder and over the files of an earlier run."""

    ended: Ended
    held: Contents
    older: Path | None = None
    older_held: Contents = field(default_factory=dict)
    held_over: Contents = field(default_factory=dict)


@dataclass
class Tally:
    """What became of the kills of a case."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    stopped: bool = False


class Campaign:
    """Kills, in a folder of its own."""

    def __init__(self, here: Path, seed: str, *, documents: bool = True) -> None:
        self.here, self.seed = here, seed
        self.inputs = here / "inputs"
        for name in ("inputs", "switches", "tmp", "out"):
            (here / name).mkdir()
        make_inputs(self.inputs)
        self.environment = environment(here)
        for when in ("now", "then") if documents else ():
            estimated = self._run([*FLOPCENSUS, *ESTIMATE, str(self.inputs / f"{when}.yaml")])
            (self.inputs / f"{when}.json").write_bytes(estimated.stdout)

    def kill(self, case: Case, kills: int) -> Tally:
        """Kill a case so many times; runs that end before they are killed are not counted."""
        chance, tally = random.Random(f"{self.seed} {case.name}"), Tally()
        reference = self.reference(case)
        try:
            while tally.counts["kills"] < kills:
                self._kill_once(case, reference, chance, tally)
        except KeyboardInterrupt:
            tally.stopped = True
        return tally

    def _kill_once(self, case: Case, reference: Reference, chance: random.Random, tally: Tally) -> None:
        moment = Moment.draw(chance, reference.ended)
        over = reference.older is not None and chance.random() < 0.5
        faults = self._once(case, reference, moment, over, tally)
        where = f"{case.name}, kill {tally.counts['kills']} ({moment}, over={over})"
        tally.failures += [f"{where}: {one}" for one in faults]
        tally.counts["failures"] += bool(faults)

    def reference(self, case: Case) -> Reference:
        """What an undisturbed run does."""
        ended, held = self._undisturbed(case, self.fresh())
        if case.older is None:
            return Reference(ended, held)
        out, older = self.fresh(), self.here / "older"
        self._run([*case.program, *case.older(out)])
        shutil.rmtree(older, ignore_errors=True)
        shutil.copytree(out, older)
        older_held, _ = contents(out)
        _, held_over = self._undisturbed(case, self.fresh(older))
        return Reference(ended, held, older, older_held, held_over)

    def _undisturbed(self, case: Case, out: Path) -> tuple[Ended, Contents]:
        ended = self._run([*case.program, *case.args(out)])
        held, faults = contents(out)
        if ended.code not in (0, 1) or faults:
            raise RuntimeError(f"{case.name}: {faults} {ended.stderr.decode()}")
        return ended, held

    def _once(self, case: Case, reference: Reference, moment: Moment, over: bool, tally: Tally) -> list[str]:
        """Kill once and run again; what went wrong. A run that ended before the kill is not counted."""
        out = self.fresh(reference.older if over else None)
        ended = run([*case.program, *case.args(out)], out, self.environment, moment)
        if not ended.killed:
            return []
        before, after = (reference.older_held, reference.held_over) if over else ({}, reference.held)
        held, faults = contents(out)
        faults += strangers(case, held, before, after)
        if case.name == "estimate" and not reference.ended.stdout.startswith(ended.stdout):
            faults.append("stdout is not the beginning of what an undisturbed run prints")
        parts = [path for path in out.rglob("*") if is_part(path)]
        on_a_change = moment.changes is not None
        files = sum(path.is_file() for path in out.rglob("*"))
        between = _is_between(parts, held, before, after, out)
        done = finished(out) if case.measures else Counter[str]()
        faults += [
            f"{name} was done and is lost"
            for name in announced(ended.stderr)
            if not any(one.startswith(f"('{name}'") for one in done)
        ]
        faults += self._again(case, reference, out, over, tally)
        if lost := done - (finished(out) if case.measures else Counter()):
            faults.append(f"lost by running again: {lost}")
        left = [path for path in (*out.rglob("*"), *(self.here / "tmp").rglob("*")) if _is_left(path)]
        # only now: a campaign that is stopped in the middle of a kill does not count it
        tally.counts.update(
            {
                "kills": 1,
                "on a change": int(on_a_change),
                "mid-write": int(between),
                "files": files,
                "left over": int(bool(left)),
            }
        )
        return faults

    def _again(self, case: Case, reference: Reference, out: Path, over: bool, tally: Tally) -> list[str]:
        args = case.args(out)
        if case.resumes and any(out.glob("journal-*.jsonl")):
            resumed = self._run([*case.program, "bench", "--alone", "--resume", str(out)])
            tally.counts["resumed"] += resumed.code == 0
            if resumed.code == 0:
                args = []
            elif b"no journal of an unfinished run" not in resumed.stderr:
                return [f"--resume ended with {resumed.code}: {resumed.stderr.decode()[-300:]}"]
            elif self._new_records(reference, out, over):
                args = []  # the record had been written; only the journal was still there
        elif case.resumes and self._new_records(reference, out, over):
            args = []
        if args:
            ended = self._run([*case.program, *args])
            if ended.code != reference.ended.code:
                return [f"running again ended with {ended.code}: {ended.stderr.decode()[-300:]}"]
            if ended.stdout != reference.ended.stdout and case.name == "estimate":
                return ["running again prints something else"]
        held, faults = contents(out)
        return faults + differences(case, held, reference.held_over if over else reference.held)

    def _new_records(self, reference: Reference, out: Path, over: bool) -> bool:
        return len(list(out.glob("record-*.json"))) > (len(reference.older_held) if over else 0)

    def fresh(self, start: Path | None = None) -> Path:
        """The folder to write to, empty or as another."""
        for name in ("out", "tmp"):
            shutil.rmtree(self.here / name)
        (self.here / "tmp").mkdir()
        out = self.here / "out"
        if start is None:
            out.mkdir()
        else:
            shutil.copytree(start, out)
        return out

    def _run(self, args: list[str]) -> Ended:
        return run(args, self.here / "out", self.environment)


def _is_between(parts: list[Path], held: Contents, before: Contents, after: Contents, out: Path) -> bool:
    """Whether the kill fell among writes: a part is there, a journal's line is torn, some files are new."""
    torn = any(not path.read_bytes().endswith(b"\n") for path in out.rglob("journal-*.jsonl"))
    new = [name for name, content in held.items() if content != before.get(name)]
    return bool(parts or torn or 0 < len(new) < len(after))


def strangers(case: Case, held: Contents, before: Contents, after: Contents) -> list[str]:
    """Files that are neither those of the earlier run nor of the new one."""
    faults = []
    for name, content in held.items():
        known = {*before.get(name, ()), *after.get(name, ())}
        for one in content:
            if one not in known and not (case.measures and _is_without_record(name, one, after)):
                faults.append(f"{name}: neither the file of before nor the new one: {str(one)[:200]}")
    return faults


def _is_without_record(name: str, content: Any, after: Contents) -> bool:
    """Results of a study as they are before this machine is measured."""
    return name == "results.json" and any(content == (one[0], None) for one in after.get(name, ()))


def differences(case: Case, held: Contents, expected: Contents) -> list[str]:
    """Where a folder differs from that of an undisturbed run."""
    faults = []
    for name in sorted({*held, *expected}):
        found, wanted = held.get(name, ()), expected.get(name, ())
        if case.measures and not case.resumes and name.endswith("record"):
            # measured anew: a finished record of the run that was cut off stays beside the new one
            found, wanted = tuple(sorted(set(found))), tuple(sorted(set(wanted)))
        if found != wanted:
            faults.append(
                f"{name}: {len(found)}, not the {len(wanted)} of an undisturbed run: {str(found)[:200]}"
            )
    return faults


def _is_left(path: Path) -> bool:
    return path.is_file() and (is_part(path) or path.name.startswith("journal-") or path.parent.name == "tmp")


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200, help="of each command, spread over its cases")
    parser.add_argument("--seed", default="crashes-1")
    parser.add_argument(
        "--command", action="append", help="bench, fleet, estimate, run or convert; repeatable"
    )
    parser.add_argument("--case", action="append", help="one of a command's cases; repeatable")
    parser.add_argument("--json", type=Path, help="write the counts there too")
    asked = parser.parse_args()
    failures: list[str] = []
    print(f"{'':20}" + "".join(f"{name:>13}" for name in COLUMNS) + f"{'s':>8}", flush=True)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="crashes-", ignore_cleanup_errors=True) as folder:
        needed = not asked.case or any(name.startswith(("export", "report")) for name in asked.case)
        campaign = Campaign(Path(folder), asked.seed, documents=needed)
        every = cases(campaign.inputs)
        for case in every:
            if (asked.command and case.command not in asked.command) or (
                asked.case and case.name not in asked.case
            ):
                continue
            of = [one for one in every if one.command == case.command]
            share = asked.kills // len(of) + (of.index(case) < asked.kills % len(of))
            start = time.monotonic()
            tally = campaign.kill(case, asked.kills if asked.case else share)
            row = "".join(f"{tally.counts[name]:>13,}" for name in COLUMNS)
            print(f"{case.name:20}{row}{time.monotonic() - start:>8.0f}", flush=True)
            for line in tally.failures:
                print(f"  {line}", flush=True)
            failures += tally.failures
            found[case.name] = {name: tally.counts[name] for name in COLUMNS}
            if tally.stopped:
                print("  stopped before all kills were made", flush=True)
                break
            if asked.json:
                asked.json.write_text(json.dumps({"seed": asked.seed, "cases": found}, indent=2) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
