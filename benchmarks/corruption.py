"""Bits flipped in what workloads compute: how many the checks see, and how often they cry wolf.

python benchmarks/corruption.py [--flips N] [--clean N] [--seed S] [--workload NAME …]

Each workload runs at a small size on the CPU (`CASES`). After a right call, one bit of one element of its
output is turned over, the element drawn evenly over the output and the bit evenly among those of a kind:
the workload's own check must find the output wrong. "16 bits" are sixteen such flips of any kind at once. The
digest is the hash by which `bench` compares two calls on the same operands; "-" where a workload promises no
equal bits. False alarms are checks of right calls, with new operands each, that find something wrong.
Collectives run on two ranks over Gloo, of which the first is told of. "s" is wall time.
``--flips 0`` makes clean runs alone; ``--part 2/5`` makes the second fifth of them, with operands of its own.
Exit code 1 if there was any false alarm, or if a digest missed a flip.
"""

from __future__ import annotations

import argparse
import multiprocessing
import queue
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402  (the checkout comes first)

from kernels.catalogue import GROUPED, WORKLOADS  # noqa: E402
from kernels.exchange.kinds import KINDS  # noqa: E402
from kernels.operations import convolution_run  # noqa: E402
from kernels.training.run import PreparedTraining  # noqa: E402
from kernels.workload import Place, Shape  # noqa: E402
from tests.reliability.flipping import (  # noqa: E402
    FLOAT_KINDS,
    INTEGER_KINDS,
    TRAINING_PARTS,
    Kind,
    draw_flip,
    faulty_step,
    kinds_of,
    outputs_of,
)

