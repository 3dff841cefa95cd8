"""Commands where something is lacking: room, permission, memory, files, a temporary folder; and two at once.

python benchmarks/faults.py [--case NAME …] [--fault NAME …] [--rounds N]

Each command of `tests.reliability.crash_cases` that writes runs over the files of an earlier run, while

- room:        the folder is a tmpfs with so many KiB to spare;
- read-only:   the folder is mounted read-only;
- permission:  the folder may not be written to, and the process has no capabilities;
- memory:      its address space is limited (RLIMIT_AS);
- files:       so many files may be open (RLIMIT_NOFILE; with 4, Python itself does not start);
- temporary:   no folder for temporary files can be found;
- clock:       the time of day jumps by a month back or forth at every look (a library before libc; needs cc);
- twice:       the same with other inputs writes to the same folder at the same time, N times over.

It must end with what it should, or with exit code 2 and one line that begins with "error:"; the files there
must be whole, the old or the new; and run again without the fault it must end as an undisturbed run does.
Needs root on Linux (mounts). Exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

from crashes import Campaign, Reference, differences, strangers  # noqa: E402  (the checkout comes first)

from tests.reliability.crash_cases import Case, cases, contents, is_part  # noqa: E402

MIB = 1 << 20
FILLER = ".filler.part"
# The time of day as libc tells it; Python, and what it calls, ask there.
JUMPING_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  static int looks;
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(which, now);
  if (which == CLOCK_REALTIME) now->tv_sec += (long)(looks++ % 3 - 1) * 30 * 86400;
  return failed;
}
"""
NO_TEMPORARY = (
    "import sys, tempfile; sys.argv = sys.argv[1:]; tempfile._candidate_tempdir_list = lambda: []; "
    "import runpy; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@dataclass(frozen=True)
class Fault:
    """Something that is lacking.

    Attributes:
        name: What.
        amount: How much there is of it.
    """

    name: str
    amount: int = 0

    @contextmanager
    def around(self, out: Path) -> Iterator[None]:
        """The folder as it is while the fault lasts."""
        if self.name == "clock":
            _make_clock(out.with_name("clock.so"))
            yield
        elif self.name == "room":
            with _mounted_full(out, self.amount):
                yield
        elif self.name == "read-only":
            _mount("--bind", str(out), str(out))
            try:
                _mount("-o", "remount,ro,bind", str(out))
                yield
            finally:
                subprocess.run(["umount", str(out)], check=True)
        elif self.name == "permission":
            folders = [out, *(path for path in out.rglob("*") if path.is_dir())]
            for folder in folders:
                folder.chmod(0o555)
            yield
            for folder in folders:
                folder.chmod(0o755)
        else:
            yield

    def command(self, args: list[str], out: Path) -> list[str]:
        """The command as it is run."""
        if self.name == "clock":
            return ["env", f"LD_PRELOAD={out.with_name('clock.so')}", *args]
        if self.name == "permission":
            return [*WITHOUT_CAPABILITIES, *args]
        if self.name == "temporary":
            python, _, module, *rest = args
            return [python, "-c", NO_TEMPORARY, module, *rest]
        return args

    def limit(self) -> None:
        """Limits of the process itself."""
        if self.name == "memory":
            resource.setrlimit(resource.RLIMIT_AS, (self.amount * MIB, self.amount * MIB))
        elif self.name == "files":
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.amount, self.amount))


FAULTS = (
    *(Fault("room", kib) for kib in (0, 4, 16, 64)),
    Fault("read-only"),
    Fault("permission"),
    *(Fault("memory", mib) for mib in (60, 150, 300, 600)),
    *(Fault("files", count) for count in (6, 8, 10, 12)),
    Fault("temporary"),
    Fault("clock"),
)


@contextmanager
def _mounted_full(out: Path, spare_kib: int) -> Iterator[None]:
    """A tmpfs with what was there, and so much room."""
    held = out.with_name("held")
    shutil.copytree(out, held)
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(out))
    try:
        shutil.copytree(held, out, dirs_exist_ok=True)
        left = shutil.disk_usage(out).free - spare_kib * 1024
        # a filler takes what is left: it lies in the folder, and is passed over by its name
        (out / FILLER).write_bytes(b"\0" * max(0, left))
        yield
        (out / FILLER).unlink()
        shutil.rmtree(held)
        shutil.copytree(out, held)
    finally:
        subprocess.run(["umount", str(out)], check=True)
    shutil.rmtree(out)
    shutil.move(held, out)


def _make_clock(library: Path) -> None:
    if not library.exists():
        compiled = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl"]
        subprocess.run(compiled, input=JUMPING_CLOCK, encoding="utf-8", check=True)


def _mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True)


