"""Command lines as targets: options with odd values must end with exit code 0, 1 or 2, no fault of ours."""

from __future__ import annotations

import contextlib
import io
import random
import shlex
from functools import cache
from pathlib import Path

from bench.errors import InputError
from flopcensus.cli import invoke
from tests.fuzz.documents import GOLDEN
from tests.fuzz.mutants import NASTY
from tests.fuzz.schemas import QUANTITIES

_DRAWN = " --draws 30"
_VALUES = (
    *(text for text in NASTY if len(text) < 100 and "\x00" not in text),
    *QUANTITIES,
    *(
        "1e26",
        "1e-5",
        "1e400",
        "-1",
        "0",
        "2",
        "best",
        "all",
        "1:2",
        "2019:2030",
        "9999:1",
        "2026-01-01",
        "9999",
    ),
    *("vendor:US=0.6", "vendor:US=1.1", "carbon=5000 t", "cost=1", "delivered=5 EFLOP/s", "foundry:TW=0.1"),
    *(
        "nvidia-h100-sxm",
        "AMD MI300X",
        "nvidia-h100-sxm=8",
        "US",
        "EU",
        "bf16",
        "fp4",
        "memory",
        "peak,delivered",
    ),
    *(
        "territory,vendor",
        "territory,territory",
        "--",
        "-",
        "--draws",
        "--seed",
        "--help",
        "h100e",
        "json",
        "csv",
    ),
)
_OF_DRAWS = (
    "estimate FACILITIES --country FR --basis peak --by territory,vendor --as-of 2026-06-30",
    "estimate FACILITIES --group EU --unit h100e --basis delivered --seed 3 --format json",
    "estimate LEDGER --unit bytes_per_s --status operational --since 2024 --format csv",
    "estimate FACILITIES --years 2024:2027 --basis peak --precision fp8",
    "estimate FACILITIES --unit flop_per_year --joint access --sized drop",
    "training-run --flop 1e24 --accelerator nvidia-h100-sxm --count 16384 --days 30 --parameters 4e9",
    "training-run --flop '1e24 to 3e24' --on CLUSTER --share 0.5 --confidence 0.8 --utilisation '35 %'",
    "training-run --flop 1e24 --on FACILITIES --sites 2 --link '400 Gbit/s' --pue 1.2 --usd-per-kwh 0.1",
    "compare CLUSTER nordic-alliance --format json",
    "plan CLUSTER --maximise delivered --power '50 MW' --max-share vendor:US=0.6",
    "plan hedged --minimise cost --at-least '5 EFLOP/s' --accelerators nvidia-gb300,amd-mi355x",
)
LINES: tuple[str, ...] = (
    *(line + _DRAWN for line in _OF_DRAWS),
    "decode '21 AI exaFLOPS' --accelerator nvidia-gh200 --count 5448",
    "export-control nvidia-h100-sxm --on 2024-01-01",
    "catalogue accelerators --format json",
)
_FILES = {"FACILITIES": "facilities.yaml", "LEDGER": "ledger.csv", "CLUSTER": "cluster.yaml"}


def line_mutant(chance: random.Random, seed: bytes) -> bytes:
    """Return a command line with values changed, dropped, swapped or doubled; the command itself stays."""
    words = shlex.split(seed.decode())
    for _ in range(chance.choice((1, 1, 2, 3))):
        place = chance.randrange(1, len(words)) if len(words) > 1 else 0
        what = chance.randrange(6)
        if place == 0 or what < 3:
            words[place or -1 :] = [chance.choice(_VALUES), *(words[place + 1 :] if place else [])]
        elif what == 3:
            del words[place]
        elif what == 4:
            words.insert(place, chance.choice(_VALUES))
        else:
            words[place] = words[place] + chance.choice(_VALUES)
    return shlex.join(words).encode("utf-8", "replace")


@cache
def _file(word: str) -> str:
    return str(GOLDEN / _FILES[word])


def command(path: Path) -> None:
    """Run the line of a file in this process; what it prints must be text that holds no escape sequence."""
    words = [
        _file(w) if w in _FILES else w for w in shlex.split(path.read_bytes().decode("utf-8", "replace"))
    ]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = invoke(words)
    assert code in {0, 1, 2}, f"exit {code}: {err.getvalue()[-200:]}"
    assert "\x1b" not in out.getvalue() + err.getvalue(), "an escape sequence"
    if code == 2:
        assert err.getvalue().strip(), "a refusal without a word"
        raise InputError(err.getvalue())