SMALL_MODEL = {"hidden": 64, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate": 96, "vocabulary": 128}
STEP = {**SMALL_MODEL, "batch": 2, "sequence": 128}
ATTENTION = {"sequence": 192, "batch": 2, "heads": 2, "head": 64}
SQUARE = {"m": 128, "n": 128, "k": 128}
LARGER = {"m": 512, "n": 512, "k": 512}
MANY = 16
RANKS = 2
# Channels and side, of a convolution in small.
STAGES = ((16, 14), (32, 7))
DECODED = ("bf16", "fp32")


@dataclass(frozen=True)
class Case:
    """A workload in small; ``part`` is what is spoilt of a training step."""

    workload: str
    precision: str
    shape: Shape
    part: str | None = None

    @property
    def name(self) -> str:
        """For the table."""
        sides = {"m", "n", "k"}
        size = f" {self.shape['n']}" if sides <= set(self.shape) else ""
        return f"{self.workload} {self.precision}{size}{' ' + self.part if self.part else ''}"

    def prepare(self, seed: int) -> Any:
        """With operands drawn from the seed."""
        if self.workload == "convolution":
            size = self.shape["batch"], STAGES
            return convolution_run.prepare(self.precision, *size, Place(), seed, channels_last=False)
        if self.workload in WORKLOADS:
            return WORKLOADS[self.workload].prepare(self.precision, self.shape, Place(), seed=seed)
        place = Place(ranks=torch.distributed.get_world_size(), rank=torch.distributed.get_rank())
        return GROUPED[self.workload].prepare(self.precision, self.shape, place, seed=seed)

    @property
    def is_grouped(self) -> bool:
        """Whether it takes several ranks."""
        return self.workload in GROUPED


CASES = (
    *(Case("gemm", precision, SQUARE) for precision in ("fp64", "fp32", "fp16", "bf16", "int8")),
    *(Case("gemm", precision, LARGER) for precision in ("fp32", "bf16")),
    *(Case("attention_forward", precision, ATTENTION) for precision in ("bf16", "fp32")),
    *(Case("attention_training", precision, ATTENTION) for precision in ("bf16", "fp32")),
    *(
        Case("training_step", precision, STEP, part)
        for precision in ("bf16", "fp32")
        for part in TRAINING_PARTS
    ),
    *(Case("decode_step", precision, {**SMALL_MODEL, "batch": 4, "context": 64}) for precision in DECODED),
    *(Case("convolution", precision, {"batch": 2}) for precision in ("bf16", "fp32")),
    *(Case("normalisation", precision, {"rows": 128, "width": 512}) for precision in ("bf16", "fp32")),
    Case("embedding", "fp32", {"rows": 4096, "width": 64}),
    *(Case(f"memory_{kind}", "fp32", {"elements": 1 << 14}) for kind in ("copy", "scale", "add", "triad")),
    *(Case(kind, "fp32", {"bytes": 1 << 16, "ranks": RANKS}) for kind in KINDS),
)


@dataclass
class Found:
    """Of each kind of flip, how many were made, seen by the check and seen by the digest."""

    made: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    digested: Counter[str] = field(default_factory=Counter)
    has_digest: bool = False

    def share(self, kind: str) -> str:
        """For the table; empty where the type has no such bits."""
        return f"{self.seen[kind] / self.made[kind]:.1%}" if self.made[kind] else ""


def judged(
    case: Case, prepared: Any, kind: Kind | None, chance: random.Random, flips: int
) -> tuple[bool, bool]:
    """Whether the check and the digest see that many flips."""
    if isinstance(prepared, PreparedTraining):
        assert case.part is not None
        with faulty_step(prepared, case.part, kind, chance):
            return not prepared.check().correct, True
    before = prepared.digest()
    made = [draw_flip(outputs_of(prepared), kind, chance) for _ in range(flips)]
    for flip in made:
        flip.do()
    seen, other = not prepared.check().correct, prepared.digest() != before
    for flip in made:
        flip.do()
    return seen, other


def ran(case: Case, seed: int) -> Any:
    """The workload after a call."""
    prepared = case.prepare(seed)
    prepared.poison()
    with prepared.setting():
        prepared.run()
        if isinstance(prepared, PreparedTraining):
            prepared.run()
    return prepared


def flipped(case: Case, flips: int, seed: str) -> Found:
    """Flips of every kind; operands are drawn anew after every twenty, and for each training step."""
    chance, found = random.Random(f"{seed} {case.name}"), Found()
    for kind, count in trials(case, flips) if flips else ():
        prepared = None
        for number in range(count):
            if prepared is None or number % 20 == 0 or isinstance(prepared, PreparedTraining):
                prepared = ran(case, chance.randrange(1 << 30))
            many = MANY if kind == f"{MANY} bits" else 1
            one: Kind | None = kind if kind in (*FLOAT_KINDS, *INTEGER_KINDS) else None  # type: ignore[assignment]
            with prepared.setting() if case.workload != "training_step" else nullcontext():
                seen, digested = judged(case, prepared, one, chance, many)
            found.made[kind] += 1
            found.seen[kind] += seen
            found.has_digest = prepared.digest() is not None
            found.digested[kind] += digested
    return found


def trials(case: Case, flips: int) -> Iterator[tuple[str, int]]:
    """Kinds of flips, and how many of each."""
    prepared = ran(case, 0)
    dtypes = (
        {torch.float32} if isinstance(prepared, PreparedTraining) else {t.dtype for t in outputs_of(prepared)}
    )
    for kind in kinds_of(dtypes.pop()):
        yield kind, flips
    yield "any", flips
    if not isinstance(prepared, PreparedTraining):
        yield f"{MANY} bits", flips


def false_alarms(case: Case, runs: int, seed: str) -> list[str]:
    """What checks of right outputs found wrong."""
    chance = random.Random(f"{seed} clean {case.name}")
    alarms = []
    for _ in range(runs):
        drawn = chance.randrange(1 << 30)
        verdict = ran(case, drawn).check()
        if not verdict.correct:
            alarms.append(f"{case.name}, operands {drawn}: {verdict.detail}")
    return alarms


def found_in(case: Case, flips: int, clean: int, seed: str, part: str) -> tuple[Found, list[str]]:
    """What is found of a case, in a group of ranks where it takes one."""
    if not case.is_grouped:
        return flipped(case, flips, seed), false_alarms(case, clean, seed + part)
    processes = multiprocessing.get_context("spawn")
    answer = processes.Queue()
    with tempfile.TemporaryDirectory(prefix="corruption-") as folder:
        where, asked = f"file://{folder}/group", (case, flips, clean, seed, part)
        ranks = [
            processes.Process(target=_one_rank, args=(rank, where, asked, answer)) for rank in range(RANKS)
        ]
        for one in ranks:
            one.start()
        found: tuple[Found, list[str]] | None = None
        while found is None:
            try:
                found = answer.get(timeout=1)
            except queue.Empty:
                if any(one.exitcode for one in ranks):
                    raise RuntimeError(f"{case.name}: a rank failed") from None
        for one in ranks:
            one.join()
    return found


def _one_rank(rank: int, where: str, asked: tuple[Case, int, int, str, str], answer: Any) -> None:
    """Of a group whose ranks all do the same; the first one tells."""
    case, flips, clean, seed, part = asked
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=where, rank=rank, world_size=RANKS)
    found = flipped(case, flips, seed), false_alarms(case, clean, seed + part)
    if rank == 0:
        answer.put(found)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flips", type=int, default=200, help="of each kind")
    parser.add_argument("--clean", type=int, default=10_000, help="runs without a flip, over all workloads")
    parser.add_argument("--seed", default="corruption-1")
    parser.add_argument("--workload", action="append")
    parser.add_argument("--part", default="", help="of the clean runs: 2/5 makes the second fifth")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [case for case in CASES if not asked.workload or case.workload in asked.workload]
    columns = (*FLOAT_KINDS, "high", "low", "any", f"{MANY} bits")
    print(
        f"{'':30}" + "".join(f"{name:>15}" for name in (*columns, "digest", "alarms/clean", "s")), flush=True
    )
    total, wolves, missed = 0, list[str](), 0
    # the parts of a training step are spoilt one by one, and right together
    clean = [case for case in chosen if case.part in (None, TRAINING_PARTS[0])]
    slow = {"training_step": 0.2, "attention_training": 0.5, "decode_step": 0.5, "convolution": 0.5}
    weight = sum(slow.get(case.workload, 1.0) for case in clean)
    parts = int(asked.part.partition("/")[2] or 1)
    for case in chosen:
        start = time.monotonic()
        count = asked.flips if case.part is None else -(-asked.flips // 4)
        share = asked.clean / parts * slow.get(case.workload, 1.0) / weight
        runs = round(share + 0.5) if case in clean else 0
        if not (count or runs):
            continue
        found, alarms = found_in(case, count, runs, asked.seed, asked.part and f" {asked.part}")
        total, wolves = total + runs, wolves + alarms
        digest = "-"
        if found.has_digest:
            missed += found.made.total() - found.digested.total()
            digest = f"{found.digested.total() / found.made.total():.1%}"
        cells = [found.share(kind) for kind in columns] + [digest, f"{len(alarms)}/{runs}"]
        seconds = time.monotonic() - start
        print(f"{case.name:30}" + "".join(f"{cell:>15}" for cell in cells) + f"{seconds:>15.0f}", flush=True)
    for line in wolves:
        print(f"  false alarm: {line}")
    print(f"{len(wolves)} false alarms in {total:,} clean runs; {missed} flips missed by digests")
    return 1 if wolves or missed else 0


if __name__ == "__main__":
    sys.exit(main())