def tried(campaign: Campaign, case: Case, reference: Reference, fault: Fault) -> tuple[str, list[str]]:
    """Run a case with a fault, then without; how it ended, and what went wrong."""
    out = campaign.fresh(reference.older)
    with fault.around(out):
        done = _done(campaign, fault.command([*case.program, *case.args(out)], out), fault.limit)
        faults, held = _judged(case, reference, out, done)
    # what a measuring run could not finish may be in its journal
    for journal in out.rglob("journal-*.jsonl"):
        journal.unlink()
    again = _done(campaign, [*case.program, *case.args(out)], lambda: None)
    if again.returncode != reference.ended.code:
        faults.append(f"running again ended with {again.returncode}: {again.stderr[-200:]}")
    after, broken = contents(out)
    if not (case.measures and held):
        faults += broken + differences(
            case, after, reference.held_over if reference.older else reference.held
        )
    said = next((line for line in done.stderr.splitlines()[::-1] if line.startswith("error:")), "")
    return f"{done.returncode} {said.replace(str(campaign.here), '')}".strip(), faults


def _done(campaign: Campaign, args: list[str], limit: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        args,
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        env=campaign.environment,
        preexec_fn=limit,
        timeout=300,
    )


def _judged(
    case: Case, reference: Reference, out: Path, done: subprocess.CompletedProcess[str]
) -> tuple[list[str], bool]:
    """What is wrong with how it ended, and whether new records are there."""
    faults = []
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    if done.returncode not in (reference.ended.code, 2) or (done.returncode == 2 and len(errors) != 1):
        faults.append(f"ended with {done.returncode}: {done.stderr[-400:]}")
    if "Traceback" in done.stderr:
        faults.append("shows a traceback")
    held, broken = contents(out)
    after = reference.held_over if reference.older else reference.held
    faults += broken + strangers(case, held, reference.older_held, after)
    if lost := [name for name in reference.older_held if name not in held]:
        faults.append(f"lost: {lost}")
    if parts := [path.name for path in out.rglob("*") if is_part(path) and path.name != FILLER]:
        faults.append(f"left behind: {parts}")
    return faults, any(name.endswith("record") for name in held)


def twice(campaign: Campaign, case: Case, rounds: int) -> tuple[str, list[str]]:
    """Two of them into one folder: each set of files is one's or the other's."""
    assert case.older is not None
    ends: Counter[str] = Counter()
    faults: list[str] = []
    alone = []
    for make in (case.args, case.older):
        out = campaign.fresh()
        _done(campaign, [*case.program, *make(out)], lambda: None)
        alone.append(contents(out)[0])
    for _ in range(rounds):
        out = campaign.fresh()
        started = [
            subprocess.Popen(
                [*case.program, *make(out)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=campaign.environment,
                encoding="utf-8",
            )
            for make in (case.args, case.older)
        ]
        said = [process.communicate(timeout=300)[1] for process in started]
        codes = [process.returncode for process in started]
        ends["+".join(map(str, sorted(codes)))] += 1
        held, broken = contents(out)
        faults += broken + [
            text[-300:] for code, text in zip(codes, said, strict=True) if code not in (0, 1, 2)
        ]
        faults += [f"left behind: {path.name}" for path in out.rglob("*") if is_part(path)]
        faults += _mixed(case, held, alone)
    return ", ".join(f"{count} × exit codes {codes}" for codes, count in sorted(ends.items())), faults


def _mixed(
    case: Case, held: dict[str, tuple[object, ...]], alone: list[dict[str, tuple[object, ...]]]
) -> list[str]:
    if case.resumes or "history" in case.name:
        # both are kept, side by side or joined
        return [] if held else ["nothing is there"]
    if case.measures:
        held = {name: found for name, found in held.items() if not name.endswith("record")}
        alone = [{name: one for name, one in whole.items() if not name.endswith("record")} for whole in alone]
    if any(all(held.get(name) == found for name, found in whole.items()) for whole in alone):
        return []
    return [f"files of both: {sorted(held)}"]


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", action="append")
    parser.add_argument("--fault", action="append")
    parser.add_argument("--rounds", type=int, default=6, help="of two at once")
    asked = parser.parse_args()
    failures = runs = 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        documents = not asked.case or any(name.startswith(("export", "report")) for name in asked.case)
        campaign = Campaign(Path(folder), "faults-1", documents=documents)
        for case in cases(campaign.inputs):
            if case.older is None or (asked.case and case.name not in asked.case):
                continue
            reference = campaign.reference(case)
            for fault in FAULTS:
                if asked.fault and fault.name not in asked.fault:
                    continue
                ended, faults = tried(campaign, case, reference, fault)
                failures, runs = failures + bool(faults), runs + 1
                print(f"{case.name:20}{fault.name:>12}{fault.amount or '':>6}  {ended[:150]}", flush=True)
                for line in faults:
                    print(f"    FAILED {line[:600]}", flush=True)
            if not asked.fault or "twice" in asked.fault:
                ended, faults = twice(campaign, case, asked.rounds)
                failures, runs = failures + bool(faults), runs + asked.rounds
                print(f"{case.name:20}{'twice':>12}{'':6}  {ended}", flush=True)
                for line in faults:
                    print(f"    FAILED {line[:600]}", flush=True)
    print(f"{runs} runs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
