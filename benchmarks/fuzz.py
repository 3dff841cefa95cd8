"""Fuzz campaigns: mutants of real and written files, read by every reader of a foreign file, config or claim.

python benchmarks/fuzz.py [TARGET …] [--inputs N] [--seed S] [--keep DIR]
python benchmarks/fuzz.py TARGET --guided [--inputs N] [--keep DIR]     guided by coverage (atheris)
python benchmarks/fuzz.py [TARGET …] --from-schemas [--inputs N]        documents from JSON schemas

Prints, for each target, how many inputs were read and refused, the failures and the slowest input. A failing
input is kept as DIR/TARGET/HASH (``tests/fuzz/cases`` holds those found so far). Exit code 1 if any failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzz.configs import SCHEMAS  # noqa: E402  (the checkout comes first)
from tests.fuzz.schemas import documents  # noqa: E402
from tests.fuzz.targets import TARGETS, Target, attempt, seeds  # noqa: E402

HANG_AFTER_S = 20
DATA = ROOT.parent / "shared" / "data"


class HangError(Exception):
    """An input took too long."""


@dataclass
class Tally:
    """What became of the inputs of a target."""

    target: Target
    keep: Path
    path: Path
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0

    def take(self, content: bytes) -> None:
        """Try one input; a failure is kept once for each place it comes from."""
        self.path.write_bytes(content)
        signal.alarm(HANG_AFTER_S)
        start = time.perf_counter()
        try:
            self.outcomes["read" if attempt(self.target, self.path) else "refused"] += 1
        except Exception as error:
            self._fail(error, content)
        finally:
            signal.alarm(0)
            self.slowest_s = max(self.slowest_s, time.perf_counter() - start)

    def _fail(self, error: Exception, content: bytes) -> None:
        self.outcomes["failed"] += 1
        # where it left our code, not where a library noticed
        frames = traceback.extract_tb(error.__traceback__)
        last = [frame for frame in frames if frame.filename.startswith(str(ROOT))][-1]
        place = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        if len(self.failures) < 50 and place not in self.failures:
            self.words[place] = " ".join(str(error).split())[:200]
            folder = self.keep / self.target.name
            folder.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(content).hexdigest()[:12]
            (folder / name).write_bytes(content)
            self.failures[place] = name

    def line(self) -> str:
        """Return the row of the table."""
        counts = (self.outcomes[key] for key in ("read", "refused", "failed"))
        read, refused, failed = (f"{count:>9,}" for count in counts)
        return (
            f"{self.target.name:22}{self.outcomes.total():>10,}{read}{refused}{failed}{self.slowest_s:>10.2f}"
        )


def _hang(_signal: int, _frame: object) -> None:
    raise HangError(f"longer than {HANG_AFTER_S} s")


def _mutants(target: Target, inputs: int, seed: str) -> Iterator[bytes]:
    chance = random.Random(f"{seed}/{target.name}")
    found = seeds(target, DATA if DATA.is_dir() else None)
    for _ in range(inputs if found else 0):
        yield target.mutant(chance, chance.choice(found))


def _guided(tally: Tally, inputs: int, seed: str) -> None:
    import atheris  # noqa: PLC0415  (only Linux on x86-64 has it, and only this needs it)

    def take(content: bytes) -> None:
        tally.take(content)
        # the engine leaves without coming back here
        if tally.outcomes.total() == inputs:
            _print(tally)

    corpus = tally.path.parent / "corpus"
    corpus.mkdir()
    for place, content in enumerate(seeds(tally.target, DATA if DATA.is_dir() else None)):
        (corpus / str(place)).write_bytes(content)
    options = [f"-runs={inputs}", f"-seed={abs(hash(seed)) % 2**31 or 1}", "-max_len=20000", "-verbosity=0"]
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options, str(corpus)], take)
    atheris.Fuzz()


def _from_schema(tally: Tally, inputs: int, seed: str) -> None:
    import hypothesis as h  # noqa: PLC0415  (only this needs it)

    @h.seed(int(hashlib.sha256(seed.encode()).hexdigest()[:12], 16))
    @h.settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=[h.Phase.generate],
        suppress_health_check=list(h.HealthCheck),
    )
    @h.given(documents(SCHEMAS[tally.target.name]))
    def take(document: object) -> None:
        tally.take(json.dumps(document).encode())

    take()


def _print(tally: Tally) -> None:
    print(tally.line(), flush=True)
    for place, kept in tally.failures.items():
        print(f"    {kept}  {place}: {tally.words[place]}", flush=True)


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("targets", nargs="*", metavar="TARGET", choices=[[], *TARGETS])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--keep", type=Path, default=ROOT / "tests" / "fuzz" / "cases")
    parser.add_argument("--guided", action="store_true")
    parser.add_argument("--from-schemas", action="store_true")
    asked = parser.parse_args()
    signal.signal(signal.SIGALRM, _hang)
    print(f"{'target':22}{'inputs':>10}{'read':>9}{'refused':>9}{'failed':>9}{'slowest s':>10}")
    failed = 0
    for name in asked.targets or (SCHEMAS if asked.from_schemas else TARGETS):
        with tempfile.TemporaryDirectory() as folder:
            target = TARGETS[name]
            tally = Tally(target, asked.keep, Path(folder) / f"input{target.suffix}")
            if asked.guided:
                _guided(tally, asked.inputs, asked.seed)
            elif asked.from_schemas:
                _from_schema(tally, asked.inputs, asked.seed)
            else:
                for content in _mutants(target, asked.inputs, asked.seed):
                    tally.take(content)
            _print(tally)
            failed += tally.outcomes["failed"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
